"""Imports MVEI (arXiv 2509.21950): statements about the emotions that pictures evoke, correct or incorrect."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.cells import cell
from harness.datasets.imports.json_records import json_entries
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import needed_file
from harness.errors import BadData

METADATA = "MVEI_metadata.json"
ANSWERS = ("correct", "incorrect")


class Mvei(Importer):
    """`MVEI_metadata.json` (picture, open-vocabulary emotions, statements) and `images/`: one sample for each statement.

    The statement and whether it is correct are columns. Statements about one picture share a `subject`, so that they
    are resampled together. There is no single emotion.
    """

    name = "mvei"
    summary = "MVEI: MVEI_metadata.json and images/; statements about evoked emotions, correct or incorrect"
    label = "perceived"
    domain = "evoked"
    domain_column = True

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        remedy = "Give the folder that contains it, with images.zip unpacked."
        path = needed_file(source, METADATA, "MVEI", remedy)
        index = PictureIndex(source.files)
        if not index.paths:
            raise BadData(f"{source.name!r} contains no pictures.", f"Unpack images.zip next to {METADATA}.")
        yield from with_name_columns(_records(path, index, source, report), options, report)


def _records(path: str, index: PictureIndex, source: Source, report: Report) -> Iterator[Record]:
    """A sample for each statement; an entry of the file is a picture, and its statements are the rows."""
    seen: dict[str, int] = {}
    number = 0
    for entry in json_entries(source, path, report):
        number += 1
        value = entry.value
        statements = value.get("statement_list") if isinstance(value, dict) else None
        if not isinstance(statements, list) or not statements:
            report.rows[path] += 1
            reason = "no statements" if isinstance(value, dict) and not statements else "broken row"
            report.leave_out(path, number, cell(value)[:100], reason)
            continue
        report.rows[path] += len(statements)
        name = cell(value.get("image_id"))
        found = index.find(name) if name else []
        reason = (
            ""
            if len(found) == 1
            else "several pictures"
            if found
            else "no picture"
            if name
            else "no image name"
        )
        if not reason and seen.setdefault(found[0], number) != number:
            reason = "duplicate"
        if reason:
            for _ in statements:
                report.leave_out(path, number, name, reason, ", ".join(found[:3]))
            continue
        yield from _statements(statements, path, number, found[0], value, report)
    for image in index.unreferenced():
        report.leave_out("pictures", "", image, "no row")


def _statements(
    statements: list[Any], path: str, number: int, image: str, entry: dict[str, Any], report: Report
) -> Iterator[Record]:
    emotions = entry.get("ov_emotion")
    shared = {
        "subject": posixpath.splitext(cell(entry["image_id"]))[0],
        "emotions": "; ".join(map(cell, emotions)) if isinstance(emotions, list) else cell(emotions),
    }
    seen: set[str] = set()
    for at, given in enumerate(statements, 1):
        statement = cell(given.get("statement")) if isinstance(given, dict) else ""
        answer = cell(given.get("label")).casefold() if isinstance(given, dict) else ""
        reason = (
            "broken row" if not isinstance(given, dict)
            else "no statement" if not statement
            else "no label" if not answer
            else "unknown answer" if answer not in ANSWERS
            else "duplicate" if statement in seen
            else ""
        )  # fmt: skip
        if reason:
            report.leave_out(path, number, image, reason, answer or cell(given)[:100], "label")
            continue
        seen.add(statement)
        attributes = {
            **shared,
            "statement": statement,
            "answer": answer,
            "statement_class": cell(given.get("class")),
            "statement_subclass": cell(given.get("subclass")),
        }
        yield Record(image, f"{path}:{number}", f"{shared['subject']}#{at}", attributes=attributes)
