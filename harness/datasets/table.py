"""Reads CSV tables with one set of rules: manifests, ratings.csv, and the tables of imported releases."""

from __future__ import annotations

import codecs
import csv
import io
import math
import posixpath
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO, NamedTuple

from harness.errors import BadData, nearest

MAX_CELL = 2**22
"""Maximum characters of a cell: some tables contain pictures as lists of numbers."""
_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""The line that Excel writes above the header to name the separator."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 2**20
Opener = Callable[[], IO[bytes]]


class Row(NamedTuple):
    """One row of a table."""

    file: str
    line: int
    """The line that the row ends in, counted from 1."""
    cells: Sequence[str]
    """Stripped; at least one per column unless there is a problem."""
    problem: str = ""
    """Why the line is not a valid row."""


@dataclass(frozen=True)
class Text:
    """A text file whose encoding has been detected."""

    path: str
    """The name used in messages."""
    open: Opener
    encoding: str
    notes: tuple[str, ...] = ()

    def lines(self) -> Generator[str, None, None]:
        """The lines with their ends. Longer lines than `MAX_CELL` are split, and are then rejected as rows."""
        with (
            self.open() as file,
            io.TextIOWrapper(file, self.encoding, errors="replace", newline="") as text,
        ):
            while line := text.readline(MAX_CELL):
                yield line.replace("\0", "\ufffd") if "\0" in line else line


@dataclass(frozen=True)
class Table:
    """A table, read lazily."""

    text: Text
    columns: tuple[str, ...]
    """Stripped; without unnamed columns at the end."""
    separator: str
    required: int
    """How many cells a row must have; others that are missing are empty."""
    skipped: int
    """How many records precede the first row: the header, and Excel's line with the separator."""

    @property
    def path(self) -> str:
        """The name used in messages."""
        return self.text.path

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user."""
        return self.text.notes

    def column(self, *names: str) -> int:
        """The index of a column, by any of its names in any case. Raises `BadData` naming the nearest."""
        return find_column(self.path, self.columns, names)

    def has(self, name: str) -> bool:
        """Whether a column exists, in any case."""
        return folded(name) in map(folded, self.columns)

    def rows(self) -> Iterator[Row]:
        """Every row that is not blank. Raises `BadData` for a duplicate column, and for a quote that is never closed."""
        refuse_duplicates(self.path, self.columns if self.skipped else ())
        path, width = self.text.path, len(self.columns)
        with closing(_records(self.text, self.separator)) as records:
            for number, (line, cells, problem) in enumerate(records):
                if number < self.skipped:
                    continue
                while len(cells) > width and not cells[-1]:
                    cells.pop()
                if not self.required <= len(cells) <= width:
                    problem = problem or f"{len(cells)} cells where the header has {width}"
                elif len(cells) < width:
                    cells += [""] * (width - len(cells))
                yield Row(path, line, cells, problem)


def open_text(path: str, opener: Opener) -> Text:
    """Detect the encoding of a text file. Raises `BadData` if it is not text."""
    with opener() as file:
        start = file.read(4096)
    mark = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    if mark is not None:
        return Text(path, opener, mark)
    head = start.splitlines()[0] if start else b""
    if b"\0" in head:
        order = next((order for order, at in (("le", 1), ("be", 0)) if not any(head[at::2])), None)
        if order is None or not any(head):
            raise BadData(f"{path} is not text.", "It should be a text file, such as CSV in UTF-8.")
        return Text(path, opener, f"utf-16-{order}")
    at = _not_utf8(opener)
    if at is not None:
        note = f"{posixpath.basename(path)} is not UTF-8 (byte {at}); it was decoded as Windows-1252."
        return Text(path, opener, "cp1252", (note,))
    return Text(path, opener, "utf-8-sig")


def open_table(
    path: str,
    opener: Opener,
    *,
    needs: Sequence[Sequence[str]] = (),
    header: Sequence[str] | None = None,
) -> Table:
    """Open a table; `path` is the name used in messages.

    `needs` lists the accepted names of each required column. The separator is the first that gives all of them, else
    the most frequent one in the first line. With `needs`, missing cells at the end of a row are empty; without, such a
    row is invalid. `header` gives the columns of a table without a header. Raises `BadData` if the table is not text,
    has no header, or lacks a required column.
    """
    text = open_text(path, opener)
    with closing(text.lines()) as lines:
        first = next((line for line in lines if line.strip()), "")
    named = _SEPARATOR_LINE.fullmatch(first.strip())
    separator = named[1] if named else _separator(first, needs)
    with closing(_records(text, separator)) as records:
        found = [cells for _, (_, cells, _) in zip(range(2 if named else 1), records, strict=False)]
    columns = found[-1] if found else []
    while columns and not columns[-1]:
        columns.pop()
    if header is not None:
        return Table(text, tuple(header), separator, len(header), 0)
    if not columns and not needs:
        raise BadData(f"{path} is empty or has no header.", "Its first line should name the columns.")
    for names in needs:
        find_column(path, columns, names, needs)
    return Table(text, tuple(columns), separator, 0 if needs else len(columns), len(found))


def folded(column: str) -> str:
    """A column name without case, and with `_` for spaces."""
    return "_".join(column.casefold().split())


def find_column(
    path: str, columns: Sequence[str], names: Sequence[str], needs: Sequence[Sequence[str]] = ()
) -> int:
    """The index of the column with one of the names, the first that exists. Raises `BadData` naming the nearest."""
    keys = [folded(c) for c in columns]
    for name in names:
        if folded(name) in keys:
            return keys.index(folded(name))
    guess = nearest(names[0], [c for c in columns if c])
    required = f" Required: {', '.join(group[0] for group in needs)}." if len(needs) > 1 else ""
    raise BadData(
        f"{path} has no column {names[0]!r}" + (f" (did you mean {guess!r}?)" if guess else "") + ".",
        f"Its columns are: {', '.join(c for c in columns if c) or 'none'}.{required}",
    )


def refuse_duplicates(path: str, columns: Iterable[str]) -> None:
    """Raise `BadData` if two columns have the same name, ignoring case and spaces; unnamed columns are ignored."""
    seen: dict[str, str] = {}
    for column in filter(None, columns):
        first = seen.get(folded(column))
        if first is not None:
            both = repr(column) if first == column else f"{first!r} and {column!r}"
            raise BadData(f"{path} has the column {both} twice.", "Rename or remove one of them.")
        seen[folded(column)] = column


def number(text: str) -> float | None:
    """A finite number, with a decimal point or a decimal comma; None for anything else."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None


def decimal_comma_note(path: str, column: str) -> str:
    """The remark on a column whose values have decimal commas."""
    return f"{path}: commas in the column {column!r} were read as decimal marks: 3,5 is 3.5."


def _separator(line: str, needs: Sequence[Sequence[str]]) -> str:
    for separator in _SEPARATORS if needs else "":
        try:
            keys = {folded(cell) for cell in next(csv.reader([line], delimiter=separator), [])}
        except csv.Error:
            continue
        if all(any(folded(name) in keys for name in names) for names in needs):
            return separator
    return max(_SEPARATORS, key=lambda s: (line.count(s), -_SEPARATORS.index(s)))


def _not_utf8(opener: Opener) -> int | None:
    """The offset of the first byte that is not UTF-8, None if there is none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    with opener() as file:
        while True:
            chunk = file.read(_CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as e:
                return done - pending + e.start
            if not chunk:
                return None
            done += len(chunk)


def _records(text: Text, separator: str) -> Generator[tuple[int, list[str], str], None, None]:
    """Every record that is not blank: its last line, its stripped cells, and why it is invalid or "".

    Raises `BadData` for a quote that is never closed: all that follows it would become one cell.
    """
    pending: list[str] = []
    ended = False

    def feed() -> Iterator[str]:
        nonlocal ended
        for line in text.lines():
            pending.append(line)
            yield line
        ended = True

    reader = csv.reader(feed(), delimiter=separator)
    while True:
        pending.clear()
        start, problem = reader.line_num + 1, ""
        try:
            cells = _next(reader)
        except csv.Error as e:
            cells, problem = [], f"invalid CSV: {e}"
        if cells is None:
            return
        if len(pending) > 1 or ended or problem:
            _refuse_open_quote(text.path, start, pending, separator)
        cells = [cell.strip() for cell in cells]
        if problem or any(cells):
            yield reader.line_num, cells, problem


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The cells of the next record, None at the end. Raises the csv module's cell limit, which is global."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def _refuse_open_quote(path: str, start: int, lines: Sequence[str], separator: str) -> None:
    at = _open_quote("".join(lines), separator)
    if at is None:
        return
    line = start
    for text in lines:
        if at < len(text):
            break
        at -= len(text)
        line += 1
    raise BadData(
        f"{path}, line {line}: the quote at character {at + 1} is never closed.",
        'Close it before the end of its cell. Write "" for a quote inside a quoted cell.',
    )


def _open_quote(record: str, separator: str) -> int | None:
    """Where a quote opens that is not closed, or only by the opening quote of a cell on a later line."""
    cell_end = re.compile(f"[{re.escape(separator)}\r\n]")
    at = 0
    while at < len(record):
        if record[at] == '"':
            opened = at
            at = record.find('"', opened + 1)
            while at >= 0 and record[at + 1 : at + 2] == '"':
                at = record.find('"', at + 2)
            if at < 0:
                return opened
            at += 1
            if record[at : at + 1] not in ("", separator, "\r", "\n") and "\n" in record[opened:at]:
                return opened
        end = cell_end.search(record, at)
        if end is None:
            return None
        at = end.end()
    return None
