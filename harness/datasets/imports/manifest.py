"""Imports an existing data folder: manifest.csv, pictures, and an optional ratings.csv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.datasets.imports.base import ImportOptions, Kind, LabelParser, Record
from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.memo_bench import scaled
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.ratings import Rating, read_ratings
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import Row, Table, open_table
from harness.errors import BadData

MANIFEST = "manifest.csv"
_OWN = ("image", "id", "emotion", "intensity", "quality")


class Manifest(Kind):
    """`manifest.csv` with a column `image`, and any of id, emotion, intensity, quality and columns to group by."""

    name = "manifest"
    summary = "a folder with manifest.csv (column image; id, emotion, intensity, quality, ...), and an optional ratings.csv"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        yield from with_name_columns(_records(source, options, report), options, report)


def _records(source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
    found = [p for p in source.files if PurePosixPath(p).name.casefold() == MANIFEST]
    path = min(found, key=lambda p: p.count("/"), default=None)
    if path is None:
        raise BadData(
            f"{source.name!r} contains no {MANIFEST}.",
            "For folders named after emotions, use the kind class-folders.",
        )
    root = path[: -len(MANIFEST)]
    table, labels = open_table(source, path), LabelParser(options)
    at = table.column("image")
    ratings = read_ratings(source, root + "ratings.csv", report)
    seen: dict[str, int] = {}
    rated: set[str] = set()
    for row in usable_rows(table, report):
        record = _record(row, table, root, source, options, labels, ratings, report)
        if record is None:
            continue
        first = seen.setdefault(record.id or record.path, row.line)
        if first != row.line:
            report.leave_out(row.file, row.line, record.path, "duplicate", f"of line {first}")
            continue
        rated.add(_rating_key(record.id, row.cells[at]))
        yield record
    for sample in ratings:
        if sample not in rated:
            for _ in ratings[sample]:
                report.leave_out(root + "ratings.csv", "", sample, "rating of an unused sample")


def _rating_key(sample: str, image: str) -> str:
    """The id of a sample in ratings.csv: its id, by default the image without extension."""
    return sample or str(PurePosixPath(image).with_suffix(""))


def _record(
    row: Row,
    table: Table,
    root: str,
    source: Source,
    options: ImportOptions,
    labels: LabelParser,
    ratings: dict[str, tuple[Rating, ...]],
    report: Report,
) -> Record | None:
    cells = dict(
        zip((c.casefold() if c.casefold() in _OWN else c for c in table.columns), row.cells, strict=True)
    )
    image = cells["image"]
    path = str(PurePosixPath(root + image)) if image else ""
    if path not in source.files:
        report.leave_out(
            row.file,
            row.line,
            image,
            "no picture" if image else "no image name",
            source.refused.get(path, ""),
        )
        return None
    label = cells.get("emotion", "")
    emotion, problem = labels.parse(label) if label else (None, "")
    if problem:
        report.leave_out(row.file, row.line, path, problem, label, "emotion")
        return None
    values: dict[str, float | None] = {}
    for column in ("intensity", "quality"):
        values[column], problem = scaled(cells.get(column, ""), column, options)
        if values[column] is None and cells.get(column):
            report.use_partly(row.file, row.line, path, problem, cells[column], column)
    sample = cells.get("id", "")
    others = {k: v for k, v in cells.items() if k and v and k not in _OWN}
    return Record(
        path,
        f"{row.file}:{row.line}",
        sample,
        emotion,
        label,
        values["intensity"],
        values["quality"],
        others,
        ratings=ratings.get(_rating_key(sample, image), ()),
    )
