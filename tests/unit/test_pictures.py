"""Pictures in any mode become upright 8-bit RGB; unusable files get a reason."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import data
from PIL import Image

from harness.images.decoding import PictureProblem, decode, read_bytes, to_rgb


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def pixels(content: bytes) -> np.ndarray:
    image = decode(content, "x").image
    assert image.mode == "RGB"
    return np.asarray(image)


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    seen = pixels(encoded(Image.fromarray(ramp)))
    assert np.abs(seen[..., 0].astype(int) - np.arange(256).reshape(16, 16)).max() <= 1
    assert (seen == seen[..., :1]).all()


def test_dark_16_bit_grey_stays_dark() -> None:
    assert pixels(encoded(Image.fromarray(np.full((4, 4), 200, np.uint16)))).max() <= 1


def test_32_bit_tiff_with_8_bit_values() -> None:
    ramp = np.arange(256, dtype=np.int32).reshape(16, 16)
    assert (pixels(encoded(Image.fromarray(ramp), "TIFF"))[..., 0] == ramp).all()


def test_transparency_is_composited_over_white() -> None:
    clear = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    clear.putpixel((1, 0), (255, 0, 0, 0))
    assert pixels(encoded(clear)).tolist() == [[[255, 0, 0], [255, 255, 255]]]
    half = Image.new("LA", (1, 1), (0, 128))
    assert abs(int(pixels(encoded(half))[0, 0, 0]) - 127) <= 1


def test_palettes() -> None:
    image = Image.new("RGB", (2, 1), (10, 200, 30)).quantize(4)
    assert pixels(encoded(image))[0, 0].tolist() == [10, 200, 30]
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    assert pixels(encoded(image, transparency=1)).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_pictures_of_generators_follow_their_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(
        io.BytesIO(encoded(Image.new("RGB", (8, 4), "red"), exif=exif, transparency=(255, 0, 0)))
    )
    shown = to_rgb(image)
    assert (shown.mode, shown.size, shown.getpixel((0, 0))) == ("RGB", (4, 8), (255, 255, 255))
    assert to_rgb(Image.new("RGB", (8, 4))).size == (8, 4)


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr"])
def test_other_modes(mode: str) -> None:
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    form = "PNG" if mode in ("1", "L") else "JPEG"
    assert pixels(encoded(image, form)).min() >= 250


@pytest.mark.parametrize(
    ("form", "media"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("BMP", "image/bmp")],
)
def test_media_types(form: str, media: str) -> None:
    assert decode(encoded(Image.new("RGB", (8, 8)), form), "x").media_type == media


def test_first_frame_of_animations() -> None:
    frames = [Image.new("RGB", (4, 4), c) for c in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels(content)[0, 0].tolist() == [255, 0, 0]


def noise() -> bytes:
    return encoded(Image.frombytes("RGB", (64, 64), os.urandom(3 * 64 * 64)))


BROKEN = {
    "truncated": (lambda: noise()[:6000], "broken"),
    "header only": (lambda: noise()[:40], "not_a_picture"),
    "flipped bytes": (lambda: noise()[:500] + b"\0" * 200 + noise()[700:], "broken"),
    "text": (lambda: b"not a picture", "not_a_picture"),
    "SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
    "floating point": (lambda: encoded(Image.new("F", (4, 4)), "TIFF"), "unsupported"),
}


@pytest.mark.parametrize(("content", "kind"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_files_are_refused(content: Any, kind: str) -> None:
    with pytest.raises(PictureProblem, match=r"face\.png") as problem:
        decode(content(), "face.png")
    assert problem.value.kind == kind


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (8_000, 8_000), (100_000, 600)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_refused_before_they_are_decoded(width: int, height: int, tmp_path: Path) -> None:
    content = data.bomb(tmp_path / "bomb.png", width, height).read_bytes()
    with pytest.raises(PictureProblem, match="pixels") as problem:
        decode(content, "bomb.png")
    assert problem.value.kind == "too_large"


@pytest.mark.parametrize("form", ["EPS", "PPM"])
def test_other_formats_are_not_opened(form: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    with pytest.raises(PictureProblem) as caught:
        decode(file.getvalue(), "a.png")
    assert caught.value.kind == "not_a_picture"


def test_bytes_are_read_unchanged(tmp_path: Path) -> None:
    path = data.picture(tmp_path / "faces" / "a.png")
    assert read_bytes(str(tmp_path), "faces/a.png") == path.read_bytes()


@pytest.mark.parametrize(
    "path", ["../a.png", "faces/../../a.png", "/etc/hostname", "link.png", "links/a.png"]
)
def test_nothing_outside_is_read(path: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "faces").mkdir(parents=True)
    data.picture(tmp_path / "a.png")
    (root / "link.png").symlink_to(tmp_path / "a.png")
    (root / "links").symlink_to(tmp_path)
    with pytest.raises(PictureProblem) as problem:
        read_bytes(str(root), path)
    assert problem.value.kind == "outside"
    assert read_bytes(str(root), path, allow_outside=True)


def test_folders_with_a_common_prefix_are_outside(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    data.picture(tmp_path / "root2" / "a.png")
    with pytest.raises(PictureProblem, match="is outside the data folder"):
        read_bytes(str(tmp_path / "root"), "../root2/a.png")


@pytest.mark.parametrize("path", ["none.png", "a.png/b.png", ".", "loop.png", "a\0b.png", "x" * 300])
def test_unreadable_files(path: str, tmp_path: Path) -> None:
    data.picture(tmp_path / "a.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    with pytest.raises(PictureProblem):
        read_bytes(str(tmp_path), path, allow_outside=True)
    with pytest.raises(PictureProblem):
        read_bytes(str(tmp_path), path)


def test_a_transparent_colour_of_16_bits_is_compared_with_all_of_them() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"\0" + struct.pack(">6H", 0x1234, 0, 0, 0x12FF, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, body)
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)),
            (b"tRNS", struct.pack(">3H", 0x1234, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )
    assert pixels(png).tolist() == [[[255, 255, 255], [0x12, 0, 0]]]
