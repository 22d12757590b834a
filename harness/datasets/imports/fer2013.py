"""Imports FER2013 (Goodfellow et al., 2013): fer2013.csv with embedded pixels, or the same pictures in class folders."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from PIL import Image

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.class_folders import SPLITS, by_folder
from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import find_file, open_table
from harness.datasets.table import Table
from harness.errors import BadData

COMPLETE = ("fer2013.csv", "icml_face_data.csv")
"""Names of tables with the complete data set, the original one first."""
CODES = {"0": "angry", "1": "disgust", "2": "fear", "3": "happy", "4": "sad", "5": "surprise", "6": "neutral"}
"""Code in the column `emotion` -> label."""


class Fer2013(Importer):
    """Columns `emotion` (0 to 6), `pixels` (48 x 48 grey values) and, in most copies, `Usage`.

    Pictures are numbered in row order, as in FER+, so that the two can be compared.
    """

    name = "fer2013"
    summary = "FER2013: fer2013.csv, or class folders"
    label = "perceived"
    domain = "shown"

    def embeds(self, source: Source) -> bool:
        return bool(pixel_tables(source))

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        labels, tables = LabelParser(options), pixel_tables(source)
        if tables:
            yield from with_name_columns(_from_tables(tables, labels, report), options, report)
        elif any(is_picture(p) for p in source.files):
            yield from with_name_columns(by_folder(source, labels, report), options, report)
        else:
            raise BadData(
                f"{source.name!r} is not FER2013: it contains neither a CSV with a column 'pixels' nor pictures.",
                "Give the folder that contains fer2013.csv, or train/angry, train/happy, ...",
            )


def pixel_tables(source: Source) -> list[Table]:
    """The tables of a source with emotions and pixels; only the complete table, if there is one.

    Copies of the challenge contain the same pictures several times: in fer2013.csv, icml_face_data.csv and train.csv.
    """
    complete = next((path for path in map(partial(find_file, source), COMPLETE) if path), None)
    paths = (
        [complete]
        if complete
        else [p for p in source.files if p.casefold().endswith(".csv") and source.files[p]]
    )
    tables = (open_table(source, path) for path in paths)
    return [table for table in tables if table.has("pixels") and table.has("emotion")]


def _from_tables(tables: list[Table], labels: LabelParser, report: Report) -> Iterator[Record]:
    for table in tables:
        stem = PurePosixPath(table.path).stem
        folder = f"{stem}/" if len(tables) > 1 else ""
        at_emotion, at_pixels = table.column("emotion"), table.column("pixels")
        at_usage = table.column("Usage") if table.has("Usage") else None
        for row in usable_rows(table, report):
            # Unusable rows count too, so that names match FER+.
            path = f"{folder}{picture_name(report.rows[row.file] - 1)}"
            label = CODES.get(row.cells[at_emotion], row.cells[at_emotion])
            emotion, problem = labels.parse(label)
            if emotion is None:
                report.leave_out(row.file, row.line, path, problem, label, table.columns[at_emotion])
                continue
            data = picture(row.cells[at_pixels])
            if data is None:
                report.leave_out(row.file, row.line, path, "broken pixels", "", table.columns[at_pixels])
                continue
            split = SPLITS.get((stem if at_usage is None else row.cells[at_usage]).casefold(), "")
            yield Record(
                path,
                f"{row.file}:{row.line}",
                emotion=emotion,
                label=label,
                data=data,
                attributes={"split": split},
            )


def picture_name(number: int) -> str:
    """The FER+ file name for the picture in row `number`, counted from 0."""
    return f"fer{number:07d}.png"


def picture(pixels: str) -> bytes | None:
    """A square grey picture as PNG, from space-separated decimal pixel values; None if they are invalid."""
    try:
        values = bytes(map(int, pixels.split()))
    except ValueError:
        return None
    side = math.isqrt(len(values))
    if not side or side * side != len(values):
        return None
    file = io.BytesIO()
    Image.frombytes("L", (side, side), values).save(file, "PNG")
    return file.getvalue()
