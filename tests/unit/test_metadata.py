"""Judges that take files receive pictures without embedded metadata."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from harness.images.metadata import strip_metadata

SECRET = b"a sad person"


def file(form: str, orientation: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 16, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x0112] = orientation
    info = PngInfo()
    info.add_text("prompt", SECRET.decode())
    info.add_itxt("caption", SECRET.decode(), zip=False)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {
        "PNG": {"pnginfo": info},
        "JPEG": {"comment": SECRET, "quality": 90},
        "WEBP": {"xmp": SECRET, "lossless": True},
    }[form]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, exif=exif, icc_profile=profile, **more)  # type: ignore[arg-type]
    return buffer.getvalue()


def shown(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_metadata_is_removed_and_pixels_are_kept(form: str, orientation: int) -> None:
    data = file(form, orientation)
    bare = strip_metadata(data)
    assert SECRET in data
    assert SECRET not in bare
    assert shown(bare).size == ((16, 24) if orientation == 1 else (24, 16))
    assert shown(bare).tobytes() == shown(data).tobytes()
    with Image.open(io.BytesIO(bare)) as image:
        assert image.info.get("icc_profile")
        assert strip_metadata(bare) == bare


def test_other_formats_are_unchanged() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "BMP")
    assert strip_metadata(buffer.getvalue()) == buffer.getvalue()
