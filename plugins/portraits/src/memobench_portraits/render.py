"""Renders a person and an expression to SVG layers and pixels."""

from __future__ import annotations

import io
import math
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
_WALL_DOWNSCALE, _SKIN_DOWNSCALE = 8, 3
"""The backdrop and the face's shading are rasterised at 1 / this of the size and enlarged."""


def hair_colour(who: Identity) -> str:
    return mix(HAIR[who.hair_colour], HAIR["white"] if who.age > 68 else HAIR["grey"], who.grey * 0.9)


def _skin(who: Identity) -> Skin:
    return SKINS[who.skin_tone].with_undertone(who.undertone)


def _draw_back(face: Anatomy, skin: Skin, hair: str) -> Drawing:
    art = Drawing()
    with art.rotated(face.who.tilt, _PIVOT):
        hair_back(art, face, hair)
    neck(art, face, skin)
    clothes(art, face)
    with art.rotated(face.who.tilt, _PIVOT):
        ears(art, face, skin)
    return art


def _draw_shading(face: Anatomy, skin: Skin) -> Drawing:
    art = Drawing()
    with art.rotated(face.who.tilt, _PIVOT):
        head(art, face, skin)
        cheeks(art, face, skin)
    return art


def _draw_face(face: Anatomy, skin: Skin, hair: str) -> Drawing:
    art = Drawing()
    with art.rotated(face.who.tilt, _PIVOT):
        freckles(art, face, skin)
        creases(art, face, skin)
        nose(art, face, skin)
        beard(art, face, skin, hair)
        mouth(art, face, skin)
        eyes(art, face, skin)
        glasses(art, face)
        brows(art, face, skin, hair)
    return art


def _draw_front(face: Anatomy, hair: str) -> Drawing:
    art = Drawing()
    with art.rotated(face.who.tilt, _PIVOT):
        earrings(art, face)
        hair_front(art, face, hair)
    return art


def portrait(who: Identity, emotion: str = "neutral", strength: float = 5.0, size: int = 512) -> Image.Image:
    """Render an RGB portrait of ``size`` x ``size`` pixels, byte-identical every time.

    Layers that do not depend on the expression are cached for the last few people, so render all
    portraits of one person in a row. ``strength`` runs from 0 to 5. Raises ``ValueError`` for an unknown emotion.
    """
    face = anatomy(who, action_units(emotion, strength, shouts=who.shouts))
    under, over, place = _static_layers(who, size)
    picture = under.copy()
    skin, box = _skin(who), _face_box(face)
    soft, corner = _rasterise(_draw_shading(face, skin), size, box, downscale=_SKIN_DOWNSCALE)
    picture.paste(soft, corner, _head_mask(face, size, corner, soft.size))
    shown, corner = _rasterise(_draw_face(face, skin, hair_colour(who)), size, box)
    picture.paste(shown, corner, shown)
    if follows_face(who.hair):
        over, place = _rasterise(_draw_front(face, hair_colour(who)), size, _front_box(who.hair))
    picture.paste(over, place, over)
    return picture


def _face_box(face: Anatomy) -> Box:
    """The bounding box of the rotated face, with room for beard and lashes."""
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
def _static_layers(who: Identity, size: int) -> tuple[Image.Image, Image.Image, tuple[int, int]]:
    """The layers that all portraits of a person share: behind the face (RGB), and hair in front (RGBA) with its corner."""
    rest, skin, hair = anatomy(who, action_units("neutral", 0)), _skin(who), hair_colour(who)
    wall, _ = _rasterise(backdrop(who), size, downscale=_WALL_DOWNSCALE)
    under = wall.convert("RGB").crop((0, 0, size, size))
    behind, corner = _rasterise(
        _draw_back(rest, skin, hair), size, CANVAS if reaches_behind(who.hair) else _SHOULDERS_BOX
    )
    under.paste(behind, corner, behind)
    return under, *_rasterise(_draw_front(rest, hair), size, _front_box(who.hair))


def _head_mask(face: Anatomy, size: int, corner: tuple[int, int], extent: tuple[int, int]) -> Image.Image:
    """An antialiased mask of the head, for the part of the canvas at ``corner``."""
    oversampling, scale = 4, size / CANVAS[2]
    angle = math.radians(face.who.tilt)
    sine, cosine = math.sin(angle), math.cos(angle)
    points = []
    for x, y in face.outline:
        dx, dy = x - _PIVOT[0], y - _PIVOT[1]
        across, down = _PIVOT[0] + dx * cosine - dy * sine, _PIVOT[1] + dx * sine + dy * cosine
        points.append(
            ((across * scale - corner[0]) * oversampling, (down * scale - corner[1]) * oversampling)
        )
    mask = Image.new("L", (extent[0] * oversampling, extent[1] * oversampling))
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask.reduce(oversampling)


def _rasterise(
    art: Drawing, size: int, box: Box = CANVAS, *, downscale: int = 1
) -> tuple[Image.Image, tuple[int, int]]:
    """Rasterise the part of a drawing in ``box`` to RGBA; returns it and its corner on a canvas of ``size`` pixels.

    It is rasterised at 1 / ``downscale`` of the size and enlarged.
    """
    scale = size / CANVAS[2]
    left, top = math.floor(box[0] * scale), math.floor(box[1] * scale)
    width = math.ceil((box[0] + box[2]) * scale) - left
    height = math.ceil((box[1] + box[3]) * scale) - top
    width, height = -(-width // downscale) * downscale, -(-height // downscale) * downscale
    view = (left / scale, top / scale, width / scale, height / scale)
    text = art.text(width // downscale, height // downscale, view)
    png = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True)
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    return (picture.resize((width, height), Image.Resampling.BICUBIC) if downscale > 1 else picture), (
        left,
        top,
    )
