"""Maps the categories of emotion sets with a vocabulary of their own to the six emotions, and counts what is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.datasets.imports.base import ImportOptions, LabelParser
from harness.datasets.imports.report import UNKNOWN, Report

LEFT_OUT = "left out by --map"


class Row(NamedTuple):
    """Where a row is, for the report."""

    file: str
    line: int | str
    image: str
    column: str = ""


class Categories:
    """A category that is none of the six leaves a sample without an emotion; it is kept in the column `category`."""

    def __init__(self, options: ImportOptions, report: Report, known: Mapping[str, str] = {}) -> None:
        """`known` maps categories to one of the six emotions, where their meaning is the same."""
        self._labels, self._report = LabelParser(options, known), report

    def emotion_of_rows(
        self, category: str, rows: Sequence[str], path: str, column: str
    ) -> tuple[str | None, bool]:
        """As `emotion`, for a picture with several rows, each as file and line; without rows, for the picture itself."""
        file, _, line = rows[0].rpartition(":") if rows else ("pictures", "", "")
        found, used = self.emotion(category, Row(file, line, path, column))
        for other in rows[1:] if not used else ():
            file, _, line = other.rpartition(":")
            self._report.leave_out(file, line, path, LEFT_OUT, category, column)
        return found, used

    def emotion(self, category: str, row: Row) -> tuple[str | None, bool]:
        """The emotion of a category or None, and whether the row is used: not if the user left its category out."""
        if not category:
            return None, True
        emotion, problem = self._labels.parse(category)
        if problem == UNKNOWN:
            self._report.use_without_emotion(row.file, row.line, row.image, category, row.column)
        elif problem == LEFT_OUT:
            self._report.leave_out(row.file, row.line, row.image, problem, category, row.column)
            return None, False
        elif problem:
            self._report.use_partly(row.file, row.line, row.image, problem, category, row.column)
        return emotion, True

    def name(self, category: str) -> str:
        """The emotion of a category, or the category itself."""
        return self._labels.parse(category)[0] or category
