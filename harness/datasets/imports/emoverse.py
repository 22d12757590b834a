"""Imports EmoVerse (arXiv 2511.12554): pictures with the emotion that they evoke, its confidence and its grounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.categories import Categories, Row
from harness.datasets.imports.cells import cell, numeric
from harness.datasets.imports.class_folders import SPLITS
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.parquet_rows import embedded_picture, parquet_files, parquet_rows
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData

CATEGORY, CONFIDENCE = "emotion_category", "confidence_score"
KEPT = ("description", "background", "attribute", "subject", "bounding_box", "source")
"""Columns that are kept, the lists among them as JSON; `subject` becomes `content`, as subjects are persons here."""
NAMES = {"subject": "content"}
SKIPPED = ("DES_representation",)
"""Vectors of thousands of numbers."""


class EmoVerse(Importer):
    """Parquet files with `image`, `emotion_category` (of eight), `confidence_score`, and what grounds the emotion."""

    name = "emoverse"
    summary = "EmoVerse: Parquet files with embedded pictures; eight evoked emotions"
    label = "perceived"
    domain = "evoked"
    domain_column = True

    def embeds(self, source: Source) -> bool:
        return True

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        yield from with_name_columns(_records(source, options, report), options, report)


def _records(source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
    categories = Categories(options, report)
    for path in parquet_files(source):
        split = SPLITS.get(re.split(r"[-_.]", PurePosixPath(path).name)[0].casefold(), "")
        for row in parquet_rows(source, path, report, SKIPPED):
            _check(path, row)
            line = report.rows[path]
            place, data = embedded_picture(row["image"], path, line, source)
            if data is None and place not in source.files:
                report.leave_out(path, line, place, "no picture")
                continue
            category = cell(row[CATEGORY])
            if not category:
                report.leave_out(path, line, place, "no label", "", CATEGORY)
                continue
            emotion, used = categories.emotion(category, Row(path, line, place, CATEGORY))
            if used:
                attributes = {
                    "category": category,
                    "split": split,
                    "confidence": _confidence(row, Row(path, line, place), report),
                    **{NAMES.get(name, name): cell(row[name]) for name in KEPT if name in row},
                }
                yield Record(place, f"{path}:{line}", "", emotion, category, None, None, attributes, data)


def _check(path: str, row: Mapping[str, Any]) -> None:
    missing = [name for name in ("image", CATEGORY) if name not in row]
    if missing:
        raise BadData(
            f"{path} is not EmoVerse: it has no column {missing[0]!r}.", f"Its columns are: {', '.join(row)}."
        )


def _confidence(row: Mapping[str, Any], at: Row, report: Report) -> str:
    """The confidence as text, "" if there is none."""
    given = row.get(CONFIDENCE)
    value = numeric(given)
    if value is None and given is not None:
        report.use_partly(at.file, at.line, at.image, "not a number", cell(given), CONFIDENCE)
    return "" if value is None else f"{value:.6g}"
