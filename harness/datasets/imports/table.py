"""Reads CSV tables with any common encoding, line ending, separator and decimal mark."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.datasets.imports.source import MAX_TABLE, Source
from harness.errors import BadData, nearest

_SEPARATORS = ",;\t|"
_MAX_CELL = 2**22
"""Maximum characters of a cell: some tables contain pictures as lists of numbers."""
MAX_LINE = 4096
"""Maximum bytes of a line of a list; longer lines are split."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_COMMON_SCALES = ((0, 1), (1, 5), (0, 5), (1, 7), (1, 9), (1, 10), (0, 10), (1, 100), (0, 100))


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    file: str
    line: int
    cells: Sequence[str]
    """Stripped; one per column."""
    problem: str = ""
    """Why the line is not a valid row."""


@dataclass(frozen=True)
class Table:
    """A table, read lazily."""

    source: Source
    path: str
    columns: tuple[str, ...]
    separator: str
    encoding: str
    notes: tuple[str, ...] = ()
    has_header: bool = True
    """Whether the first line contains the column names."""

    def column(self, *names: str) -> int:
        """The index of a column, by any of its names in any case. Raises `BadData` naming the nearest."""
        folded = [c.casefold() for c in self.columns]
        for name in names:
            if name.casefold() in folded:
                return folded.index(name.casefold())
        guess = nearest(names[0], self.columns)
        raise BadData(
            f"{self.path} has no column {names[0]!r}"
            + (f" (did you mean {guess!r}?)" if guess else "")
            + ".",
            f"Its columns are: {', '.join(self.columns) or 'none'}.",
        )

    def has(self, name: str) -> bool:
        """Whether a column exists, in any case."""
        return name.casefold() in (c.casefold() for c in self.columns)

    def rows(self) -> Iterator[Row]:
        """Every non-empty line after the header."""
        lines = _lines(self.source, self.path, self.encoding)
        reader = csv.reader(lines, delimiter=self.separator)
        header = self.has_header
        while True:
            try:
                cells = _next(reader)
            except csv.Error as e:
                yield Row(self.path, reader.line_num, (), f"invalid CSV: {e}")
                continue
            if cells is None:
                return
            if header:
                header = False
                continue
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            while len(cells) > len(self.columns) and not cells[-1]:
                cells.pop()
            if len(cells) != len(self.columns):
                problem = f"{len(cells)} cells where the header has {len(self.columns)}"
                yield Row(self.path, reader.line_num, cells, problem)
            else:
                yield Row(self.path, reader.line_num, cells)


def open_table(source: Source, path: str, *, header: Sequence[str] | None = None) -> Table:
    """Open a table of a release; `header` gives the columns of a table without a header.

    Raises `BadData` if it is not text, or has no header.
    """
    if source.files[path] > MAX_TABLE:
        raise BadData(f"{path} is larger than {MAX_TABLE // 2**30} GiB.", "It is not a table of labels.")
    with source.open(path) as file:
        start = file.read(65536)
    encoding, notes = _encoding(source, path, start)
    with closing(_lines(source, path, encoding)) as lines:
        first = next(lines, "")
    separator = max(_SEPARATORS, key=lambda s: (first.count(s), -_SEPARATORS.index(s)))
    try:
        names = _next(csv.reader([first], delimiter=separator)) or []
    except csv.Error as e:
        raise BadData(f"{path} has an invalid header: {e}.", "It should be a CSV file.") from e
    columns = tuple(c.strip().strip("\ufeff") for c in names)
    if header is not None:
        columns = tuple(header)
    if not any(columns):
        raise BadData(f"{path} is empty or has no header.", "Download the release again.")
    return Table(source, path, columns, separator, encoding, notes, header is None)


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The cells of the next line, None at the end. Raises the csv module's cell limit, because cells may contain pictures."""
    before = csv.field_size_limit(_MAX_CELL)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def read_fields(source: Source, path: str) -> Iterator[tuple[int, list[str]]]:
    """The non-empty lines of a file, as (line number, fields split at white space)."""
    with source.open(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            cells = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").split()
            if cells:
                yield number, cells


def find_file(source: Source, name: str) -> str | None:
    """The path of the file with a given name, in any folder and any case; None if there is none.

    Raises `BadData` if there are several.
    """
    found = [p for p in source.files if PurePosixPath(p).name.casefold() == name.casefold()]
    if len(found) > 1:
        raise BadData(
            f"{source.name!r} contains {name} {len(found)} times: {', '.join(found[:3])}.",
            "Give the folder of one release.",
        )
    return found[0] if found else None


def number(text: str) -> float | None:
    """A finite number, with a decimal point or a decimal comma; None for anything else."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None


def infer_scale(low: float, high: float) -> tuple[float, float]:
    """The narrowest common rating scale that contains `low` and `high`, or (low, high) if there is none."""
    fits = [(a, b) for a, b in _COMMON_SCALES if a <= low and high <= b]
    return min(fits, key=lambda ends: ends[1] - ends[0], default=(low, high))


def _encoding(source: Source, path: str, start: bytes) -> tuple[str, tuple[str, ...]]:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", ()
    if b"\0" in start:
        raise BadData(f"{path} is not text.", "It should be a CSV file.")
    with source.open(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        try:
            for _ in text:
                pass
        except UnicodeDecodeError as e:
            return "cp1252", (f"{path} is not UTF-8 (byte {e.start}); it was decoded as Windows-1252.",)
    return "utf-8-sig", ()


def _lines(source: Source, path: str, encoding: str) -> Generator[str, None, None]:
    with (
        source.open(path) as file,
        io.TextIOWrapper(file, encoding, errors="replace", newline="") as text,
    ):
        # Limit the line length: longer lines are split and then rejected as rows.
        while line := text.readline(_MAX_CELL):
            yield line.replace("\0", "")
