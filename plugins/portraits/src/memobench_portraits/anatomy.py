"""Computes facial landmarks from identity and action units, in units of the 512 x 512 canvas."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from memobench_portraits.curves import Point, bezier, spline
from memobench_portraits.identity import Identity

MIDDLE = 256.0
CROWN = 88.0
HAIRLINE = 146.0
EYE_LINE = 258.0


@dataclass(frozen=True)
class Eye:
    """One eye: curves from corner to corner (left to right), and its iris."""

    side: int
    centre: Point
    half_width: float
    upper: list[Point]
    lower: list[Point]
    crease: list[Point]
    iris: Point
    iris_radius: float
    opening: float
    """Height of the upper lid's edge above the eye's centre line."""


@dataclass(frozen=True)
class Mouth:
    """Four lip edges from corner to corner, left to right, and the opening."""

    top: list[Point]
    upper: list[Point]
    lower: list[Point]
    bottom: list[Point]
    left: Point
    right: Point
    gap: float
    """Opening at the middle, in units; below 1.5 the mouth is closed."""
    half_width: float


@dataclass(frozen=True)
class Anatomy:
    """All landmarks of one face with one expression."""

    who: Identity
    units: Mapping[int, float]
    half_width: float
    chin: float
    jaw_drop: float
    outline: list[Point]
    eyes: tuple[Eye, Eye]
    brows: tuple[list[Point], list[Point]]
    """Centre lines from the inner end outward; the side on the picture's left first."""
    nose: Point
    """The middle of the nose's base."""
    mouth: Mouth
    cheek_lift: float

    def half_width_at(self, y: float) -> float:
        """Half the head's width at height ``y``, 0 above the crown and below the chin."""
        right = [p for p in self.outline if p[0] >= MIDDLE]
        right.sort(key=lambda p: p[1])
        for (x0, y0), (x1, y1) in itertools.pairwise(right):
            if y0 <= y <= y1 and y1 > y0:
                return x0 + (x1 - x0) * (y - y0) / (y1 - y0) - MIDDLE
        return 0.0


def anatomy(who: Identity, units: Mapping[int, float]) -> Anatomy:
    """The landmarks of ``who`` with the given action units (0 to 1 each)."""
    a = {unit: min(value * who.expressiveness, 1.08) for unit, value in units.items()}
    half_width = 108 * who.face_width
    jaw_drop = 27 * a[26]
    chin = 412 + 24 * (who.chin - 1) - 8 * (who.age < 18) + jaw_drop - 3 * a[17]
    nose = (MIDDLE + 5 * who.turn, 258 + 62 * who.nose_length - 3.5 * a[9] - 1.5 * a[12])
    return Anatomy(
        who=who,
        units=a,
        half_width=half_width,
        chin=chin,
        jaw_drop=jaw_drop,
        outline=_outline(who, half_width, chin, a),
        eyes=(_eye(who, a, -1), _eye(who, a, 1)),
        brows=(_brow(who, a, -1), _brow(who, a, 1)),
        nose=nose,
        mouth=_mouth(who, a, nose[1]),
        cheek_lift=max(a[6], 0.7 * a[12]),
    )


def _share(who: Identity, side: int) -> float:
    """The share of an expression that one side of the face shows."""
    return 1.0 if side == who.side else 1.0 - who.lopsided


def _outline(who: Identity, fw: float, chin: float, a: Mapping[int, float]) -> list[Point]:
    drop = chin - 412.0
    jaw, full = who.jaw_width, who.cheek
    puff = 2.5 * a[12] + 1.5 * a[6]
    clench = 3.0 * a[24] + 2.0 * a[16]
    half = [
        (0, CROWN),
        (fw * 0.44, 95),
        (fw * 0.78, 123),
        (fw * 0.955, 172),
        (fw * 0.995, 230),
        (fw * 0.985 * full + puff * 0.6, 278),
        (fw * 0.905 * (full + jaw) / 2 + puff, 322 + drop * 0.25),
        (fw * 0.735 * jaw + puff * 0.5 + clench, 361 + drop * 0.6),
        (fw * 0.50 * (jaw + who.chin) / 2, 393 + drop * 0.9),
        (fw * 0.26 * who.chin, chin - 4),
        (0, chin),
    ]
    right = spline([(x, y) for x, y in half], 40)
    lean = 4 * who.turn
    points = [(MIDDLE + x + lean * max(0.0, (y - 230) / 180), y) for x, y in right]
    return points + [(2 * (MIDDLE + lean * max(0.0, (y - 230) / 180)) - x, y) for x, y in points[-2:0:-1]]


def _eye(who: Identity, a: Mapping[int, float], side: int) -> Eye:
    share, size = _share(who, side), who.eye_size
    width = 27.5 * size * (1 - 0.03 * side * who.turn)
    x = MIDDLE + 4 * who.turn + side * 52 * who.eye_spacing * who.face_width**0.5
    narrow = 0.34 * a[7] + 0.16 * a[6] + 0.55 * a[43] + 0.05 * who.wrinkles
    op = 9.8 * size**0.65 * (1 + 0.95 * a[5] * share - narrow)
    lo = 8.7 * size * (1 + 0.10 * a[5] - 0.50 * a[7] - 0.70 * a[6] * share)
    worried = min(a[1], a[4])
    droop = min(a[1], a[43])
    inner = (x - side * width, EYE_LINE + 2.5)
    outer = (x + side * width, EYE_LINE + 0.5 - who.eye_tilt * 0.8 + 3.5 * droop + 1.5 * who.wrinkles)
    knit = a[4] - 0.8 * worried
    lift_inner = 4.5 * worried - 7.5 * knit
    lift_outer = 2.0 * knit - 2.0 * worried - 3.5 * droop - 1.5 * who.wrinkles
    c1 = (inner[0] + side * width * 0.42, inner[1] - 1.36 * op - lift_inner)
    c2 = (outer[0] - side * width * 0.50, outer[1] - 1.30 * op - lift_outer)
    upper = bezier(inner, c1, c2, outer, 18)
    d1 = (outer[0] - side * width * 0.42, outer[1] + 1.40 * lo + 1.0)
    d2 = (inner[0] + side * width * 0.55, inner[1] + 1.15 * lo)
    lower = bezier(outer, d1, d2, inner, 18)
    fold = 6.2 * size + 2.0 * a[5] - 3.5 * knit - 1.5 * a[6] + 3 * a[43]
    crease = [
        (px, py - fold * (0.35 + 0.75 * math.sin(math.pi * min(max(i / 17, 0.1), 0.92))))
        for i, (px, py) in enumerate(upper)
    ]
    gaze = EYE_LINE - 0.9 + 4.5 * a[64]
    if side < 0:
        upper, crease = upper[::-1], crease[::-1]
    else:
        lower = lower[::-1]
    return Eye(
        side, (x, EYE_LINE), width, upper, lower, crease, (x + 1.5 * who.turn, gaze), 12.1 * size**0.6, op
    )


def _brow(who: Identity, a: Mapping[int, float], side: int) -> list[Point]:
    share = _share(who, side)
    x = MIDDLE + 4 * who.turn
    worried = min(a[1], a[4])
    knit = a[4] - 0.70 * worried
    arch = 4.5 * (who.brow_arch - 1) + 1.5
    rise1, rise2 = 24 * a[1] * share, 17 * a[2] * share
    base = 227.0 - 2.5 * who.feminine
    gather = 9.5 * a[4]
    wide = who.face_width
    inner = (x + side * (25 * wide - gather), base - 1.5 - rise1 + 19.0 * knit)
    second = (
        x + side * (42 * wide - gather * 0.6),
        base - 6.5 - arch * 0.5 - 0.80 * rise1 - 0.45 * rise2 + 17.0 * knit + 6.0 * worried,
    )
    third = (
        x + side * 66 * wide,
        base - 8.5 - arch * 1.2 - 0.22 * rise1 - 1.0 * rise2 + 9.5 * knit + 6.5 * worried,
    )
    tail = (
        x + side * 91 * wide,
        base + 1.5 - arch * 0.4 + 4.5 * max(a[1] - a[2], 0.0) - 0.85 * rise2 + 4.5 * knit,
    )
    return spline([inner, second, third, tail], 16)


_STEPS = 24


def _mouth(who: Identity, a: Mapping[int, float], nose: float) -> Mouth:
    smile, round_ = a[12], max(a[26] - a[12] - a[10], 0.0)
    bared = min(a[10], a[16])
    width = (
        36.5 * who.mouth_width
        + 17 * smile
        + 13 * a[20]
        - 2.5 * a[23]
        + 4.0 * a[24]
        - 8.5 * round_
        - 2 * a[17]
        + 4 * a[16]
        - 1.5 * a[22]
    )
    middle = nose + 36 + 0.10 * 27 * a[26] - 2 * a[17] - 1.5 * smile
    x = MIDDLE + 4.5 * who.turn
    ends = []
    for side in (-1, 1):
        share = _share(who, side)
        up = 1.5 + 14.0 * smile * share - 12.5 * a[15] * share - 4.5 * a[20] - 12.0 * bared
        ends.append((x + side * width, middle - up + 5 * round_))
    square = 0.6 * a[22] + 0.6 * a[16] + 0.45 * a[20]
    wide = 7.5 * smile + 5.5 * a[20] + 9 * a[10] + 8 * a[16] + 2.0 * a[22]
    parted = 5 * a[25] + (wide if a[25] else 0.0)
    gap = parted + 30 * a[26] * (1 - 0.55 * smile)
    press = 1 - 0.70 * max(a[23], a[24]) - 0.28 * a[20] - 0.18 * smile
    upper_y = middle - 0.30 * gap * (1 - smile) + 4.5 * smile * a[25] - 4.5 * a[10] - 4 * a[17] - 1.5 * a[15]
    lower_y = upper_y + gap
    power = 2.0 + 2.2 * square
    bend = 1.0 - 0.5 * round_
    upper = _edge(ends, upper_y, power, bend)
    lower = _edge(ends, lower_y, power + 0.3 * smile, bend)
    thick_up = 8.6 * who.lips * press * (1 - 0.10 * a[10])
    thick_low = 11.8 * who.lips * press * (1 + 0.10 * a[17] - 0.12 * a[26])
    top = [(px, py - thick_up * _bow(i)) for i, (px, py) in enumerate(upper)]
    bottom = [(px, py + thick_low * _belly(i)) for i, (px, py) in enumerate(lower)]
    return Mouth(top, upper, lower, bottom, ends[0], ends[1], gap, width)


def _edge(ends: list[Point], centre: float, power: float, bend: float) -> list[Point]:
    """A lip edge from corner to corner through ``centre``: a larger ``power`` is squarer, a smaller ``bend`` rounder."""
    (x0, y0), (x1, y1) = ends
    points = []
    for i in range(_STEPS + 1):
        u = -math.cos(math.pi * i / _STEPS)
        weight = (1 - abs(u) ** power) ** bend if abs(u) < 1 else 0.0
        corner = y0 + (y1 - y0) * (u + 1) / 2
        points.append((x0 + (x1 - x0) * (u + 1) / 2, corner + (centre - corner) * weight))
    return points


def _bow(i: int) -> float:
    """The upper lip's thickness at step ``i``: a cupid's bow, thin at the corners."""
    u = -math.cos(math.pi * i / _STEPS)
    peaks = math.exp(-(((abs(u) - 0.22) / 0.20) ** 2))
    body = float((1 - abs(u) ** 1.7) * 0.86)
    return body + 0.22 * peaks - 0.10 * math.exp(-((u / 0.09) ** 2))


def _belly(i: int) -> float:
    """The lower lip's thickness at step ``i``: full in the middle."""
    u = -math.cos(math.pi * i / _STEPS)
    return float(max(1 - abs(u) ** 2.2, 0.0) ** 0.9)
