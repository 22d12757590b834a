"""Imports an existing data folder: manifest.csv, pictures, and an optional ratings.csv."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.datasets.file_names import FileNames, files_among
from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.memo_bench import scaled
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.ratings import Ratings, read_ratings
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.manifest import LABELS, NEEDS, column_name
from harness.datasets.ratings import FILE as RATINGS
from harness.datasets.table import Row
from harness.errors import BadData

MANIFEST = "manifest.csv"


class Manifest(Importer):
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
    table = open_table(source, path, needs=NEEDS)
    names = [column_name(column) for column in table.columns]
    rows = _Rows(root, source, files_among(source.files), options, LabelParser(options), report)
    ratings = read_ratings(source, root + RATINGS, report)
    seen: dict[str, int] = {}
    rated: set[str] = set()
    for row in usable_rows(table, report):
        cells = dict(zip(names, row.cells, strict=True))
        record = rows.record(row, cells, ratings)
        if record is None:
            continue
        first = seen.setdefault(record.id or record.path, row.line)
        if first != row.line:
            report.leave_out(row.file, row.line, record.path, "duplicate", f"of line {first}")
            continue
        rated.update(ratings.names_of(_rating_key(cells), cells["image"]))
        yield record
    for sample in ratings:
        if sample not in rated:
            for _ in ratings[sample]:
                report.leave_out(root + RATINGS, "", sample, "rating of an unused sample")


def _rating_key(cells: Mapping[str, str]) -> str:
    """The id of a sample in ratings.csv: its id, by default the image without extension."""
    return cells.get("id") or str(PurePosixPath(cells["image"]).with_suffix(""))


@dataclass
class _Rows:
    """Turns rows into records."""

    root: str
    source: Source
    files: FileNames
    options: ImportOptions
    labels: LabelParser
    report: Report

    def record(self, row: Row, cells: Mapping[str, str], ratings: Ratings) -> Record | None:
        """The record of a row; or None, with a row in the report."""
        path = self._picture(row, cells["image"])
        if path is None:
            return None
        label = cells.get("emotion", "")
        emotion, problem = self.labels.parse(label) if label else (None, "")
        if problem:
            self.report.leave_out(row.file, row.line, path, problem, label, "emotion")
            return None
        values: dict[str, float | None] = {}
        for column in ("intensity", "quality"):
            text = cells.get(column, "")
            values[column], problem = scaled(text, column, self.options, self.report, row.file)
            if values[column] is None and text:
                self.report.use_partly(row.file, row.line, path, problem, text, column)
        return Record(
            path,
            f"{row.file}:{row.line}",
            cells.get("id", ""),
            emotion,
            label,
            values["intensity"],
            values["quality"],
            {k: v for k, v in cells.items() if k and v and k not in LABELS},
            ratings=ratings.of(_rating_key(cells), cells["image"]),
        )

    def _picture(self, row: Row, image: str) -> str | None:
        """The file of a row's picture; or None, with a row in the report."""
        path = str(PurePosixPath(self.root + image)) if image else ""
        found = [path] if path in self.source.files else self.files.find(path)
        found = [p for p in found if p in self.source.files]
        if len(found) == 1:
            return found[0]
        reason = "several pictures" if found else "no picture" if image else "no image name"
        detail = ", ".join(found[:3]) or self.source.refused.get(path, "")
        self.report.leave_out(row.file, row.line, image, reason, detail)
        return None
