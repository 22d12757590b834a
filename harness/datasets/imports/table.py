"""Tables as people save them: byte order marks, CRLF, other separators, decimal commas."""

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
_LONGEST = 2**22
"""Characters of one cell: pictures stand in some tables as lists of numbers."""
LONGEST_LINE = 4096
"""Bytes of a line of a list; a longer one is read as several."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_COMMON_SCALES = ((0, 1), (1, 5), (0, 5), (1, 7), (1, 9), (1, 10), (0, 10), (1, 100), (0, 100))


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    file: str
    line: int
    cells: Sequence[str]
    """Stripped; one for each column."""
    problem: str = ""
    """Why the line is no row of the table."""


@dataclass(frozen=True)
class Table:
    """A table with a header, read as it is iterated over."""

    source: Source
    path: str
    columns: tuple[str, ...]
    separator: str
    encoding: str
    notes: tuple[str, ...] = ()
    headed: bool = True
    """Whether the first line holds the names of the columns."""

    def column(self, *names: str) -> int:
        """Where a column stands, by any of its names in any case. Raises `BadData` naming the nearest."""
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
        """Whether a column is there, in any case."""
        return name.casefold() in (c.casefold() for c in self.columns)

    def rows(self) -> Iterator[Row]:
        """Every line that says anything, the header left out."""
        lines = _lines(self.source, self.path, self.encoding)
        reader = csv.reader(lines, delimiter=self.separator)
        header = self.headed
        while True:
            try:
                cells = _next(reader)
            except csv.Error as e:
                yield Row(self.path, reader.line_num, (), f"not a line of CSV: {e}")
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
    """A table of a release; `header` names the columns of one without a header.

    Raises `BadData` where it is no text, or has no header.
    """
    if source.files[path] > MAX_TABLE:
        raise BadData(f"{path} is larger than {MAX_TABLE // 2**30} GiB.", "It is no table of labels.")
    with source.open(path) as file:
        start = file.read(65536)
    encoding, notes = _encoding(source, path, start)
    with closing(_lines(source, path, encoding)) as lines:
        first = next(lines, "")
    separator = max(_SEPARATORS, key=lambda s: (first.count(s), -_SEPARATORS.index(s)))
    try:
        names = _next(csv.reader([first], delimiter=separator)) or []
    except csv.Error as e:
        raise BadData(f"{path} has no header that can be read: {e}.", "It should be a CSV file.") from e
    columns = tuple(c.strip().strip("\ufeff") for c in names)
    if header is not None:
        columns = tuple(header)
    if not any(columns):
        raise BadData(f"{path} is empty, or has no header.", "Download the release again.")
    return Table(source, path, columns, separator, encoding, notes, header is None)


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next line's cells, None at the end. Pictures may stand in cells, which are longer than the module allows."""
    before = csv.field_size_limit(_LONGEST)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def words(source: Source, path: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a list that say anything, each with its number, split at white space."""
    with source.open(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            cells = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").split()
            if cells:
                yield number, cells


def find_file(source: Source, name: str) -> str | None:
    """The path of a file by its name in any case, wherever it lies; None where there is none.

    Raises `BadData` where there are several: nobody can tell which one counts.
    """
    found = [p for p in source.files if PurePosixPath(p).name.casefold() == name.casefold()]
    if len(found) > 1:
        raise BadData(
            f"{source.name!r} holds {name} {len(found)} times: {', '.join(found[:3])}.",
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
    """The ends of the narrowest common rating scale that holds everything from `low` to `high`, or these two."""
    fits = [(a, b) for a, b in _COMMON_SCALES if a <= low and high <= b]
    return min(fits, key=lambda ends: ends[1] - ends[0], default=(low, high))


def _encoding(source: Source, path: str, start: bytes) -> tuple[str, tuple[str, ...]]:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", ()
    if b"\0" in start:
        raise BadData(f"{path} is no text.", "It should be a CSV file.")
    with source.open(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        try:
            for _ in text:
                pass
        except UnicodeDecodeError as e:
            return "cp1252", (f"{path} is not UTF-8 (byte {e.start}); it was read as Windows-1252.",)
    return "utf-8-sig", ()


def _lines(source: Source, path: str, encoding: str) -> Generator[str, None, None]:
    with (
        source.open(path) as file,
        io.TextIOWrapper(file, encoding, errors="replace", newline="") as text,
    ):
        # A line may be as long as the file: beyond this it is read as several, which are no rows.
        while line := text.readline(_LONGEST):
            yield line.replace("\0", "")
