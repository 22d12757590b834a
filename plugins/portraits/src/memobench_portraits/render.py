"""From a person and an expression to SVG text, and from that to pixels."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache

import resvg_py
from PIL import Image, ImageDraw

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
from memobench_portraits.face.head import cheeks, ears, freckles, head, neck, nose
from memobench_portraits.face.mouth import mouth
from memobench_portraits.hair import follows_face, hair_back, hair_front, reaches_behind, reaches_shoulders
from memobench_portraits.identity import Identity
from memobench_portraits.svg import CANVAS, Box, Drawing

_PIVOT = (MIDDLE, 420.0)
_TOP_BOX: Box = (88.0, 32.0, 336.0, 320.0)
_LONG_BOX: Box = (60.0, 40.0, 396.0, 472.0)
_SHOULDERS_BOX: Box = (0.0, 216.0, 512.0, 296.0)
_COARSE_WALL, _COARSE_SKIN = 8, 3
"""The backdrop and the shading of the face are rasterised at these fractions of the size, and enlarged."""


@dataclass(frozen=True)
class Layers:
    """A portrait's drawings, from back to front. Only ``skin``, ``face`` and a hijab show the expression."""

    wall: Drawing
    behind: Drawing
    """Hair behind the head, neck, clothes, ears."""
    skin: Drawing
    """The shading of the face, to be cut out along its outline."""
    face: Drawing
    before: Drawing
    """Earrings, and hair before the head."""


def layers(who: Identity, emotion: str = "neutral", strength: float = 5.0) -> Layers:
    """The drawings of one portrait. ``strength`` runs from 0 to 5.

    Raises ``ValueError`` for an unknown emotion.
    """
    face = anatomy(who, action_units(emotion, strength, shouts=who.shouts))
    skin, hair = _skin(who), hair_colour(who)
    return Layers(
        backdrop(who),
        _behind(face, skin, hair),
        _shading(face, skin),
        _face(face, skin, hair),
        _before(face, hair),
    )


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
    with art.turned(face.who.tilt, _PIVOT):
        ears(art, face, skin)
    return art


def _shading(face: Anatomy, skin: Skin) -> Drawing:
    art = Drawing()
    with art.turned(face.who.tilt, _PIVOT):
        head(art, face, skin)
        cheeks(art, face, skin)
    return art


def _face(face: Anatomy, skin: Skin, hair: str) -> Drawing:
    art = Drawing()
    with art.turned(face.who.tilt, _PIVOT):
        freckles(art, face, skin)
        creases(art, face, skin)
        nose(art, face, skin)
        beard(art, face, skin, hair)
        mouth(art, face, skin)
        eyes(art, face, skin)
        glasses(art, face)
        brows(art, face, skin, hair)
    return art


def _before(face: Anatomy, hair: str) -> Drawing:
    art = Drawing()
    with art.turned(face.who.tilt, _PIVOT):
        earrings(art, face)
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
    skin, box = _skin(who), _face_box(face)
    soft, corner = _raster(_shading(face, skin), size, box, coarse=_COARSE_SKIN)
    picture.paste(soft, corner, _cut_out(face, size, corner, soft.size))
    shown, corner = _raster(_face(face, skin, hair_colour(who)), size, box)
    picture.paste(shown, corner, shown)
    if follows_face(who.hair):
        over, place = _raster(_before(face, hair_colour(who)), size, _front_box(who.hair))
    picture.paste(over, place, over)
    return picture


def _face_box(face: Anatomy) -> Box:
    """What a turned face takes of the canvas, with room for a beard and for lashes."""
    half, top, bottom = face.half_width + 16, 84.0, face.chin + 28
    angle = math.radians(face.who.tilt)
    sine, cosine = math.sin(angle), math.cos(angle)
    corners = [
        (x * cosine - y * sine, x * sine + y * cosine)
        for x in (-half, half)
        for y in (top - _PIVOT[1], bottom - _PIVOT[1])
    ]
    xs, ys = [_PIVOT[0] + x for x, _ in corners], [_PIVOT[1] + y for _, y in corners]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _front_box(style: str) -> Box:
    return _LONG_BOX if reaches_shoulders(style) else _TOP_BOX


@lru_cache(maxsize=4)
def _still(who: Identity, size: int) -> tuple[Image.Image, Image.Image, tuple[int, int]]:
    """What is the same in all portraits of a person: all behind the face (RGB), the hair before it (RGBA)."""
    rest, skin, hair = anatomy(who, action_units("neutral", 0)), _skin(who), hair_colour(who)
    wall, _ = _raster(backdrop(who), size, coarse=_COARSE_WALL)
    under = wall.convert("RGB").crop((0, 0, size, size))
    behind, corner = _raster(
        _behind(rest, skin, hair), size, CANVAS if reaches_behind(who.hair) else _SHOULDERS_BOX
    )
    under.paste(behind, corner, behind)
    return under, *_raster(_before(rest, hair), size, _front_box(who.hair))


def _cut_out(face: Anatomy, size: int, corner: tuple[int, int], extent: tuple[int, int]) -> Image.Image:
    """A mask of the head, edges smoothed, for the part of the canvas at ``corner``."""
    fine, scale = 4, size / CANVAS[2]
    angle = math.radians(face.who.tilt)
    sine, cosine = math.sin(angle), math.cos(angle)
    points = []
    for x, y in face.outline:
        dx, dy = x - _PIVOT[0], y - _PIVOT[1]
        across, down = _PIVOT[0] + dx * cosine - dy * sine, _PIVOT[1] + dx * sine + dy * cosine
        points.append(((across * scale - corner[0]) * fine, (down * scale - corner[1]) * fine))
    mask = Image.new("L", (extent[0] * fine, extent[1] * fine))
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask.reduce(fine)


def _raster(
    art: Drawing, size: int, box: Box = CANVAS, *, coarse: int = 1
) -> tuple[Image.Image, tuple[int, int]]:
    """The part of a drawing within ``box`` as RGBA, and where its corner lies, on a canvas of ``size`` pixels.

    Rasterised at 1 / ``coarse`` of the size and enlarged.
    """
    scale = size / CANVAS[2]
    left, top = math.floor(box[0] * scale), math.floor(box[1] * scale)
    width = math.ceil((box[0] + box[2]) * scale) - left
    height = math.ceil((box[1] + box[3]) * scale) - top
    width, height = -(-width // coarse) * coarse, -(-height // coarse) * coarse
    seen = (left / scale, top / scale, width / scale, height / scale)
    text = art.text(width // coarse, height // coarse, seen)
    png = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True)
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    return (picture.resize((width, height), Image.Resampling.BICUBIC) if coarse > 1 else picture), (left, top)
