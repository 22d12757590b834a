"""Imports AffectNet (Mollahosseini et al., 2017): training.csv and validation.csv, with valence and arousal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.class_folders import SPLITS
from harness.datasets.imports.listed import Line, Listing, usable_rows
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.table import Row, Table, number
from harness.errors import BadData

COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
CODES = {
    "0": "neutral",
    "1": "happy",
    "2": "sad",
    "3": "surprise",
    "4": "fear",
    "5": "disgust",
    "6": "angry",
    "7": "contempt",
}
NONE = {"8": "none of the eight", "9": "uncertain", "10": "not a face"}
TABLES = ("training.csv", "validation.csv", "automatically_annotated.csv")
NOT_RATED = -2
"""Valence and arousal of pictures that were not rated."""


class AffectNet(Importer):
    """Tables with `subDirectory_filePath`, `expression` (0 to 10), `valence` and `arousal` (-1 to 1), and the pictures.

    Some copies of `validation.csv` have no header; its columns are then those of `training.csv`.
    """

    name = "affectnet"
    summary = "AffectNet: training.csv, validation.csv and the pictures; valence and arousal become columns"
    label = "perceived"
    domain = "shown"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        paths = [p for p in source.files if PurePosixPath(p).name.casefold() in TABLES]
        if not paths:
            raise BadData(
                f"{source.name!r} is not AffectNet: it contains neither {TABLES[0]} nor {TABLES[1]}.",
                "Give the folder that contains them and the pictures.",
            )
        listing = Listing(PictureIndex(source.files), LabelParser(options), report)
        for path in paths:
            stem = PurePosixPath(path).stem.casefold()
            add_affect(listing, _table(source, path), report, {"split": SPLITS.get(stem, stem)})
        yield from with_name_columns(listing.records(), options, report)


def _table(source: Source, path: str) -> Table:
    table = open_table(source, path)
    return (
        table
        if table.has(COLUMNS[0]) or len(table.columns) != len(COLUMNS)
        else open_table(source, path, header=COLUMNS)
    )


def add_affect(listing: Listing, table: Table, report: Report, columns: dict[str, str]) -> None:
    """Add the rows of a table with expression, valence and arousal; `columns` are constant columns."""
    at_image, at_label = table.column(COLUMNS[0]), table.column("expression")
    at = {name: table.column(name) for name in ("valence", "arousal") if table.has(name)}
    for row in usable_rows(table, report):
        code = row.cells[at_label]
        if code in NONE:
            report.leave_out(row.file, row.line, row.cells[at_image], "no emotion", NONE[code], "expression")
            continue
        line = Line(row.file, row.line, row.cells[at_image], CODES.get(code, code), "expression")
        listing.add(line, {**columns, **_affect(row, at, report)})


def _affect(row: Row, at: dict[str, int], report: Report) -> dict[str, str]:
    values = {}
    for column, position in at.items():
        text = row.cells[position]
        value = number(text)
        if value is not None and -1 <= value <= 1:
            values[column] = f"{value:g}"
        elif value != NOT_RATED:
            report.use_partly(
                row.file,
                row.line,
                "",
                "outside the scale" if value is not None else "not a number",
                text,
                column,
            )
    return values
