"""Every judge sees the same pixels of a picture, in every format, mode and orientation."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import pictures
from helpers.pictures import (
    CORRECTION,
    SIDES,
    TURNABLE,
    Mode,
    as_bytes,
    as_pixels,
    random_pixels,
    store,
    upright,
)
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.images.decoding import decode
from harness.images.metadata import portable

ROOT = Path(__file__).parents[2]


def check(form: str, mode: Mode, width: int, height: int, seed: int, orientation: int) -> None:
    stored = store(form, mode, random_pixels(mode, width, height, seed), orientation)
    seen = as_pixels(stored.data)
    assert seen.shape == stored.seen.shape
    assert np.abs(seen - stored.seen).max() <= stored.tolerance
    assert (as_bytes(stored.data) == seen).all(), "what a judge gets as a file shows the same"


@pytest.mark.parametrize(("form", "mode"), list(pictures.names()), ids=lambda v: getattr(v, "name", v))
def test_every_format_and_mode_in_every_orientation(form: str, mode: Mode) -> None:
    for orientation in range(1, 9) if form in TURNABLE else (1,):
        check(form, mode, 13, 6, orientation, orientation)


@given(
    st.sampled_from(list(pictures.names())),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 999),
    st.integers(1, 8),
)
def test_any_size_and_content(
    case: tuple[str, Mode], width: int, height: int, seed: int, orientation: int
) -> None:
    form, mode = case
    check(form, mode, width, height, seed, orientation if form in TURNABLE else 1)


def test_the_documented_table_is_what_the_code_does() -> None:
    assert (ROOT / "docs/pictures.md").read_text(encoding="utf-8") == pictures.page(), (
        "run: PYTHONPATH=tests python -m helpers.pictures > docs/pictures.md"
    )


STEPS = {
    "mirrored left to right": np.fliplr,
    "mirrored top to bottom": np.flipud,
    "turned by 180°": lambda a: np.rot90(a, 2),
    "turned by 90° clockwise": lambda a: np.rot90(a, -1),
    "turned by 90° counterclockwise": np.rot90,
    "nothing: it is upright": lambda a: a,
}


@pytest.mark.parametrize("orientation", SIDES)
def test_the_documented_corrections(orientation: int) -> None:
    stored = np.arange(6).reshape(2, 3)
    shown = stored
    for step in CORRECTION[orientation].split(", then "):
        shown = STEPS[step](shown)
    assert (shown == upright(stored, orientation)).all()


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


COLOURS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8))


def xmp(orientation: int) -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>{orientation}</tiff:Orientation></x:xmpmeta>'.encode()


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_an_orientation_in_xmp_counts(form: str) -> None:
    data = encoded(COLOURS, form, xmp=xmp(6), lossless=True)
    assert as_pixels(data).shape == (20, 12, 3)
    assert (as_bytes(data) == as_pixels(data)).all()


@pytest.mark.parametrize("orientation", [0, 9, 4711])
def test_an_invalid_orientation_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(COLOURS, "JPEG", exif=exif)
    assert as_pixels(data).shape == (12, 20, 3)
    assert (as_bytes(data) == as_pixels(data)).all()


@pytest.mark.parametrize("body", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0nonsense" * 9])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_metadata_does_not_break_the_picture(body: bytes) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        data = encoded(COLOURS, form, exif=body)
        assert as_pixels(data).shape == (12, 20, 3)
        assert (as_bytes(data) == as_pixels(data)).all()


def test_only_the_first_picture_of_a_file_is_sent() -> None:
    other = Image.new("RGB", COLOURS.size, "black")
    for form in ("PNG", "WEBP", "GIF", "TIFF", "MPO"):
        lossless = {"lossless": True} if form == "WEBP" else {}
        data = encoded(COLOURS, form, save_all=True, append_images=[other], **lossless)
        with Image.open(io.BytesIO(data)) as image:
            assert image.n_frames == 2  # type: ignore[attr-defined]
        with warnings.catch_warnings(), Image.open(io.BytesIO(portable(data, "x")[0])) as image:
            warnings.simplefilter("error")
            assert getattr(image, "n_frames", 1) == 1
        assert (as_bytes(data) == as_pixels(data)).all()


def test_a_plain_file_is_sent_as_stored() -> None:
    for form, options in (
        ("PNG", {}),
        ("JPEG", {"quality": 90}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
    ):
        data = encoded(COLOURS, form, **options)
        assert portable(data, "x") == (data, f"image/{form.lower()}")


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}, {"optimize": True}]
)
def test_what_follows_a_jpeg_is_not_sent(options: dict[str, Any]) -> None:
    """Phones append a film or a brightness map."""
    data = encoded(COLOURS.resize((200, 120)), "JPEG", **options)
    assert portable(data + b"\0a sad person" + data, "x") == (data, "image/jpeg")


def test_transparent_pixels_that_do_not_occur_change_nothing() -> None:
    data = encoded(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(9, 9, 9))
    assert decode(data, "x").plain
    assert as_bytes(data)[0, 0].tolist() == as_pixels(data)[0, 0].tolist() == [1, 2, 3]
