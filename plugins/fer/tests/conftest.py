"""Fixtures: pictures shipped with packages, drawn shapes, and an open judge and detector."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from memobench_fer.detector import TinyFace
from memobench_fer.judge import FerJudge
from PIL import Image, ImageDraw


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def officer() -> Image.Image:
    return Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg")).convert("RGB")


@pytest.fixture(scope="session")
def portrait(astronaut: Image.Image) -> Image.Image:
    """A face with shoulders, 240 by 240."""
    return astronaut.crop((104, 10, 344, 250))


@pytest.fixture(scope="session")
def small_faces() -> list[Image.Image]:
    """A hundred real faces, 25 x 25 grey pixels each, centred in an empty picture."""
    return [_framed(face) for face in skimage.data.lfw_subset()[:100]]


@pytest.fixture(scope="session")
def no_faces() -> dict[str, Image.Image]:
    """Pictures without a face: photographs, textures, drawn shapes."""
    names = ("coffee", "cat", "rocket", "coins", "brick", "grass", "page", "moon", "colorwheel")
    pictures = {name: Image.fromarray(getattr(skimage.data, name)()).convert("RGB") for name in names}
    pictures |= {f"patch {n}": _framed(patch) for n, patch in enumerate(skimage.data.lfw_subset()[100:])}
    shapes = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(shapes)
    draw.ellipse((100, 100, 400, 400), fill="orange")
    draw.rectangle((20, 300, 200, 500), outline="blue", width=9)
    return {**pictures, "shapes": shapes, "blank": Image.new("RGB", (512, 512))}


@pytest.fixture(scope="session")
def detector() -> Iterator[TinyFace]:
    detector = TinyFace()
    detector.open()
    yield detector
    detector.close()


@pytest.fixture(scope="session")
def judge() -> Iterator[FerJudge]:
    judge = FerJudge()
    judge.open()
    yield judge
    judge.close()


def _framed(patch: np.ndarray) -> Image.Image:
    picture = Image.new("RGB", (256, 256), (128, 128, 128))
    picture.paste(
        Image.fromarray((patch * 255).astype(np.uint8)).resize((128, 128), Image.Resampling.BICUBIC), (64, 64)
    )
    return picture
