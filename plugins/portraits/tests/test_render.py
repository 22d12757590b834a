"""SVG text and pixels are reproducible."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET

import pytest
from memobench_portraits import render
from memobench_portraits.anatomy import anatomy
from memobench_portraits.expression import EMOTIONS, action_units
from memobench_portraits.face.backdrop import backdrop
from memobench_portraits.hair import STYLES
from memobench_portraits.identity import HAIR_STYLES, Identity, identity
from memobench_portraits.render import portrait
from memobench_portraits.svg import Drawing
from PIL import ImageChops, ImageStat

PINNED = {
    (1, "happy", 5): "70bfd117db680f95",
    (2, "worry", 3): "30fddae3f56986ec",
    (3, "neutral", 0): "c74320700a0bf39e",
}


def layers(who: Identity, emotion: str, strength: float) -> dict[str, Drawing]:
    """A portrait's drawings, from back to front."""
    face = anatomy(who, action_units(emotion, strength, shouts=who.shouts))
    skin, hair = render._skin(who), render.hair_colour(who)
    return {
        "wall": backdrop(who),
        "back": render._draw_back(face, skin, hair),
        "shading": render._draw_shading(face, skin),
        "face": render._draw_face(face, skin, hair),
        "front": render._draw_front(face, hair),
    }


def text(seed: int, emotion: str, strength: int) -> str:
    return "".join(art.text() for art in layers(identity(seed), emotion, strength).values())


@pytest.mark.parametrize("key", PINNED)
def test_svg_matches_the_pinned_digest(key: tuple[int, str, int]) -> None:
    assert hashlib.sha256(text(*key).encode()).hexdigest()[:16] == PINNED[key]


@pytest.mark.parametrize("style", STYLES)
def test_every_hair_style_gives_well_formed_svg(style: str) -> None:
    gender = next(g for g, styles in HAIR_STYLES.items() if style in styles)
    for art in layers(identity(8, hair=style, gender=gender), "angry", 5).values():
        document = art.text()
        assert "nan" not in document
        assert "inf" not in document
        ET.fromstring(document)


def test_rendering_is_independent_of_earlier_portraits() -> None:
    who = identity(21)
    first = portrait(who, "surprise", 4, 128)
    for other in range(30, 36):
        portrait(identity(other), "sad", 2, 64)
    assert portrait(who, "surprise", 4, 128).tobytes() == first.tobytes()
    render._static_layers.cache_clear()
    assert portrait(who, "surprise", 4, 128).tobytes() == first.tobytes()


@pytest.mark.parametrize("size", [64, 101, 300])
def test_the_portrait_has_the_requested_size(size: int) -> None:
    picture = portrait(identity(2), "happy", 5, size)
    assert picture.size == (size, size)
    assert picture.mode == "RGB"


def test_the_expression_changes_only_the_face() -> None:
    who = identity(40, hair="short", gender="man")
    rest = portrait(who, "neutral", 0, 192)
    for emotion in EMOTIONS[:-1]:
        box = ImageChops.difference(rest, portrait(who, emotion, 5, 192)).getbbox()
        assert box is not None
        assert min(box[0], 192 - box[2]) > 30, (emotion, box)
        assert 50 < box[1] < box[3] < 185, (emotion, box)


def test_brows_are_drawn_over_glasses() -> None:
    for kind in ("round", "square"):
        bare = identity(12, glasses="none", hair="short", gender="man")
        worn = identity(12, glasses=kind, hair="short", gender="man")
        with_glasses = layers(worn, "angry", 5)["face"].text()
        brow = layers(bare, "angry", 5)["face"].text().split("<path")[-2]
        assert with_glasses.index(brow) > with_glasses.rindex('stroke-width="3.40"')


def test_portraits_are_neither_flat_nor_dark() -> None:
    for seed in range(6):
        stat = ImageStat.Stat(portrait(identity(seed), "happy", 5, 96).convert("L"))
        assert 60 < stat.mean[0] < 220
        assert stat.stddev[0] > 20
