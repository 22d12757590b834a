"""Bodies of responses, bounded after decompression: a megabyte of gzip may hold a gigabyte."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from harness.remote import RemoteError

ACCEPTED = "gzip, deflate"
"""What is asked for: compressions that can be undone step by step, with a bound."""
CHAT_BYTES = 16 * 2**20
"""Largest body of a reply without pictures; one with log-probabilities of every option has less than a megabyte."""
_STEP = 64 * 1024
_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW = -15


class BadBody(Exception):
    """A body that is not read any further. `error` says why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.error = RemoteError(kind, message)


def too_large(limit: int, what: str) -> BadBody:
    return BadBody("too_large", f"{what} exceeds {limit // 2**20} MB")


class Inflater:
    """Undoes the compression of a body in pieces of bounded size. Raises `BadBody`."""

    def __init__(self, encoding: str, limit: int, what: str) -> None:
        """`encoding`: the header Content-Encoding. `limit`: most bytes of the body as it is meant. `what`: names it."""
        self._limit, self._what, self._size = limit, what, 0
        names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
        names = [name for name in names if name != "identity"]
        if len(names) > 1 or (names and names[0] not in _WINDOW):
            shown = ", ".join(names)[:40]
            raise BadBody("bad_encoding", f"{what} is compressed with {shown}, which was not asked for")
        self._window = _WINDOW[names[0]] if names else 0
        self._stream = zlib.decompressobj(self._window) if names else None
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """The next part of the body."""
        if self._stream is None:
            return self._counted(data)
        parts = []
        while data:
            try:
                part = self._stream.decompress(data, _STEP)
            except zlib.error:
                if self._begun or self._window != _WINDOW["deflate"]:
                    raise BadBody("bad_encoding", f"{self._what} is not compressed as it says") from None
                self._window = _RAW  # some servers send deflate without its header
                self._stream = zlib.decompressobj(_RAW)
                self._begun = True
                continue
            self._begun = True
            parts.append(self._counted(part))
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data = self._stream.unused_data
                if self._window != _WINDOW["gzip"] or not data:
                    break
                self._stream = zlib.decompressobj(self._window)  # another member of the same file
            elif not data and len(part) == _STEP:
                parts += self._rest()
        return b"".join(parts)

    def _rest(self) -> list[bytes]:
        """What the decompressor still holds once all input is taken."""
        parts = []
        while self._stream is not None and (part := self._stream.decompress(b"", _STEP)):
            parts.append(self._counted(part))
        return parts

    def _counted(self, part: bytes) -> bytes:
        self._size += len(part)
        if self._size > self._limit:
            raise too_large(self._limit, self._what)
        return part


def body_bound(limit: int, what: str = "the reply") -> Any:
    """A hook of an HTTP client that bounds the body of each response to `limit` bytes, decompressed."""

    async def bound(response: Any) -> None:
        encoding = response.headers.get("content-encoding", "")
        # The client must not decompress, which has no bound.
        if encoding:
            del response.headers["content-encoding"]
        response.stream = _bounded(response, Inflater(encoding, limit, what))

    return bound


def check_length(headers: Mapping[str, str], limit: int, what: str) -> None:
    """Raise `BadBody` for a body that says that it is too large."""
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 30 and int(length) > limit:
        raise too_large(limit, what)


def _bounded(response: Any, inflater: Inflater) -> Any:
    """The stream of a response through an inflater, as the kind of stream that its client knows."""
    library = importlib.import_module(type(response).__module__.partition(".")[0])
    source, base = response.stream, library.AsyncByteStream

    class Stream(base):  # type: ignore[misc, valid-type]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for chunk in source:
                yield inflater.feed(chunk)

        async def aclose(self) -> None:
            await source.aclose()

    return Stream()
