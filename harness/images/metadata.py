"""Strips everything but the pixels from image files, and makes files that every decoder shows alike.

Captions, prompts, comments, camera data and locations may reveal a picture's label or origin. Orientation, colour profiles
and further pictures make one decoder show what another does not. Pixels are not recompressed unless that is the only way.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

from harness.images.decoding import decode

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_JPEG_KEPT = {0xE0, 0xEE}
"""JPEG application segments needed for decoding: JFIF, Adobe colour transform."""
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""What ends a scan: neither an escaped byte nor a restart marker."""
_START_OF_SCAN, _END_OF_IMAGE, _COMMENT = 0xDA, 0xD9, 0xFE
_WEBP_KEPT = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH"}
_WEBP_ALPHA = 0x10


def portable(data: bytes, path: str, reserve: Callable[[int], None] | None = None) -> tuple[bytes, str]:
    """A file, with its media type, that every decoder shows as the pixels of `decode`; its name is `path` in messages.

    It is a PNG, JPEG or WebP: the given one without metadata where that shows the same pixels, otherwise an RGB PNG.
    `reserve`: see `decode`. Raises `PictureProblem`.
    """
    found = decode(data, path, reserve)
    if found.plain:
        return strip_metadata(data), found.media_type
    file = io.BytesIO()
    found.image.save(file, "PNG", compress_level=1)
    return file.getvalue(), "image/png"


def strip_metadata(data: bytes) -> bytes:
    """The pixels alone of a PNG, JPEG or WebP that is upright, opaque and complete, as checked by `decode`."""
    if data.startswith(_PNG):
        return b"".join(_png_parts(data))
    return b"".join(_jpeg_parts(data)) if data.startswith(_JPEG) else _webp(data)


def _png_parts(data: bytes) -> Iterator[bytes]:
    """The critical chunks, whose names begin with a capital letter."""
    yield _PNG
    at = len(_PNG)
    while at + 8 <= len(data):
        end, kind = at + 12 + int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind[:1].isupper():
            yield data[at:end]
        if kind == b"IEND":
            return
        at = end


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    """The segments of the first picture, up to its end: another picture or a film may follow."""
    yield _JPEG
    at = 2
    while (found := _JPEG_MARKER.search(data, at)) is not None:
        start, marker = found.start(), data[found.end() - 1]
        yield data[at:start]  # compressed data of the scan before
        if marker == _END_OF_IMAGE:
            yield data[start : start + 2]
            return
        at = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        private = 0xE0 <= marker <= 0xEF or marker == _COMMENT
        if not private or marker in _JPEG_KEPT:
            yield data[start:at]
    yield data[at:]


def _webp(data: bytes) -> bytes:
    kept, at = [], 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        chunk = data[at:end]
        if kind == b"VP8X":
            # The other flags announce a colour profile, EXIF, XMP or an animation.
            chunk = chunk[:8] + bytes([chunk[8] & _WEBP_ALPHA]) + chunk[9:]
        if kind in _WEBP_KEPT:
            kept.append(chunk)
        at = end
    body = b"".join(kept)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body
