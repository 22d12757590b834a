"""Turns tables with one picture per row into records, with a reason for every unused row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.datasets.imports.base import LabelParser, Record
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.table import Row, Table


@dataclass(frozen=True, slots=True)
class Line:
    """One row with the name of its picture."""

    file: str
    line: int
    image: str
    label: str
    column: str = ""
    """The label column, for the report."""


def usable_rows(table: Table, report: Report) -> Iterator[Row]:
    """The well-formed rows of a table; malformed rows and notes on the table go to the report."""
    for note in table.notes:
        report.note(note)
    for row in table.rows():
        report.rows[row.file] += 1
        if row.problem:
            report.leave_out(row.file, row.line, row.cells[0] if row.cells else "", "broken row", row.problem)
        else:
            yield row


class Listing:
    """Collects the records of a release's rows; pictures with contradicting rows are skipped."""

    def __init__(self, index: PictureIndex, labels: LabelParser, report: Report) -> None:
        self._index, self._labels, self._report = index, labels, report
        self._found: dict[str, Record] = {}
        self._lines: dict[str, int] = {}
        self._conflicting: set[str] = set()
        self._referenced: set[str] = set()

    def add(self, line: Line, attributes: Mapping[str, str]) -> None:
        """Add a row with its attributes."""
        path = self._picture(line)
        if path is None:
            return
        emotion, problem = self._labels.parse(line.label)
        if emotion is None:
            self._report.leave_out(line.file, line.line, path, problem, line.label, line.column)
            return
        record = Record(
            path, f"{line.file}:{line.line}", emotion=emotion, label=line.label, attributes=attributes
        )
        first = self._found.setdefault(path, record)
        if first is record:
            self._lines[path] = line.line
        elif path not in self._conflicting and replace(first, where="") == replace(record, where=""):
            self._report.leave_out(line.file, line.line, path, "duplicate", f"of line {self._lines[path]}")
        else:
            self._report_conflict(line, path)

    def _report_conflict(self, line: Line, path: str) -> None:
        first = self._lines[path]
        if path not in self._conflicting:
            self._conflicting.add(path)
            file = self._found[path].where.rpartition(":")[0]
            self._report.leave_out(file, first, path, "conflict", f"line {line.line} disagrees")
        self._report.leave_out(line.file, line.line, path, "conflict", f"line {first} disagrees")

    def _picture(self, line: Line) -> str | None:
        if not line.image:
            self._report.leave_out(line.file, line.line, "", "no image name")
            return None
        found = self._index.find(line.image)
        if len(found) == 1:
            self._referenced.add(found[0])
            return found[0]
        reason = "several pictures" if found else "no picture"
        self._report.leave_out(line.file, line.line, line.image, reason, ", ".join(found[:3]))
        return None

    def records(self) -> Iterator[Record]:
        """Every record once, in row order; pictures without a row go to the report."""
        for path, record in self._found.items():
            if path not in self._conflicting:
                yield record
        for path in self._index.paths:
            if path not in self._referenced:
                self._report.leave_out("pictures", "", path, "no row")
