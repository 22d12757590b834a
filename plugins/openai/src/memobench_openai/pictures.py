"""Encodes pictures as data URLs, once for all questions about a picture."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from typing import cast

from PIL import Image, ImageOps

from harness import Picture

_SUPPORTED_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
"""Accepted by every vision endpoint. Anything else is sent as PNG, which is lossless."""
_NOT_ROTATED = 1
_ORIENTATION = 0x0112


class DataUrls:
    """Encodes pictures and caches the most recent ones: questions about one picture follow each other."""

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        """`max_bytes`: cache size in bytes of encoded text. The last picture is kept whatever its size."""
        self._max_bytes, self._bytes = max_bytes, 0
        self._kept: OrderedDict[str, str] = OrderedDict()

    def encode(self, picture: Picture) -> str:
        """Return the data URL of a picture. Raises `ValueError` for one with neither bytes nor pixels."""
        url = self._kept.get(picture.digest)
        if url is None:
            data, media_type = _encode_for_upload(picture)
            url = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
            self._kept[picture.digest] = url
            self._bytes += len(url)
        self._kept.move_to_end(picture.digest)
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return url


def _encode_for_upload(picture: Picture) -> tuple[bytes, str]:
    """The bytes and media type that a server decodes to the same pixels as the harness.

    The original bytes, except where decoders disagree: EXIF rotation, 16 bits per channel, rare formats.
    """
    if picture.data is None:
        if picture.image is None:
            raise ValueError(f"the picture {picture.digest} has neither bytes nor pixels")
        return _png(picture.image), "image/png"
    with Image.open(io.BytesIO(picture.data)) as image:
        plain = picture.media_type in _SUPPORTED_TYPES and not image.mode.startswith("I")
        if plain and image.getexif().get(_ORIENTATION, _NOT_ROTATED) == _NOT_ROTATED:
            return picture.data, picture.media_type
        return _png(_eight_bits(ImageOps.exif_transpose(image))), "image/png"


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        grey = image.convert("I")
        wide = image.mode != "I" or cast("tuple[int, int]", grey.getextrema())[1] > 255
        return (grey.point(lambda value: value * (1 / 257) + 0.5) if wide else grey).convert("L")
    return image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.info = {}
    image.save(file, "PNG")
    return file.getvalue()
