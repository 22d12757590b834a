"""Pictures as data URLs: the file's own bytes, encoded once for all questions on it."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from typing import cast

from PIL import Image, ImageOps

from harness import Picture

_UNDERSTOOD = frozenset({"image/png", "image/jpeg", "image/webp"})
"""What every endpoint with eyes takes. Anything else is sent as PNG, which loses nothing."""
_UPRIGHT = 1
_ORIENTATION = 0x0112


class DataUrls:
    """Encodes pictures, and keeps what it encoded last: questions on one picture follow each other."""

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        """`max_bytes`: how much is kept, in bytes of encoded text; the last picture is kept whatever its size."""
        self._max_bytes, self._bytes = max_bytes, 0
        self._kept: OrderedDict[str, str] = OrderedDict()

    def of(self, picture: Picture) -> str:
        """The data URL of a picture. Raises `ValueError` for one that has neither bytes nor pixels."""
        url = self._kept.get(picture.digest)
        if url is None:
            data, media_type = _as_sent(picture)
            url = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
            self._kept[picture.digest] = url
            self._bytes += len(url)
        self._kept.move_to_end(picture.digest)
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return url


def _as_sent(picture: Picture) -> tuple[bytes, str]:
    """The bytes and media type that a server will decode to what the harness sees.

    Original bytes, save where decoders disagree: turned by a note in the file, 16 bits a channel, rare formats.
    """
    if picture.data is None:
        if picture.image is None:
            raise ValueError(f"the picture {picture.digest} has neither bytes nor pixels")
        return _png(picture.image), "image/png"
    with Image.open(io.BytesIO(picture.data)) as image:
        plain = picture.media_type in _UNDERSTOOD and not image.mode.startswith("I")
        if plain and image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
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
