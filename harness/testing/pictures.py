"""Drawn faces for tests of components that take pictures."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Literal

from PIL import Image, ImageDraw

from harness import Picture


def face_picture(number: int, side: int = 128) -> Picture:
    """A simple drawing of a face; different numbers give different pictures."""
    image = Image.new("RGB", (side, side), (200, 210, 220 - number % 50))
    canvas = ImageDraw.Draw(image)
    canvas.ellipse((side // 5, side // 8, 4 * side // 5, 7 * side // 8), fill=(230, 190, 160 + number % 40))
    for x in (2 * side // 5, 3 * side // 5):
        canvas.ellipse((x - 6, side // 2 - 16, x + 6, side // 2 - 8), fill="black")
    canvas.arc(
        (2 * side // 5, side // 2, 3 * side // 5, 3 * side // 4),
        20,
        160 + number % 20,
        fill="darkred",
        width=3,
    )
    return Picture(f"{number:064x}", image=image)


def plain_picture(size: tuple[int, int], colour: tuple[int, int, int] = (200, 170, 150)) -> Picture:
    """A picture of one colour, of any size (width, height)."""
    return Picture(
        hashlib.sha256(f"{size}{colour}".encode()).hexdigest(), image=Image.new("RGB", size, colour)
    )


def as_taken(picture: Picture, takes: Literal["pixels", "bytes"]) -> Picture:
    """The picture as a judge receives it that takes pixels or bytes."""
    if takes == "pixels" or picture.image is None:
        return picture
    file = io.BytesIO()
    picture.image.save(file, "PNG", compress_level=1)
    data = file.getvalue()
    return replace(picture, digest=hashlib.sha256(data).hexdigest(), image=None, data=data)


def broken(picture: Picture) -> Picture:
    """The same without usable pixels or bytes."""
    return replace(picture, digest="0" * 64, image=None, data=None if picture.data is None else b"no picture")
