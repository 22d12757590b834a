"""Encodes pictures as data URLs, once for all questions about a picture."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict

from harness import Picture


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
            data, media_type = _file(picture)
            url = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
            self._kept[picture.digest] = url
            self._bytes += len(url)
        self._kept.move_to_end(picture.digest)
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return url


def _file(picture: Picture) -> tuple[bytes, str]:
    """The bytes and media type to send: the file that the harness prepared, or the pixels as a PNG."""
    if picture.data is not None:
        return picture.data, picture.media_type
    if picture.image is None:
        raise ValueError(f"the picture {picture.digest} has neither bytes nor pixels")
    file = io.BytesIO()
    picture.image.save(file, "PNG")
    return file.getvalue(), "image/png"
