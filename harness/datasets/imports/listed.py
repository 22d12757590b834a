"""Tables that name a picture a row: each picture once, and a reason for every row that is not used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.datasets.imports.base import LabelReader, Record
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.table import Row, Table


@dataclass(frozen=True, slots=True)
class Line:
    """One row that says which picture it is about."""

    file: str
    line: int
    image: str
    label: str
    column: str = ""
    """The label's column, for the report."""


def usable_rows(table: Table, report: Report) -> Iterator[Row]:
    """The rows of a table that have its columns; the others, and what is to be said of the table, go to the report."""
    for note in table.notes:
        report.note(note)
    for row in table.rows():
        report.rows[row.file] += 1
        if row.problem:
            report.leave_out(row.file, row.line, row.cells[0] if row.cells else "", "broken row", row.problem)
        else:
            yield row


class Listing:
    """Collects the records of a release's rows; a picture with rows that contradict each other is not used."""

    def __init__(self, index: PictureIndex, labels: LabelReader, report: Report) -> None:
        self._index, self._labels, self._report = index, labels, report
        self._found: dict[str, Record] = {}
        self._lines: dict[str, int] = {}
        self._disputed: set[str] = set()
        self._mentioned: set[str] = set()

    def add(self, line: Line, attributes: Mapping[str, str]) -> None:
        """Take a row, with its columns that are kept."""
        path = self._picture(line)
        if path is None:
            return
        emotion, problem = self._labels.read(line.label)
        if emotion is None:
            self._report.leave_out(line.file, line.line, path, problem, line.label, line.column)
            return
        record = Record(
            path, f"{line.file}:{line.line}", emotion=emotion, label=line.label, attributes=attributes
        )
        first = self._found.setdefault(path, record)
        if first is record:
            self._lines[path] = line.line
        elif path not in self._disputed and replace(first, where="") == replace(record, where=""):
            self._report.leave_out(line.file, line.line, path, "duplicate", f"of line {self._lines[path]}")
        else:
            self._dispute(line, path)

    def _dispute(self, line: Line, path: str) -> None:
        first = self._lines[path]
        if path not in self._disputed:
            self._disputed.add(path)
            file = self._found[path].where.rpartition(":")[0]
            self._report.leave_out(file, first, path, "conflict", f"line {line.line} says otherwise")
        self._report.leave_out(line.file, line.line, path, "conflict", f"line {first} says otherwise")

    def _picture(self, line: Line) -> str | None:
        if not line.image:
            self._report.leave_out(line.file, line.line, "", "no image name")
            return None
        found = self._index.find(line.image)
        if len(found) == 1:
            self._mentioned.add(found[0])
            return found[0]
        reason = "several pictures" if found else "no picture"
        self._report.leave_out(line.file, line.line, line.image, reason, ", ".join(found[:3]))
        return None

    def records(self) -> Iterator[Record]:
        """Every record once, in the order of rows; pictures that no row is about go to the report."""
        for path, record in self._found.items():
            if path not in self._disputed:
                yield record
        for path in self._index.paths:
            if path not in self._mentioned:
                self._report.leave_out("pictures", "", path, "no row")
