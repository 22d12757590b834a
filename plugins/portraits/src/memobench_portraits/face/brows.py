"""Eyebrows: a soft body with single hairs over it."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import Anatomy
from memobench_portraits.colours import Skin, mix
from memobench_portraits.curves import Point, num, polygon
from memobench_portraits.svg import Drawing


def brows(art: Drawing, face: Anatomy, skin: Skin, hair: str) -> None:
    """Both eyebrows, over everything else on the face, glasses included."""
    colour = mix(mix(hair, "#2a1a12", 0.30), skin.deep, 0.18)
    weight = face.who.brow_weight
    for side, line in zip((-1, 1), face.brows, strict=True):
        last = len(line) - 1
        upper: list[Point] = []
        lower: list[Point] = []
        for i, (x, y) in enumerate(line):
            t = i / last
            thick = 5.6 * weight * (min(1.0, 0.62 + 1.5 * t) * (1 - t**2.4) ** 0.8 + 0.04)
            upper.append((x, y - thick * 0.85))
            lower.append((x, y + thick * 0.75))
        art.fill(polygon(upper + lower[::-1]), colour, 0.80)
        hairs = []
        brush = mix(colour, "#000000", 0.15)
        for k in range(34):
            t = (k + 0.5) / 34
            i = min(int(t * last), last - 1)
            x0, y0 = lower[i][0] + (lower[i + 1][0] - lower[i][0]) * (t * last - i), lower[i][1]
            lean = 0.25 + 1.5 * t
            length = 5.6 * weight * 1.28 * (1 - 0.72 * t) * (0.9 + 0.2 * math.sin(k * 2.7))
            hairs.append(
                f"M{num(x0)} {num(y0 - 0.5)}l{num(side * length * lean)} {num(-length * (1 - 0.95 * t))}"
            )
        art.stroke("".join(hairs), brush, 1.1, 0.55)
