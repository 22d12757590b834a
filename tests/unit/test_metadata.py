"""Judges that take files receive pictures without embedded metadata."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from harness.images.decoding import decode
from harness.images.metadata import portable

SECRET = b"a sad person"


def file(form: str, orientation: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 16, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x0112] = orientation
    info = PngInfo()
    info.add_text("prompt", SECRET.decode())
    info.add_itxt("caption", SECRET.decode(), zip=False)
    info.add(b"caBX", SECRET)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {
        "PNG": {"pnginfo": info},
        "JPEG": {"comment": SECRET, "quality": 90},
        "WEBP": {"xmp": SECRET, "lossless": True},
    }[form]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, exif=exif, icc_profile=profile, **more)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_metadata_is_removed_and_pixels_are_kept(form: str, orientation: int) -> None:
    data = file(form, orientation)
    bare, media_type = portable(data, "x")
    assert SECRET in data
    assert SECRET not in bare
    assert media_type == ("image/png" if orientation == 6 else f"image/{form.lower()}")
    with Image.open(io.BytesIO(bare)) as image:
        assert image.size == ((16, 24) if orientation == 1 else (24, 16))
        assert image.convert("RGB").tobytes() == decode(data, "x").image.tobytes()
        # A decoder that applies profiles would show other colours than one that does not.
        assert not {"icc_profile", "exif", "xmp", "comment"} & set(image.info)
    assert portable(bare, "x")[0] == bare
