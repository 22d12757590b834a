"""Pictures in every format, mode and orientation, with the pixels that a judge must see; writes docs/pictures.md.

The expected pixels are computed with numpy from the stored values, never by the code under test.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from harness.images.decoding import decode
from harness.images.metadata import portable

Pixels = np.ndarray
SIDES = {1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
         5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom")}  # fmt: skip
"""EXIF 2.3, table 6: the sides of the upright picture at which the first stored row and the first stored column are."""
CORRECTION = {1: "nothing: it is upright", 2: "mirrored left to right", 3: "turned by 180°", 4: "mirrored top to bottom",
              5: "mirrored left to right, then turned by 90° counterclockwise", 6: "turned by 90° clockwise",
              7: "mirrored left to right, then turned by 90° clockwise", 8: "turned by 90° counterclockwise"}  # fmt: skip


def upright(stored: Pixels, orientation: int) -> Pixels:
    """The pixels as shown, of pixels as stored with an EXIF orientation."""
    row, column = SIDES[orientation]
    if row in ("left", "right"):
        stored, row, column = stored.swapaxes(0, 1), column, row
    stored = stored[::-1] if row == "bottom" else stored
    return stored[:, ::-1] if column == "right" else stored


def grey(levels: int, top: int) -> Callable[[Pixels], Pixels]:
    """Grey with values below `levels`, of which `top` is white, as RGB from 0 to 255."""
    return lambda stored: np.repeat(stored[..., None] * (255 / top), 3, axis=2)


def over_white(colour: Pixels, alpha: Pixels) -> Pixels:
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


PALETTE = np.array([[200, 30, 40], [20, 160, 60], [0, 0, 0], [255, 250, 10]], np.uint8)
PALETTE_ALPHA = np.array([255, 0, 128, 255], np.uint8)
CLEAR_GREY, CLEAR_COLOUR = 3, (1, 0, 1)


def _palette(**options: Any) -> Callable[[Pixels], tuple[Image.Image, dict[str, Any]]]:
    def build(stored: Pixels) -> tuple[Image.Image, dict[str, Any]]:
        image = Image.fromarray(stored.astype(np.uint8), "L").copy()
        image.putpalette(PALETTE.tobytes())
        return image, options

    return build


def _plain(mode: str, dtype: type = np.uint8, **options: Any) -> Callable[[Pixels], Any]:
    def build(stored: Pixels) -> tuple[Image.Image, dict[str, Any]]:
        if mode == "1":
            return Image.fromarray(stored.astype(bool)), options
        if mode in ("CMYK", "YCbCr", "LAB"):
            return Image.frombytes(mode, stored.shape[1::-1], stored.astype(dtype).tobytes()), options
        image = Image.fromarray(stored.astype(dtype))
        assert image.mode == mode, f"{image.mode} instead of {mode}"
        return image, options

    return build


def cmyk(stored: Pixels) -> Pixels:
    ink = 255.0 - stored
    return ink[..., :3] * ink[..., 3:] / 255


def clear_where(
    same: Callable[[Pixels], Pixels], seen: Callable[[Pixels], Pixels]
) -> Callable[[Pixels], Pixels]:
    """The pixels of `seen`, white where `same` holds."""
    return lambda stored: np.where(same(stored)[..., None], 255.0, seen(stored))


def raw_png(depth: int, colour_type: int, transparent: bytes) -> Callable[[Pixels], bytes]:
    """A PNG of a kind that Pillow does not write: few bits per grey, or 16 bits per colour, with a transparent value."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def encode(stored: Pixels, exif: bytes = b"") -> bytes:
        height, width = stored.shape[:2]
        values = stored.reshape(height, -1)
        if depth == 16:
            rows = [line.astype(">u2").tobytes() for line in values]
        else:
            bits = (values[..., None] >> np.arange(depth)[::-1]) & 1
            rows = [np.packbits(line.reshape(-1).astype(np.uint8)).tobytes() for line in bits]
        head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
        return b"".join(
            (
                b"\x89PNG\r\n\x1a\n",
                chunk(b"IHDR", head),
                chunk(b"tRNS", transparent) if transparent else b"",
                chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")) if exif else b"",
                chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
                chunk(b"IEND", b""),
            )
        )

    return encode


@dataclass(frozen=True)
class Mode:
    """How pixels are stored, and what is seen of them."""

    name: str
    note: str
    channels: int
    levels: int
    """Values are below this."""
    build: Callable[..., Any]
    """The stored values as a Pillow image with options for saving, or (`raw`) as the file."""
    seen: Callable[[Pixels], Pixels]
    raw: bool = False
    exact: bool = True
    """False: the conversion to RGB rounds, or the values are not those of the file."""


COLOURS, SCALED, WHITE = "the stored colours", "the stored greys, scaled to 8 bits", "white where transparent"
_COLOUR = Mode("RGB", COLOURS, 3, 256, _plain("RGB"), lambda s: s.astype(float))
_RGBA = Mode("RGBA", WHITE, 4, 256, _plain("RGBA"), lambda s: over_white(s[..., :3], s[..., 3]))
_OPAQUE = Mode("RGBA, all opaque", COLOURS, 3, 256, lambda s: _plain("RGBA")(np.dstack([s, np.full(s.shape[:2], 255)])),
               lambda s: s.astype(float))  # fmt: skip
_LA = Mode("LA", WHITE, 2, 256, lambda s: (Image.merge("LA", [Image.fromarray(s[..., n].astype(np.uint8)) for n in (0, 1)]), {}),
           lambda s: over_white(np.repeat(s[..., :1], 3, axis=2), s[..., 1]))  # fmt: skip
_GREY = Mode("L", "the stored greys", 0, 256, _plain("L"), grey(256, 255))
_BITS = Mode("1", "black and white", 0, 2, _plain("1"), grey(2, 1))
_P = Mode("P", COLOURS, 0, 4, _palette(), lambda s: PALETTE[s].astype(float))
_P_INDEX = Mode("P, one transparent entry", WHITE, 0, 4, _palette(transparency=1),
                clear_where(lambda s: s == 1, lambda s: PALETTE[s].astype(float)))  # fmt: skip
_P_ALPHA = Mode("P, alpha per entry", WHITE, 0, 4, _palette(transparency=PALETTE_ALPHA.tobytes()),
                lambda s: over_white(PALETTE[s], PALETTE_ALPHA[s]))  # fmt: skip
_DEEP = Mode("I;16", SCALED, 0, 65_536, _plain("I;16", np.uint16), grey(65_536, 65_535))
_INTEGERS = Mode("I", SCALED, 0, 65_536, _plain("I", np.int32), grey(65_536, 65_535))
_CMYK = Mode("CMYK", "converted to RGB", 4, 256, _plain("CMYK"), cmyk, exact=False)
_FULL = Mode("RGB, a transparent colour (tRNS)", WHITE, 3, 2, _plain("RGB", transparency=CLEAR_COLOUR),
             clear_where(lambda s: (s == CLEAR_COLOUR).all(2), lambda s: s.astype(float)))  # fmt: skip
_GREY_TRNS = Mode("L, a transparent grey (tRNS)", WHITE, 0, 5, _plain("L", transparency=CLEAR_GREY),
                  clear_where(lambda s: s == CLEAR_GREY, grey(256, 255)))  # fmt: skip
_BITS_TRNS = Mode("1, a transparent value (tRNS)", WHITE, 0, 2, raw_png(1, 0, struct.pack(">H", 0)),
                  clear_where(lambda s: s == 0, grey(2, 1)), raw=True)  # fmt: skip
_TWO_BITS = Mode("L of 2 bits, a transparent grey (tRNS)", WHITE, 0, 4, raw_png(2, 0, struct.pack(">H", 2)),
                 clear_where(lambda s: s == 2, grey(4, 3)), raw=True)  # fmt: skip
_FOUR_BITS = Mode("L of 4 bits, a transparent grey (tRNS)", WHITE, 0, 16, raw_png(4, 0, struct.pack(">H", 5)),
                  clear_where(lambda s: s == 5, grey(16, 15)), raw=True)  # fmt: skip
_DEEP_TRNS = Mode("I;16, a transparent grey (tRNS)", WHITE, 0, 4, raw_png(16, 0, struct.pack(">H", 2)),
                  clear_where(lambda s: s == 2, grey(4, 65_535)), raw=True)  # fmt: skip
_DEEP_COLOUR = Mode("RGB of 16 bits", "the stored colours, cut to 8 bits", 3, 65_536, raw_png(16, 2, b""),
                    lambda s: (s >> 8).astype(float), raw=True)  # fmt: skip
_DEEP_COLOUR_TRNS = Mode("RGB of 16 bits, a transparent colour (tRNS)", WHITE, 3, 2, raw_png(16, 2, struct.pack(">HHH", 0, 0, 0)),
                         lambda s: np.full(s.shape, 255.0) * (s == 0).all(2)[..., None], raw=True)  # fmt: skip

CASES: Mapping[str, tuple[Mode, ...]] = {
    "PNG": (_BITS, _BITS_TRNS, _GREY, _TWO_BITS, _FOUR_BITS, _GREY_TRNS, _LA, _P, _P_INDEX, _P_ALPHA, _COLOUR, _FULL, _DEEP_COLOUR,
            _RGBA, _OPAQUE, _DEEP, _DEEP_TRNS),
    "JPEG": (_GREY, _COLOUR, _CMYK),
    "MPO": (_GREY, _COLOUR),
    "WEBP": (_COLOUR, _RGBA, _OPAQUE),
    "TIFF": (_BITS, _GREY, _LA, _P, _COLOUR, _RGBA, _OPAQUE, _CMYK, _DEEP, _INTEGERS),
    "BMP": (_BITS, _GREY, _P, _COLOUR),
    "GIF": (_P, _P_INDEX),
}  # fmt: skip
"""Every format with the modes that it can store. (Pillow writes CMYK as MPO in a way that it cannot read.)"""
TURNABLE = {"PNG", "JPEG", "MPO", "WEBP", "TIFF"}
"""Formats that carry an orientation."""


@dataclass(frozen=True)
class Stored:
    """A file, and the pixels that every judge must see of it."""

    data: bytes
    seen: Pixels
    tolerance: float


def names() -> Iterator[tuple[str, Mode]]:
    return ((form, mode) for form, modes in CASES.items() for mode in modes)


def random_pixels(mode: Mode, width: int, height: int, seed: int) -> Pixels:
    shape = (height, width, mode.channels) if mode.channels else (height, width)
    return np.random.default_rng(seed).integers(0, mode.levels, shape)


def store(form: str, mode: Mode, pixels: Pixels, orientation: int = 1) -> Stored:
    """The file with the stored `pixels`, and what is to be seen."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if mode.raw:
        data = mode.build(pixels, exif.tobytes() if orientation != 1 else b"")
    else:
        image, options = mode.build(pixels)
        if orientation != 1:
            options = options | {"exif": exif.tobytes()}
        file = io.BytesIO()
        if form == "MPO":
            options = options | {"save_all": True, "append_images": [Image.new(image.mode, image.size)]}
        elif form == "WEBP":
            options = options | {"lossless": True, "exact": True}
        image.save(file, form, **options)
        data = file.getvalue()
    if form in ("JPEG", "MPO"):
        # The format changes the values: what is stored is what Pillow decodes, before it is turned.
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == form
            pixels = np.asarray(image).astype(int)
    return Stored(data, upright(mode.seen(pixels), orientation), 1 if mode.exact else 2)


def as_pixels(data: bytes) -> Pixels:
    """What a judge that takes pixels sees."""
    return np.asarray(decode(data, "x").image)


def as_bytes(data: bytes) -> Pixels:
    """What a judge that takes bytes sees through the simplest of decoders: first picture, no orientation, no alpha."""
    with Image.open(io.BytesIO(portable(data, "x")[0])) as image:
        assert image.format in ("PNG", "JPEG", "WEBP")
        return np.asarray(image.convert("RGB"))


INTRODUCTION = """\
# What judges see of a picture

Every judge sees the same pixels: 8-bit RGB, upright, transparency over white, the first picture of a file that holds several.
Judges that take pixels (`fer`, `nano`, transformers, vLLM) get them directly. Judges that take files (`openai`) get the stored
file without its metadata where every decoder shows these pixels, and otherwise a PNG of them. Orientation is the EXIF or XMP
orientation, in any format that carries one; an invalid one counts as upright. Colour profiles are not applied, and not sent.

A test builds the tables from the code: `PYTHONPATH=tests python -m helpers.pictures > docs/pictures.md`.

## Formats and modes
Modes are named as in Pillow. *Sent* is what a judge that takes files gets of a picture that is stored upright, and of one that
is stored turned or mirrored (orientations 2 to 8).

| Format | Mode | Every judge sees | Sent, upright | Sent, turned |
|---|---|---|---|---|
"""
REFUSED = """
Floating-point pictures (TIFF, mode F) are refused, because their range is unknown; so are files with more than 50 million pixels,
truncated files, and formats not listed here. Such samples count as failed, with the reason.

## Orientations

| Orientation | First row is at the | First column is at the | To show it, it is |
|---|---|---|---|
"""


def _sent(form: str, mode: Mode, *orientations: int) -> str:
    if orientations != (1,) and form not in TURNABLE:
        return "–"
    files = [store(form, mode, random_pixels(mode, 12, 8, 1), n).data for n in orientations]
    (plain,) = {decode(data, "x").plain for data in files}
    return "the file" if plain else "PNG"


def page() -> str:
    """The text of docs/pictures.md."""
    rows = [
        f"| {form} | {mode.name} | {mode.note} | {_sent(form, mode, 1)} | {_sent(form, mode, *range(2, 9))} |\n"
        for form, mode in names()
    ]
    turns = [f"| {n} | {row} | {column} | {CORRECTION[n]} |\n" for n, (row, column) in SIDES.items()]
    return INTRODUCTION + "".join(rows) + REFUSED + "".join(turns)


if __name__ == "__main__":
    print(page(), end="")
