"""From a person and an expression to SVG text, and from that to pixels."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import resvg_py
from PIL import Image

from memobench_portraits.anatomy import MIDDLE, Anatomy, anatomy
from memobench_portraits.colours import HAIR, SKINS, Skin, mix
from memobench_portraits.expression import action_units
from memobench_portraits.face.accessories import earrings, glasses
from memobench_portraits.face.backdrop import backdrop
from memobench_portraits.face.beard import beard
from memobench_portraits.face.brows import brows
from memobench_portraits.face.clothes import clothes
from memobench_portraits.face.creases import creases
from memobench_portraits.face.eyes import eyes
from memobench_portraits.face.head import cheeks, ears, head, neck, nose
from memobench_portraits.face.mouth import mouth
from memobench_portraits.hair import follows_face, hair_back, hair_front, reaches_behind, reaches_shoulders
from memobench_portraits.identity import Identity
from memobench_portraits.svg import CANVAS, Box, Drawing

_PIVOT = (MIDDLE, 420.0)
_FACE_BOX: Box = (100.0, 64.0, 312.0, 404.0)
_TOP_BOX: Box = (72.0, 16.0, 368.0, 304.0)
_SHOULDERS_BOX: Box = (0.0, 320.0, 512.0, 192.0)
_WALL_SHARE = 8
"""The backdrop is rasterised at this fraction of the size."""


@dataclass(frozen=True)
class Layers:
    """A portrait's drawings, from back to front. Only ``face`` shows the expression (and a hijab's edge)."""

    wall: Drawing
    behind: Drawing
    """Hair behind the head, neck, clothes."""
    face: Drawing
    before: Drawing
    """Hair before the head."""


def layers(who: Identity, emotion: str = "neutral", strength: float = 5.0) -> Layers:
    """The drawings of one portrait. ``strength`` runs from 0 to 5.

    Raises ``ValueError`` for an unknown emotion.
    """
    return _layers(who, action_units(emotion, strength, shouts=who.shouts))


def _layers(who: Identity, units: Mapping[int, float]) -> Layers:
    face = anatomy(who, units)
    skin, hair = _skin(who), hair_colour(who)
    return Layers(backdrop(who), _behind(face, skin, hair), _face(face, skin, hair), _before(face, hair))


def hair_colour(who: Identity) -> str:
    """The colour of the hair, grey included."""
    return mix(HAIR[who.hair_colour], HAIR["white"] if who.age > 68 else HAIR["grey"], who.grey * 0.9)


def _skin(who: Identity) -> Skin:
    return SKINS[who.skin_tone].toned(who.undertone)


def _behind(face: Anatomy, skin: Skin, hair: str) -> Drawing:
    art = Drawing()
    with art.turned(face.who.tilt, _PIVOT):
        hair_back(art, face, hair)
    neck(art, face, skin)
    clothes(art, face)
    return art


def _face(face: Anatomy, skin: Skin, hair: str) -> Drawing:
    art = Drawing()
    with art.turned(face.who.tilt, _PIVOT):
        ears(art, face, skin)
        head(art, face, skin)
        cheeks(art, face, skin)
        creases(art, face, skin)
        nose(art, face, skin)
        beard(art, face, skin, hair)
        mouth(art, face, skin)
        eyes(art, face, skin)
        glasses(art, face)
        brows(art, face, skin, hair)
        earrings(art, face)
    return art


def _before(face: Anatomy, hair: str) -> Drawing:
    art = Drawing()
    with art.turned(face.who.tilt, _PIVOT):
        hair_front(art, face, hair)
    return art


def portrait(who: Identity, emotion: str = "neutral", strength: float = 5.0, size: int = 512) -> Image.Image:
    """The portrait as an RGB image of ``size`` x ``size`` pixels; the same bytes every time.

    What does not change with the expression is kept for the last few people, so portraits of one
    person are best drawn in a row.
    """
    face = anatomy(who, action_units(emotion, strength, shouts=who.shouts))
    under, over, place = _still(who, size)
    picture = under.copy()
    shown, corner = _raster(_face(face, _skin(who), hair_colour(who)), size, _FACE_BOX)
    picture.paste(shown, corner, shown)
    if follows_face(who.hair):
        over, place = _raster(_before(face, hair_colour(who)), size, _front_box(who.hair))
    picture.paste(over, place, over)
    return picture


def _front_box(style: str) -> Box:
    return CANVAS if reaches_shoulders(style) else _TOP_BOX


@lru_cache(maxsize=4)
def _still(who: Identity, size: int) -> tuple[Image.Image, Image.Image, tuple[int, int]]:
    """What is the same in all portraits of a person: all behind the face (RGB), the hair before it (RGBA)."""
    rest = _layers(who, action_units("neutral", 0))
    wall, _ = _raster(rest.wall, max(size // _WALL_SHARE, 16))
    under = wall.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    behind, corner = _raster(rest.behind, size, CANVAS if reaches_behind(who.hair) else _SHOULDERS_BOX)
    under.paste(behind, corner, behind)
    return under, *_raster(rest.before, size, _front_box(who.hair))


def _raster(art: Drawing, size: int, box: Box = CANVAS) -> tuple[Image.Image, tuple[int, int]]:
    """The part of a drawing within ``box`` as RGBA, and where its corner lies, on a canvas of ``size`` pixels."""
    scale = size / CANVAS[2]
    left, top = math.floor(box[0] * scale), math.floor(box[1] * scale)
    right, bottom = math.ceil((box[0] + box[2]) * scale), math.ceil((box[1] + box[3]) * scale)
    seen = (left / scale, top / scale, (right - left) / scale, (bottom - top) / scale)
    png = resvg_py.svg_to_bytes(svg_string=art.text(right - left, bottom - top, seen), skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA"), (left, top)
