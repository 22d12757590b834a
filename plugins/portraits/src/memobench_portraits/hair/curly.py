"""Curls: a long curly mane, short curls, the afro."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.curves import ribbon
from memobench_portraits.hair.locks import GOLDEN, Tone, blobs, curls, mirrored, paint
from memobench_portraits.svg import Drawing

Disc = tuple[float, float, float]


def _along(points: list[tuple[float, float]], radius: float, seed: int) -> list[Disc]:
    """Discs of varying size along a curve."""
    return [
        (
            x + 5 * math.sin(i * 3.1 + seed * 1.7),
            y + 5 * math.cos(i * 2.3 + seed * 2.9),
            radius * (0.84 + 0.3 * ((i * GOLDEN + seed * 0.37) % 1)),
        )
        for i, (x, y) in enumerate(points)
    ]


def curly_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """A mane of curls to the shoulders."""
    fw = face.half_width
    body = mirrored(
        [(0, 62), (fw * 0.9, 92), (fw + 34, 190), (fw + 46, 300), (fw + 30, 400), (fw * 0.6, 425)], -1, 15
    )
    other = [(2 * MIDDLE - x, y) for x, y in body]
    rim = _along(body, 22, face.who.seed % 7) + _along(other, 22, face.who.seed % 5)
    fill = art.linear(
        (180, 70), (320, 430), [(0, tone.base, 1.0), (0.5, tone.dark, 1.0), (1, tone.deep, 1.0)]
    )
    art.fill(ribbon(body, other), fill)
    art.fill(blobs(rim), fill)
    inner = _along([(x + (MIDDLE - x) * 0.17, y + 8) for x, y in body], 17, 3) + _along(
        [(x + (MIDDLE - x) * 0.17, y + 8) for x, y in other], 17, 4
    )
    curls(art, rim + inner, tone, strength=0.8)


def curly_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Curls over the hairline and next to the cheeks."""
    fw = face.half_width
    fill = paint(art, tone, 50, 430)
    part = face.who.side * 16
    discs: list[Disc] = []
    for side in (-1, 1):
        edge = mirrored(
            [
                (part * side, 112),
                (fw * 0.42, 124),
                (fw * 0.80, 152),
                (fw * 0.99, 208),
                (fw + 8, 270),
                (fw + 14, 335),
                (fw + 8, 385),
            ],
            side,
            15,
        )
        over = mirrored(
            [
                (part * side, 74),
                (fw * 0.6, 80),
                (fw + 2, 130),
                (fw + 24, 205),
                (fw + 34, 280),
                (fw + 36, 350),
                (fw + 22, 400),
            ],
            side,
            15,
        )
        art.fill(blobs([(x + 1.5, y + 5, r) for x, y, r in _along(edge, 13.5, 2)][:11]), "#30130c", 0.16)
        art.fill(ribbon(edge, over), fill)
        discs += _along(edge, 14, 1) + _along(over, 17, 2)
        discs += _along(
            [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(edge, over, strict=True)], 15, 5
        )
    discs.sort(key=lambda d: d[1])
    art.fill(blobs(discs), fill)
    curls(art, discs, tone)


def afro_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """A full round afro."""
    rim = _round(face, 1.0, 34, 17)
    centre, rx, ry = _sphere(face)
    fill = art.radial(
        (centre[0] - 40, centre[1] - 70),
        rx * 1.5,
        [(0.0, tone.light, 1.0), (0.35, tone.base, 1.0), (1.0, tone.deep, 1.0)],
    )
    art.ellipse(centre, rx, ry, fill)
    art.fill(blobs(rim), fill)
    texture = [d for share in (0.98, 0.86, 0.73) for d in _round(face, share, int(46 * share), 9.5)]
    curls(art, texture, tone, strength=0.72)


def _sphere(face: Anatomy) -> tuple[tuple[float, float], float, float]:
    return (MIDDLE, 186.0), face.half_width + 40, 146.0


def _round(face: Anatomy, share: float, count: int, radius: float) -> list[Disc]:
    centre, rx, ry = _sphere(face)
    discs = []
    for k in range(count):
        angle = 2 * math.pi * (k + 0.3 * math.sin(k * 5.3)) / count
        r = radius * (0.85 + 0.3 * ((k * GOLDEN) % 1))
        discs.append(
            (
                centre[0] + (rx - radius * 0.5) * share * math.cos(angle),
                centre[1] + (ry - radius * 0.5) * share * math.sin(angle),
                r,
            )
        )
    return discs


def afro_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The afro's edge over the forehead and temples."""
    _crown(art, face, tone, rise=64.0, out=20.0, radius=11.5, grain=10.0)


def curls_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Short curls on top, close at the sides."""
    _crown(art, face, tone, rise=62.0, out=9.0, radius=14.0, grain=13.0)


def _crown(
    art: Drawing, face: Anatomy, tone: Tone, *, rise: float, out: float, radius: float, grain: float
) -> None:
    """Curls between the hairline and an outer edge ``rise`` from the canvas's top, ``out`` beyond the temples."""
    fw = face.half_width
    half = [
        (0, 138),
        (fw * 0.42, 137),
        (fw * 0.74, 150),
        (fw * 0.90, 184),
        (fw * 0.965, 226),
        (fw * 0.975, 244),
    ]
    line = mirrored(half, 1, 12)
    edge = [(2 * MIDDLE - x, y) for x, y in line[:0:-1]] + line
    far = mirrored(
        [
            (0, rise),
            (fw * 0.52, rise + 8),
            (fw * 0.90, rise + 44),
            (fw + out, 160),
            (fw + out, 214),
            (fw + out * 0.3, 246),
        ],
        1,
        12,
    )
    over = [(2 * MIDDLE - x, y) for x, y in far[:0:-1]] + far
    fill = paint(art, tone, 50, 300)
    art.fill(blobs([(x + 1.5, y + 5, r) for x, y, r in _along(edge, radius * 0.8, 2)][2:-2]), "#30130c", 0.18)
    art.fill(ribbon(edge, over), fill)
    discs: list[Disc] = []
    rows = 5
    for row in range(rows):
        t = row / (rows - 1)
        size = (grain if 0 < row < rows - 1 else radius) * (0.75 if row == 0 else 1.0)
        points = [
            (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in zip(edge, over, strict=True)
        ]
        ends = points if row in (0, rows - 1) else points[2:-2]
        discs += _along(ends, size, row)
    art.fill(blobs(discs), fill)
    curls(art, discs, tone, strength=0.9)
