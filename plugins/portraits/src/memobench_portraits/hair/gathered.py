"""Tied hair: bun, ponytail, braids."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.curves import Point, num, polygon, ribbon, smooth, tapered
from memobench_portraits.hair.locks import GOLDEN, Tone, cast_shadow, lock, mirrored, paint
from memobench_portraits.svg import Drawing


def _combed_back(art: Drawing, face: Anatomy, tone: Tone, knot: Point, lift: float = 0.0) -> None:
    """The scalp's hair, combed from the hairline to a knot."""
    fw = face.half_width
    fill = paint(art, tone, 60, 300)
    for side in (-1, 1):
        edge = mirrored(
            [
                (0, 134),
                (fw * 0.36, 138),
                (fw * 0.70, 154),
                (fw * 0.87, 192),
                (fw * 0.94, 236),
                (fw * 0.955, 266),
            ],
            side,
        )
        over = mirrored(
            [
                (0, 72 - lift),
                (fw * 0.45, 76 - lift),
                (fw * 0.86, 108),
                (fw + 5, 160),
                (fw + 5, 220),
                (fw * 0.99, 268),
            ],
            side,
        )
        cast_shadow(art, edge, 8)
        art.fill(ribbon(edge[::3], over[::3]), fill)
        _combed(art, edge, over, tone, knot)
        _wisps(art, side, fw, tone)


def _combed(art: Drawing, edge: list[Point], over: list[Point], tone: Tone, knot: Point) -> None:
    dark: list[str] = []
    light: list[str] = []
    shine: list[str] = []
    for k in range(24):
        i = min(int((k + 0.5) / 24 * 21), 20)
        (x0, y0), (x1, y1) = edge[i], over[max(i - 4, 0)]
        end = (x1 + (knot[0] - x1) * 0.16, y1 + 4)
        bend = (x0 + (x1 - x0) * 0.42 + (x0 - MIDDLE) * 0.06, y0 + (y1 - y0) * 0.62)
        path = [
            (x0, y0),
            ((x0 + bend[0]) / 2, (y0 + bend[1]) / 2 + 1),
            bend,
            ((bend[0] + end[0]) / 2, (bend[1] + end[1]) / 2),
            end,
        ]
        (dark, light)[k % 2].append(polygon(tapered(path, 2.0 + 0.6 * math.sin(k * 2.7))))
        if k % 2 == 0:
            shine.append(polygon(tapered(path[1:4], 2.6)))
    art.fill("".join(dark), tone.deep, 0.42)
    art.fill("".join(light), tone.light, 0.36)
    art.fill("".join(shine), tone.gloss, 0.26)


def _wisps(art: Drawing, side: int, fw: float, tone: Tone) -> None:
    """A few loose hairs in front of the ear."""
    path = (
        f"M{num(MIDDLE + side * fw * 0.93)} 232q{num(side * 3)} 26 {num(-side * 3)} 52"
        f"M{num(MIDDLE + side * fw * 0.95)} 240q{num(side * 6)} 22 {num(side * 1)} 44"
    )
    art.stroke(path, tone.base, 1.7, 0.85)


def bun_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The bun on top of the head."""
    x, y, r = MIDDLE + 3 * face.who.side, 52.0, 36.0
    fill = art.radial(
        (x - 12, y - 14), r * 1.7, [(0.0, tone.light, 1.0), (0.45, tone.base, 1.0), (1.0, tone.deep, 1.0)]
    )
    art.ellipse((x, y), r * 1.12, r, fill)
    dark: list[str] = []
    light: list[str] = []
    for k in range(15):
        share = 0.12 + 0.86 * ((k * GOLDEN) % 1)
        tall = r * 0.92 * math.sin(math.acos(min(share, 1.0))) + 3
        sign = 1 if k % 2 else -1
        reach = sign * r * 1.05 * share
        (dark, light)[k % 3 == 0].append(
            f"M{num(x - reach * 0.5)} {num(y + tall * 0.75)}Q{num(x + reach * 1.25)} {num(y + 2)} {num(x + reach * 0.3)} {num(y - tall)}"
        )
    art.stroke("".join(dark), tone.deep, 2.2, 0.5)
    art.stroke("".join(light), tone.gloss, 1.8, 0.5)


def bun_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Hair combed up to the bun."""
    _combed_back(art, face, tone, (MIDDLE, 60))


def ponytail_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The tail, from high behind the head down over one shoulder."""
    fw, side = face.half_width, face.who.side
    first = mirrored(
        [(fw * 0.40, 108), (fw + 6, 96), (fw + 40, 190), (fw + 20, 300), (fw + 12, 390), (fw + 22, 470)], side
    )
    second = mirrored(
        [(fw * 0.20, 86), (fw * 0.9, 46), (fw + 80, 140), (fw + 80, 280), (fw + 62, 390), (fw + 30, 474)],
        side,
    )
    lock(art, first, second, tone, strands=26, fill=paint(art, tone, 60, 470), gloss=0.4, wave=4.0)


def ponytail_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Hair combed back to the tail."""
    _combed_back(art, face, tone, (MIDDLE + face.who.side * 50, 66), 3.0)


def braids_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The hair visible at the nape."""
    fw = face.half_width
    left = mirrored([(fw * 0.4, 80), (fw * 0.92, 180), (fw * 0.92, 290), (fw * 0.7, 350)], -1)
    right = [(2 * MIDDLE - x, y) for x, y in left]
    art.fill(ribbon(left[::3], right[::3]), tone.deep)


def braids_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """A middle parting and a braid over each shoulder."""
    fw = face.half_width
    fill = paint(art, tone, 60, 320)
    for side in (-1, 1):
        _braid(
            art,
            [
                (MIDDLE + side * (fw + 8), 278),
                (MIDDLE + side * (fw + 10), 350),
                (MIDDLE + side * (fw - 6), 520),
            ],
            tone,
        )
        inner = mirrored(
            [
                (0, 114),
                (fw * 0.34, 132),
                (fw * 0.68, 164),
                (fw * 0.89, 208),
                (fw * 0.965, 250),
                (fw + 6, 296),
            ],
            side,
        )
        outer = mirrored(
            [
                (0, 64),
                (fw * 0.28, 65),
                (fw * 0.60, 76),
                (fw * 0.93, 112),
                (fw + 14, 172),
                (fw + 20, 240),
                (fw + 16, 300),
            ],
            side,
        )
        cast_shadow(art, inner[2:18], 10)
        lock(art, inner, outer, tone, strands=24, fill=fill, gloss=0.34)


def _braid(art: Drawing, spine: list[Point], tone: Tone) -> None:
    """A plait: leaf shapes on alternating sides, along a spine of three points."""
    (x0, y0), (x1, y1), (x2, y2) = spine
    steps = 13
    for k in range(steps):
        t = k / steps
        x = (1 - t) ** 2 * x0 + 2 * t * (1 - t) * x1 + t * t * x2
        y = (1 - t) ** 2 * y0 + 2 * t * (1 - t) * y1 + t * t * y2
        sign = 1 if k % 2 else -1
        w = 19 - 3 * t
        leaf = [
            (x - sign * w * 0.35, y + 23),
            (x + sign * w * 0.55, y + 13),
            (x + sign * w * 0.98, y - 2),
            (x + sign * w * 0.60, y - 14),
            (x - sign * w * 0.10, y - 7),
        ]
        fill = art.linear(
            (x - w, y - 12),
            (x + w, y + 20),
            [(0, tone.light, 1.0), (0.35, tone.base, 1.0), (1, tone.deep, 1.0)],
        )
        art.fill(smooth(leaf), fill)
        grain = []
        for j in range(3):
            d = 0.25 + 0.25 * j
            grain.append(
                f"M{num(x + sign * w * d)} {num(y - 9 + 3 * j)}Q{num(x + sign * w * (d + 0.12))} {num(y + 5)} {num(x + sign * w * (d - 0.55))} {num(y + 18)}"
            )
        art.stroke("".join(grain), tone.deep, 1.2, 0.4)
        art.stroke(grain[0], tone.gloss, 1.3, 0.4)
