"""Reads individual ratings of a release from `ratings.csv`."""

from __future__ import annotations

from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.ratings import NEEDS, rated_by_image, rating_rows

Rating = tuple[str, str, str]
"""Rater, question, value."""


class Ratings(dict[str, tuple[Rating, ...]]):
    """Name of a sample -> its ratings. The name is an id; if `by_image`, it may be the path of the picture."""

    by_image = False

    def names_of(self, sample: str, image: str) -> list[str]:
        """The names under which a sample is rated."""
        return [name for name in dict.fromkeys((sample, image if self.by_image else sample)) if name in self]

    def of(self, sample: str, image: str) -> tuple[Rating, ...]:
        """The ratings of a sample, given its id and its picture as the manifest names it."""
        return tuple(rating for name in self.names_of(sample, image) for rating in self[name])


def read_ratings(source: Source, path: str, report: Report) -> Ratings:
    """The ratings of each sample; empty if the file does not exist. Equal ratings share one object to save memory.

    Raises `BadData` if a column is missing or duplicated, or if a quote is never closed.
    """
    ratings = Ratings()
    if path not in source.files:
        return ratings
    table = open_table(source, path, needs=NEEDS)
    ratings.by_image = rated_by_image(table)
    for note in table.notes:
        report.note(note)
    shared: dict[Rating, Rating] = {}
    found: dict[str, list[Rating]] = {}
    for row in rating_rows(table):
        report.rows[path] += 1
        if row.problem:
            report.leave_out(path, row.line, row.sample, "broken row", row.problem)
        elif not (row.sample and row.rater and row.question and row.value):
            report.leave_out(path, row.line, row.sample, "incomplete rating")
        else:
            rating = (row.rater, row.question, row.value)
            found.setdefault(row.sample, []).append(shared.setdefault(rating, rating))
    ratings.update((sample, tuple(given)) for sample, given in found.items())
    return ratings
