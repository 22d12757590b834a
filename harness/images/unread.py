"""Names picture formats that are not decoded, and the package that reads them."""

from __future__ import annotations

import os

_HEIC = ("HEIC", "pillow-heif")
_AVIF = ("AVIF", "pillow-avif-plugin")
_JPEG_XL = ("JPEG XL", "pillow-jxl-plugin")
_SUFFIXES = {".heic": _HEIC, ".heif": _HEIC, ".hif": _HEIC, ".avif": _AVIF, ".jxl": _JPEG_XL}
_BRANDS = dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), _HEIC
) | dict.fromkeys((b"avif", b"avis"), _AVIF)
"""Major brand of an ISO media file -> its format."""
HEAD = 32
"""How many bytes of a file `unread_content` looks at."""


def unread_name(name: str) -> str:
    """What is said of a file whose extension is that of a picture format that is not read, such as HEIC; else ""."""
    return _message(_SUFFIXES.get(os.path.splitext(name)[1].lower()))


def unread_content(data: bytes) -> str:
    """What is said of a file that begins like a picture in a format that is not read; else ""."""
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n")):
        return _message(_JPEG_XL)
    if data[4:8] != b"ftyp":
        return ""
    if data[8:12] in (b"mif1", b"msf1") and b"avif" in data[16:HEAD]:
        return _message(_AVIF)
    return _message(_BRANDS.get(data[8:12]))


def _message(form: tuple[str, str] | None) -> str:
    return (
        f"{form[0]} is not read: convert it to PNG or JPEG (the package {form[1]} reads it)" if form else ""
    )
