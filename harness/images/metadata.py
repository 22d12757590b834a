"""Strips metadata that may reveal a picture's label or origin from image files.

Captions, prompts, comments, camera data and locations are removed; pixels, colour profile and EXIF orientation are
kept. Pixels are not decoded or recompressed.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

from PIL import Image

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_METADATA = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_ORIENTATION = 0x0112
_KEPT_SEGMENTS = {0xE0, 0xE2, 0xEE}
"""JPEG application segments needed for decoding: JFIF, colour profile, Adobe colour transform."""


def strip_metadata(data: bytes) -> bytes:
    """A PNG, JPEG or WebP file (complete, as checked by `decode`) without metadata; other formats are returned unchanged."""
    if data.startswith(_PNG):
        return _png(data) if any(kind in data for kind in _PNG_METADATA) else data
    if data.startswith(_JPEG):
        return b"".join(_jpeg_parts(data, _orientation(data)))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data, _orientation(data))
    return data


def _orientation(data: bytes) -> int:
    """The EXIF orientation; 1 is upright."""
    with Image.open(io.BytesIO(data)) as image:
        return int(image.getexif().get(_ORIENTATION, 1))


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif.tobytes()


def _png(data: bytes) -> bytes:
    kept, at = [data[:8]], 8
    orientation = _orientation(data)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in _PNG_METADATA:
            kept.append(data[at:end])
        if orientation != 1 and data[at + 4 : at + 8] == b"IHDR":
            body = b"eXIf" + _exif(orientation).removeprefix(b"Exif\0\0")
            kept.append((len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big"))
        at = end
    return b"".join(kept)


def _jpeg_parts(data: bytes, orientation: int) -> Iterator[bytes]:
    yield _JPEG
    if orientation != 1:
        exif = _exif(orientation)
        yield b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xDA:  # Compressed data follows, up to the end of the file.
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        private = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not private or marker in _KEPT_SEGMENTS:
            yield data[at:end]
        at = end
    yield data[at:]


def _webp(data: bytes, orientation: int) -> bytes:
    kept, at, extended = [], 12, False
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        chunk = data[at:end]
        if kind == b"VP8X":
            extended = True
            # Bits 3 and 2 flag EXIF and XMP.
            chunk = chunk[:8] + bytes([(chunk[8] & ~0x0C) | (0x08 if orientation != 1 else 0)]) + chunk[9:]
        if kind not in (b"EXIF", b"XMP "):
            kept.append(chunk)
        at = end
    if orientation != 1 and extended:
        exif = _exif(orientation)
        kept.append(b"EXIF" + len(exif).to_bytes(4, "little") + exif + bytes(len(exif) % 2))
    body = b"".join(kept)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body
