"""Reads JSON files of any size entry by entry: the elements of a list, or of the lists in an object."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

from harness.datasets.imports.report import Report
from harness.datasets.imports.source import MAX_TABLE, Source
from harness.datasets.table import Text, open_text
from harness.errors import BadData

CHUNK = 2**16
MAX_ENTRY = 2**24
"""Maximum characters of one entry."""
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_AGAIN = "Nothing was imported. Download or export the file again."


class Entry(NamedTuple):
    """One element of a list in a JSON file."""

    file: str
    line: int
    """Its number in the list, counted from 1."""
    key: str
    """The member of the outer object that holds the list; for a member that is no list, its own name."""
    value: Any


def json_entries(source: Source, path: str, report: Report) -> Iterator[Entry]:
    """The elements of a list, or of every list in an object; other members of an object are entries themselves.

    Raises `BadData` if the file is not valid JSON.
    """
    if source.files[path] > MAX_TABLE:
        raise BadData(f"{path} is larger than {MAX_TABLE // 2**30} GiB.", "It is not a file of labels.")
    text = open_text(path, partial(source.open, path))
    for note in text.notes:
        report.note(note)
    with closing(_chunks(text)) as chunks:
        reader = _Reader(path, chunks)
        if reader.peek() == "[":
            yield from _list(reader, path, "")
        elif reader.peek() == "{":
            yield from _object(reader, path)
        elif reader.peek():
            raise BadData(f"{path} is neither a JSON list nor a JSON object.", _AGAIN)
        else:
            raise BadData(f"{path} is empty.", _AGAIN)
        if reader.peek():
            raise reader.invalid("more text follows its end")


def _chunks(text: Text) -> Generator[str, None, None]:
    """The text in pieces of bounded size, however long its lines are."""
    for line in text.lines():
        for start in range(0, len(line), CHUNK):
            yield line[start : start + CHUNK]


def _list(reader: _Reader, path: str, key: str) -> Iterator[Entry]:
    reader.take("[")
    number = 0
    while reader.peek() != "]":
        if number:
            reader.take(",")
        number += 1
        yield Entry(path, number, key, reader.value())
    reader.take("]")


def _object(reader: _Reader, path: str) -> Iterator[Entry]:
    reader.take("{")
    later = False
    while reader.peek() != "}":
        if later:
            reader.take(",")
        later = True
        key = reader.value()
        if not isinstance(key, str):
            raise reader.invalid("a name of a member is not a string")
        reader.take(":")
        if reader.peek() == "[":
            yield from _list(reader, path, key)
        else:
            yield Entry(path, 0, key, reader.value())
    reader.take("}")


class _Reader:
    """Decodes one value after the other, with one value in memory."""

    def __init__(self, path: str, chunks: Iterator[str]) -> None:
        self._path, self._chunks = path, chunks
        self._text, self._at, self._before, self._ended = "", 0, 0, False

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        if self.peek() != character:
            found = repr(self.peek()) if self.peek() else "the end"
            raise self.invalid(f"{character!r} is expected where {found} stands")
        self._at += 1

    def value(self) -> Any:
        """The next value, complete."""
        self.peek()
        wanted = 0
        while True:
            problem = "the file ends within a value"
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
                # A number may go on in the next piece.
                if end < len(self._text) or self._ended or not self._more():
                    self._at = end
                    return found
                continue
            except RecursionError as e:
                raise self.invalid("values are nested too deeply") from e
            except ValueError as e:
                problem = getattr(e, "msg", str(e))
            size = len(self._text) - self._at
            if size > MAX_ENTRY:
                raise self.invalid(
                    f"an entry has more than {MAX_ENTRY:,} characters, or it is broken: {problem}"
                )
            # Doubling what is read keeps the work for an entry of any size linear.
            wanted = max(2 * size, CHUNK)
            while len(self._text) - self._at < wanted and self._more():
                pass
            if self._ended and size == len(self._text) - self._at:
                raise self.invalid(problem)

    def invalid(self, problem: str) -> BadData:
        return BadData(
            f"{self._path}, character {self._before + self._at + 1}: not valid JSON: {problem}.", _AGAIN
        )

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        pieces, size = [], 0
        while size < CHUNK:
            piece = next(self._chunks, None)
            if piece is None:
                self._ended = True
                break
            pieces.append(piece)
            size += len(piece)
        self._before += self._at
        self._text, self._at = self._text[self._at :] + "".join(pieces), 0
        return bool(pieces)
