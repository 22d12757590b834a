"""SVG text and pixels: the same for the same request."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET

import pytest
from memobench_portraits.expression import EMOTIONS
from memobench_portraits.hair import STYLES
from memobench_portraits.identity import HAIR_STYLES, identity
from memobench_portraits.render import _still, layers, portrait
from PIL import ImageChops, ImageStat

PINNED = {
    (1, "happy", 5): "70bfd117db680f95",
    (2, "worry", 3): "30fddae3f56986ec",
    (3, "neutral", 0): "c74320700a0bf39e",
}


def text(seed: int, emotion: str, strength: int) -> str:
    drawn = layers(identity(seed), emotion, strength)
    return "".join(art.text() for art in (drawn.wall, drawn.behind, drawn.skin, drawn.face, drawn.before))


@pytest.mark.parametrize("key", PINNED)
def test_svg_is_what_this_version_draws(key: tuple[int, str, int]) -> None:
    assert hashlib.sha256(text(*key).encode()).hexdigest()[:16] == PINNED[key]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_well_formed_svg_within_reach_of_the_canvas(style: str) -> None:
    gender = next(g for g, styles in HAIR_STYLES.items() if style in styles)
    drawn = layers(identity(8, hair=style, gender=gender), "angry", 5)
    for art in (drawn.wall, drawn.behind, drawn.skin, drawn.face, drawn.before):
        document = art.text()
        assert "nan" not in document
        assert "inf" not in document
        ET.fromstring(document)


def test_drawing_twice_gives_the_same_pixels_whatever_was_drawn_between() -> None:
    who = identity(21)
    first = portrait(who, "surprise", 4, 128)
    for other in range(30, 36):
        portrait(identity(other), "sad", 2, 64)
    assert portrait(who, "surprise", 4, 128).tobytes() == first.tobytes()
    _still.cache_clear()
    assert portrait(who, "surprise", 4, 128).tobytes() == first.tobytes()


@pytest.mark.parametrize("size", [64, 101, 300])
def test_size_is_as_asked(size: int) -> None:
    picture = portrait(identity(2), "happy", 5, size)
    assert picture.size == (size, size)
    assert picture.mode == "RGB"


def test_only_the_face_changes_with_the_expression() -> None:
    who = identity(40, hair="short", gender="man")
    rest = portrait(who, "neutral", 0, 192)
    for emotion in EMOTIONS[:-1]:
        box = ImageChops.difference(rest, portrait(who, emotion, 5, 192)).getbbox()
        assert box is not None
        assert min(box[0], 192 - box[2]) > 30, (emotion, box)
        assert 50 < box[1] < box[3] < 185, (emotion, box)


def test_brows_show_through_glasses() -> None:
    for kind in ("round", "square"):
        bare = identity(12, glasses="none", hair="short", gender="man")
        worn = identity(12, glasses=kind, hair="short", gender="man")
        low = layers(worn, "angry", 5).face.text()
        brow = layers(bare, "angry", 5).face.text().split("<path")[-2]
        assert low.index(brow) > low.rindex('stroke-width="3.40"')


def test_pictures_are_neither_flat_nor_dark() -> None:
    for seed in range(6):
        stat = ImageStat.Stat(portrait(identity(seed), "happy", 5, 96).convert("L"))
        assert 60 < stat.mean[0] < 220
        assert stat.stddev[0] > 20
