"""Facial hair that follows the jaw and leaves the mouth free."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.colours import Skin, mix
from memobench_portraits.curves import Point, num, polygon, smooth, spline, tapered
from memobench_portraits.svg import Drawing


def beard(art: Drawing, face: Anatomy, skin: Skin, hair: str) -> None:
    """The beard or moustache of the person, if any."""
    kind = face.who.beard
    colour = mix(hair, skin.deep, 0.12)
    if kind in ("stubble", "short beard", "full beard"):
        _jaw(art, face, skin, colour, kind)
    if kind == "goatee":
        _goatee(art, face, colour)
    if kind in ("moustache", "goatee", "full beard", "short beard"):
        _moustache(art, face, colour, 0.95 if kind in ("moustache", "full beard") else 0.72)
    if kind == "stubble":
        x, y = face.nose
        art.glow((x, y + 16), 34, 13, colour, 0.40)


def _jaw_region(face: Anatomy, grow: float) -> tuple[list[Point], list[Point]]:
    """The outer edge (ear to ear, around the chin) and the cheek line (ear to ear, under the nose)."""
    below = sorted((p for p in face.outline if p[1] > 286), key=lambda p: p[0])
    outer = []
    for x, y in below:
        t = min(max((y - 286) / (face.chin - 286), 0.0), 1.0)
        outer.append((x + (x - MIDDLE) * 0.012 * grow * t, y + grow * t))
    mouth, (nx, ny) = face.mouth, face.nose
    smile = face.units[12]
    left, right = mouth.left, mouth.right
    reach = face.half_width
    inner = [
        (MIDDLE - reach * 0.985, 284),
        (MIDDLE - reach * 0.86, 308),
        (MIDDLE - reach * 0.66, 334 - 5 * smile),
        (left[0] - 7, left[1] - 4),
        (nx - 22, ny + 19),
        (nx, ny + 14),
        (nx + 22, ny + 19),
        (right[0] + 7, right[1] - 4),
        (MIDDLE + reach * 0.66, 334 - 5 * smile),
        (MIDDLE + reach * 0.86, 308),
        (MIDDLE + reach * 0.985, 284),
    ]
    return outer, spline(inner, 34)


def _jaw(art: Drawing, face: Anatomy, skin: Skin, colour: str, kind: str) -> None:
    grow = {"stubble": 0.0, "short beard": 3.0, "full beard": 13.0}[kind]
    dense = {"stubble": 0.24, "short beard": 0.70, "full beard": 0.95}[kind]
    outer, inner = _jaw_region(face, grow)
    shape = polygon(outer)[:-1] + polygon(inner[::-1]).replace("M", "L", 1)
    tone = [
        (0.0, colour, dense * (0.55 if grow else 0.0)),
        (0.45, colour, dense),
        (1.0, mix(colour, "#000000", 0.25), dense),
    ]
    art.fill(shape, art.linear((MIDDLE, 296), (MIDDLE, face.chin), tone))
    if kind == "stubble":
        return
    _strands(art, face, outer, inner, colour, grow)


def _strands(
    art: Drawing, face: Anatomy, outer: list[Point], inner: list[Point], colour: str, grow: float
) -> None:
    """Single hairs: along the cheek line, through the body, and over the lower edge."""
    edge: list[str] = []
    dark: list[str] = []
    light: list[str] = []
    for i in range(1, len(inner) - 1):
        x, y = inner[i]
        if abs(x - face.nose[0]) < 26:
            continue
        for k in range(3):
            jitter = math.sin(i * 5.1 + k * 2.3)
            edge.append(
                f"M{num(x + k * 2 - 2)} {num(y - 1 + jitter)}l{num((x - MIDDLE) * -0.03 + jitter)} {num(8 + 3 * jitter)}"
            )
    n = len(outer)
    for i in range(2, n - 2):
        x, y = outer[i]
        for k in range(3):
            u = 0.12 + 0.3 * k + 0.06 * math.sin(i * 3.7 + k)
            sx, sy = x + (MIDDLE - x) * u * 0.55, y - (y - 352) * u * 0.5
            if abs(sx - MIDDLE) < face.mouth.half_width + 4 and sy < face.mouth.bottom[12][1] + 8:
                continue
            length = 9 + 5 * math.sin(i * 2.9 + k * 1.7)
            to = light if (i + k) % 3 == 0 else dark
            to.append(
                f"M{num(sx)} {num(sy - length * 0.5)}q{num((x - MIDDLE) * 0.02)} {num(length * 0.5)} {num((MIDDLE - sx) * 0.05)} {num(length)}"
            )
        if grow > 5:
            dark.append(
                f"M{num(x)} {num(y - 6)}q{num((x - MIDDLE) * 0.02)} 5 {num((MIDDLE - x) * 0.02)} {num(9 + 3 * math.sin(i * 4.3))}"
            )
    art.stroke("".join(edge), colour, 1.0, 0.55)
    art.stroke("".join(dark), mix(colour, "#000000", 0.4), 1.1, 0.5)
    art.stroke("".join(light), mix(colour, "#ffe8c8", 0.28), 1.0, 0.5)


def _moustache(art: Drawing, face: Anatomy, colour: str, density: float) -> None:
    x, y = face.nose
    lip = face.mouth.top
    for side, corner in ((-1, face.mouth.left), (1, face.mouth.right)):
        peak = lip[12 + side * 4]
        shape = [
            (x + side * 1.5, y + 11),
            (x + side * 13, y + 10),
            (corner[0] - side * 6, (y + 12 + corner[1]) / 2 - 2),
            (corner[0] + side * 6, corner[1] + 3),
            (corner[0] + side * 2, corner[1] + 6),
            (corner[0] - side * 8, corner[1] - 1),
            (peak[0] + side * 4, peak[1] + 1.5),
            (x + side * 2, lip[12][1] + 0.5),
        ]
        art.fill(smooth(shape), colour, density)
        hairs = []
        for k in range(13):
            t = k / 12
            sx, sy = x + side * (2 + t * (face.mouth.half_width - 3)), y + 11.5 + t * t * 10
            end = lip[12 + side * min(int(t * 11) + 1, 11)]
            hairs.append(
                f"M{num(sx)} {num(sy)}Q{num(sx + side * 2)} {num((sy + end[1]) / 2)} {num(end[0] + side * 3)} {num(end[1] + 2)}"
            )
        art.stroke("".join(hairs[::2]), mix(colour, "#000000", 0.4), 1.1, 0.5)
        art.stroke("".join(hairs[1::2]), mix(colour, "#ffe8c8", 0.3), 1.0, 0.45)


def _goatee(art: Drawing, face: Anatomy, colour: str) -> None:
    x, y = face.mouth.bottom[12]
    chin = face.chin
    shape = [
        (x - 12, y + 7),
        (x + 12, y + 7),
        (x + 27, chin - 16),
        (x + 21, chin + 3),
        (x, chin + 8),
        (x - 21, chin + 3),
        (x - 27, chin - 16),
    ]
    art.fill(
        smooth(shape),
        art.linear((0, y), (0, chin), [(0, colour, 0.75), (1, mix(colour, "#000000", 0.2), 0.95)]),
    )
    hairs = []
    for k in range(-6, 7):
        top = y + 9 + abs(k) * 2.0
        hairs.append(
            f"M{num(x + k * 2.4)} {num(top)}Q{num(x + k * 3.6)} {num((top + chin) / 2)} {num(x + k * 2.6)} {num(chin + 7 - abs(k) * 0.6)}"
        )
    art.stroke("".join(hairs), mix(colour, "#ffe8c8", 0.25), 1.0, 0.4)
    for side, corner in ((-1, face.mouth.left), (1, face.mouth.right)):
        link = spline(
            [
                (corner[0] + side * 4, corner[1] + 3),
                (corner[0] + side * 3, corner[1] + 18),
                (x + side * 20, chin - 8),
            ],
            10,
        )
        art.fill(polygon(tapered(link, 9, start=0.5, end=0.8)), colour, 0.8)
