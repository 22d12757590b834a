"""Reads individual ratings of a release from `ratings.csv`."""

from __future__ import annotations

from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.ratings import COLUMNS

Rating = tuple[str, str, str]
"""Rater, question, value."""


def read_ratings(source: Source, path: str, report: Report) -> dict[str, tuple[Rating, ...]]:
    """Sample id -> its ratings; empty if the file does not exist. Equal ratings share one object to save memory.

    Raises `BadData` if a column is missing.
    """
    if path not in source.files:
        return {}
    table = open_table(source, path)
    at = [table.column(*names) for names in COLUMNS.values()]
    shared: dict[Rating, Rating] = {}
    found: dict[str, list[Rating]] = {}
    for row in usable_rows(table, report):
        sample, rater, question, value = (row.cells[i] for i in at)
        if not (sample and rater and question and value):
            report.leave_out(row.file, row.line, sample, "incomplete rating")
            continue
        rating = (rater, question, value)
        found.setdefault(sample, []).append(shared.setdefault(rating, rating))
    return {sample: tuple(ratings) for sample, ratings in found.items()}
