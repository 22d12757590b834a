"""Hair that falls free: long, wavy, bob, pixie."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.curves import Point, ribbon, smooth
from memobench_portraits.hair.locks import Tone, cast_shadow, lock, mirrored, paint
from memobench_portraits.svg import Drawing


def _parting(face: Anatomy) -> float:
    """How far the parting lies from the middle, to the picture's right."""
    return face.who.side * (20.0 + 12.0 * ((face.who.seed * 0.618) % 1))


def _swing(points: list[Point], reach: float, phase: float) -> list[Point]:
    """The curve with waves that grow along it."""
    last = len(points) - 1
    return [
        (x + reach * min(1.0, max(0.0, 2.4 * i / last - 0.5)) * math.sin(13.0 * i / last + phase), y)
        for i, (x, y) in enumerate(points)
    ]


def long_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The mass behind neck and shoulders."""
    _mass(art, face, tone, 520.0, 30.0)


def wavy_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The fuller mass of wavy hair."""
    _mass(art, face, tone, 492.0, 42.0)


def bob_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The mass of a bob, to the jaw."""
    _mass(art, face, tone, 394.0, 12.0)


def _mass(art: Drawing, face: Anatomy, tone: Tone, end: float, width: float) -> None:
    fw = face.half_width
    left = mirrored(
        [
            (0, 74),
            (fw * 0.7, 100),
            (fw * 0.98, 180),
            (fw + width * 0.7, 300),
            (fw + width, end - 40),
            (fw * 0.8, end),
        ],
        -1,
    )
    right = [(2 * MIDDLE - x, y) for x, y in left]
    art.fill(
        ribbon(left[::3], right[::3]),
        art.linear((0, 120), (0, end), [(0, tone.dark, 1.0), (1, tone.deep, 1.0)]),
    )
    strands = []
    for side in (left, right):
        for k in range(5):
            inward = [(x + (MIDDLE - x) * 0.12 * (k + 0.6), y) for x, y in side[8:]]
            strands.append(smooth(inward[::3], closed=False))
    art.stroke("".join(strands), tone.dark, 1.6, 0.7)


def _curtains(
    art: Drawing, face: Anatomy, tone: Tone, inner_end: list[Point], outer_end: list[Point], wave: float
) -> None:
    """Two curtains of hair from the parting, each between an inner edge on the face and the silhouette."""
    fw, part = face.half_width, _parting(face)
    for side in (-1, 1):
        p = part * side
        sweep = 10 if p < 0 else -4
        inner = mirrored(
            [
                (p, 112),
                (p + (fw * 0.55 - p) * 0.50, 124 + sweep * 0.5),
                (fw * 0.68, 156 + sweep),
                (fw * 0.90, 204 + sweep * 0.6),
                (fw * 0.985, 258),
                *inner_end,
            ],
            side,
        )
        outer = mirrored(
            [
                (p, 66),
                (p + (fw * 0.62 - p) * 0.40, 66),
                (p + (fw * 0.62 - p) * 0.85, 77),
                (fw * 0.88, 102),
                (fw + 13, 158),
                (fw + 21, 240),
                *outer_end,
            ],
            side,
        )
        if wave:
            inner = _swing(inner, wave * 0.8, 2.2 - side)
            outer = _swing(outer, wave, 2.6 - side)
        cast_shadow(art, inner[2:15], 12)
        lock(
            art, inner, outer, tone, strands=26, fill=paint(art, tone, 60, 470), gloss=0.33, wave=wave * 0.35
        )


def long_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Straight curtains down over the shoulders."""
    fw = face.half_width
    _curtains(
        art,
        face,
        tone,
        [(fw + 1, 330), (fw - 6, 420), (fw - 20, 522)],
        [(fw + 27, 330), (fw + 33, 420), (fw + 36, 522)],
        0.0,
    )


def wavy_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Waves down to the chest."""
    fw = face.half_width
    _curtains(
        art,
        face,
        tone,
        [(fw + 4, 325), (fw - 4, 400), (fw + 2, 490)],
        [(fw + 36, 320), (fw + 44, 400), (fw + 16, 498)],
        15.0,
    )


def bob_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Curtains to the jaw, curved inward; every other person has a fringe."""
    fw = face.half_width
    _curtains(
        art,
        face,
        tone,
        [(fw + 2, 312), (fw - 1, 354), (fw - 20, 396)],
        [(fw + 27, 312), (fw + 28, 360), (fw - 6, 408)],
        0.0,
    )
    if face.who.seed % 2:
        _fringe(art, face, tone)


def _fringe(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """A fringe that ends above the raised brows."""
    fw = face.half_width
    for side in (-1, 1):
        inner = mirrored([(-2, 72), (-2, 105), (-2, 135), (-2, 160)], side)
        outer = mirrored([(4, 70), (fw * 0.62, 92), (fw * 0.86, 136), (fw * 0.91, 182)], side)
        ends = [inner[-1], (MIDDLE + side * fw * 0.45, 166), outer[-1]]
        cast_shadow(art, ends if side > 0 else ends[::-1], 9, 0.3)
        lock(art, inner, outer, tone, strands=22, fill=paint(art, tone, 60, 330), gloss=0.5)


def pixie_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Short hair, swept over the forehead from a side parting."""
    fw, side = face.half_width, face.who.side
    fill = paint(art, tone, 56, 330)
    for s in (-1, 1):
        inner = mirrored([(fw * 0.72, 140), (fw * 0.90, 186), (fw * 0.955, 236), (fw * 0.97, 282)], s)
        outer = mirrored([(fw * 0.80, 92), (fw + 9, 150), (fw + 12, 220), (fw * 0.99, 288)], s)
        cast_shadow(art, inner, 7)
        lock(art, inner, outer, tone, strands=14, fill=fill, gloss=0.35)
    top = mirrored(
        [(fw * 0.52, 76), (fw * 0.05, 54), (-fw * 0.62, 66), (-fw * 0.99, 122), (-fw * 1.03, 205)], side
    )
    low = mirrored(
        [(fw * 0.66, 142), (fw * 0.42, 124), (-fw * 0.05, 138), (-fw * 0.55, 172), (-fw * 0.93, 214)], side
    )
    lip = mirrored([(fw * 0.52, 76), (fw * 0.86, 92), (fw * 0.94, 140), (fw * 0.90, 192)], side)
    lock(
        art,
        mirrored([(fw * 0.46, 92), (fw * 0.62, 116), (fw * 0.74, 150), (fw * 0.88, 190)], side),
        lip,
        tone,
        strands=10,
        fill=fill,
    )
    cast_shadow(art, low[2:], 11)
    lock(art, low, top, tone, strands=30, fill=fill, gloss=0.42)
