"""Takes everything from a picture file that its pixels do not need, before a decoder sees it.

Decoders read metadata first, without bounds: a few kilobytes of EXIF may name the same bytes thousands of times, comments are
joined one by one, and a JPEG may hold its picture in 100,000 scans. All of it is walked over here, in bounded time.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.images.problem import PictureProblem

MAX_PARTS = 200_000
"""Chunks of a PNG or WebP, or segments of a JPEG: more take seconds to walk over."""
MAX_SCANS = 100
"""Scans of a JPEG. Progressive ones have about ten."""
MAX_SCANNED = 2_500_000_000
"""Pixels of a JPEG times its scans: decoding takes as long as reading so many pixels."""
MAX_EXIF = 64 * 2**10
"""EXIF is one segment of a JPEG at most."""
MAX_TAGS = 32 * 2**20
"""Bytes that all tags of a TIFF name together: where the strips of its picture are, and a colour profile."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_KEPT_SEGMENTS = {0xE0, 0xEE}
"""JPEG application segments needed for decoding: JFIF, Adobe colour transform."""
_ALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_SCAN, _END_OF_IMAGE, _COMMENT = 0xDA, 0xD9, 0xFE
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""What ends a scan: neither an escaped byte nor a restart marker."""
_CHUNK = struct.Struct(">I4s")
"""Size and type of a PNG's chunk."""
_CRITICAL = frozenset(range(ord("A"), ord("Z") + 1))
"""First letters of chunks that a PNG cannot be decoded without."""
_KEPT_CHUNKS = {b"tRNS"}
_XMP_TEXT = b"XML:com.adobe.xmp\0"
_ORIENTATION = 0x0112
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
"""Type of a TIFF tag -> bytes of one value."""


class Bare(NamedTuple):
    """A file without metadata."""

    data: bytes
    orientation: int | None = None
    """What the metadata said, 1 to 8, or 0 for nothing; None for a format whose decoder is to be asked."""
    scans: int = 1


def bare(data: bytes) -> Bare:
    """The file without what its pixels do not need. A file that is broken may be returned in part, or as it is.

    Raises `PictureProblem` for a file that would take too long.
    """
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:3] == b"GIF":
        return Bare(_gif(data))
    if data[:4] in (b"II*\0", b"MM\0*"):
        _check_tags(data)
    return Bare(data)


def _too_many(what: str, most: int) -> PictureProblem:
    return PictureProblem("too_large", f"more than {most:,} {what}")


def _png(data: bytes) -> Bare:
    kept, at, number, exif, xmp = [_PNG], len(_PNG), 0, b"", b""
    while at + 8 <= len(data):
        number += 1
        if number > MAX_PARTS:
            raise _too_many("chunks", MAX_PARTS)
        size, kind = _CHUNK.unpack_from(data, at)
        end = at + 12 + size
        if kind[0] in _CRITICAL or kind in _KEPT_CHUNKS:
            kept.append(data[at:end])
        elif kind == b"eXIf" and size <= MAX_EXIF:
            exif = data[at + 8 : end - 4]
        elif kind == b"iTXt" and size <= MAX_EXIF and data[at + 8 :].startswith(_XMP_TEXT):
            xmp = data[at + 8 : end - 4]
        if kind == b"IEND":
            break
        at = end
    return Bare(b"".join(kept), _orientation(exif, xmp))


def _jpeg(data: bytes) -> Bare:
    """The header without metadata, and all scans. Bytes between segments, which decoders skip, are left out."""
    kept, at, exif, xmp = [_JPEG], 2, b"", b""
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, at)
        if found is None or (marker := data[found.end() - 1]) == _END_OF_IMAGE:
            return Bare(b"".join(kept), 0)
        start, at = found.start(), found.end()
        if marker in _ALONE:
            continue
        if marker == _START_OF_SCAN:
            kept.append(data[start:])
            return Bare(b"".join(kept), _orientation(exif, xmp), _scans(data, start))
        at += int.from_bytes(data[at : at + 2], "big")
        private = 0xE0 <= marker <= 0xEF or marker == _COMMENT
        if not private or marker in _KEPT_SEGMENTS:
            kept.append(data[start:at])
        elif marker == 0xE1:
            payload = data[start + 4 : at]
            exif = exif or (payload if payload.startswith(_EXIF) else b"")
            xmp = xmp or (payload if payload.startswith(_XMP) else b"")
    raise _too_many("segments", MAX_PARTS)


def _scans(data: bytes, start: int) -> int:
    """How many scans the picture has; what follows it in the file, such as a film, is not counted."""
    if data.count(b"\xff\xda", start) <= MAX_SCANS:
        return data.count(b"\xff\xda", start)
    scans, at = 0, start
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, at)
        if found is None or (marker := data[found.end() - 1]) == _END_OF_IMAGE:
            return scans
        scans += marker == _START_OF_SCAN
        if scans > MAX_SCANS:
            break
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    raise _too_many("scans", MAX_SCANS)


def _webp(data: bytes) -> Bare:
    kept: list[bytes] = []
    at, exif, xmp = 12, b"", b""
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            body = b"".join(kept)
            head = b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP"
            return Bare(head + body, _orientation(exif, xmp))
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        chunk = data[at:end]
        if kind == b"EXIF":
            exif = exif or chunk[8 : 8 + min(size, MAX_EXIF)]
        elif kind == b"XMP ":
            xmp = xmp or chunk[8 : 8 + min(size, MAX_EXIF)]
        elif kind != b"ICCP":
            # The flags of what is left out announce a colour profile, EXIF and XMP.
            kept.append(
                chunk[:8] + bytes([chunk[8] & 0xD3]) + chunk[9:] if kind == b"VP8X" and size else chunk
            )
        at = end
    raise _too_many("chunks", MAX_PARTS)


def _gif(data: bytes) -> bytes:
    """The first picture with the extension that says what is transparent; comments and the like are left out."""
    if len(data) < 13:
        return data
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    kept = [data[:at]]
    for _ in range(MAX_PARTS):
        mark = data[at : at + 1]
        if mark != b"!":
            kept.append(data[at:])
            return b"".join(kept)
        start, at = at, _after_blocks(data, at + 2)
        if data[start + 1 : start + 2] == b"\xf9":
            kept.append(data[start:at])
    raise _too_many("extensions", MAX_PARTS)


def _after_blocks(data: bytes, at: int) -> int:
    for _ in range(MAX_PARTS):
        size = data[at] if at < len(data) else 0
        at += 1 + size
        if not size:
            return at
    raise _too_many("blocks", MAX_PARTS)


def _check_tags(data: bytes) -> None:
    """Raise `PictureProblem` for a TIFF whose tags name more bytes than it may have: they may all name the same ones."""
    total = sum(_UNITS.get(kind, 0) * count for _, kind, count, _ in _tags(data))
    if total > MAX_TAGS:
        raise PictureProblem("too_large", f"its tags name {total:,} bytes, more than {MAX_TAGS:,}")


def _tags(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, type, number of values, and the four bytes that hold a short value, of a TIFF's first directory."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return
    (at,) = struct.unpack_from(order + "I", data, 4)
    if at + 2 > len(data):
        return
    (number,) = struct.unpack_from(order + "H", data, at)
    for start in range(at + 2, min(at + 2 + 12 * number, len(data) - 11), 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, start)
        yield tag, kind, count, data[start + 8 : start + 12]


def _orientation(exif: bytes, xmp: bytes) -> int:
    """How a picture is stored, by its EXIF or else its XMP: 1 to 8, or 0 where neither says it."""
    if not exif and not xmp:
        return 0
    while exif.startswith(_EXIF):
        exif = exif[len(_EXIF) :]
    read: dict[int, Callable[[bytes, str], int]] = {
        1: lambda value, _: value[0],
        3: lambda value, order: int(struct.unpack_from(order + "H", value)[0]),
        4: lambda value, order: int(struct.unpack_from(order + "I", value)[0]),
    }
    order, said = "<" if exif[:2] == b"II" else ">", None
    for tag, kind, count, value in _tags(exif):
        if tag == _ORIENTATION and count == 1 and kind in read:
            said = read[kind](value, order)
    if said is None and (found := _XMP_ORIENTATION.search(xmp)):
        said = int(found[1])
    return said if said is not None and 1 <= said <= 8 else 0
