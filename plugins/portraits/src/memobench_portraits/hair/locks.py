"""Building blocks of hair styles: tones, locks between two guide curves, and curls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from memobench_portraits.anatomy import MIDDLE
from memobench_portraits.colours import mix, multiply
from memobench_portraits.curves import Point, between, num, polygon, ribbon, spline, tapered
from memobench_portraits.svg import Drawing

SAMPLES = 22
"""Points of a guide curve; one more than a multiple of three, so that every third includes both ends."""
GOLDEN = 0.618034


@dataclass(frozen=True)
class Tone:
    """Shades of one hair colour."""

    base: str
    dark: str
    deep: str
    light: str
    gloss: str

    @classmethod
    def of(cls, colour: str) -> Tone:
        """The shades of ``colour`` (``#rrggbb``)."""
        pale = int(colour[3:5], 16) > 110
        warm = mix(colour, "#c98a52", 0.25)
        return cls(
            base=colour,
            dark=multiply(colour, "#b39d98"),
            deep=multiply(colour, "#94817b" if pale else "#75605e"),
            light=mix(warm, "#ffe9cc", 0.24),
            gloss=mix(warm, "#fff2e0", 0.48),
        )


def mirrored(points: Sequence[Point], side: int, count: int = SAMPLES) -> list[Point]:
    """A smooth curve through points given as (distance from the middle, y), on the given side."""
    return spline([(MIDDLE + side * x, y) for x, y in points], count)


def paint(art: Drawing, tone: Tone, top: float, bottom: float) -> str:
    """Hair lit from above and left, darker downward."""
    stops = [
        (0.0, mix(tone.base, tone.light, 0.34), 1.0),
        (0.30, tone.base, 1.0),
        (0.75, tone.dark, 1.0),
        (1.0, mix(tone.dark, tone.deep, 0.5), 1.0),
    ]
    return art.linear((200, top), (296, bottom), stops)


def lock(
    art: Drawing,
    first: Sequence[Point],
    second: Sequence[Point],
    tone: Tone,
    *,
    strands: int = 18,
    fill: str = "",
    gloss: float = 0.30,
    wave: float = 0.0,
) -> None:
    """A lock of hair between two guide curves, from their start to their end.

    ``gloss`` is the position of the highlight as a share of the length; ``wave`` is the amplitude of
    the strands in units.
    """
    art.fill(ribbon(first[::3], second[::3]), fill or tone.base)
    dark: list[str] = []
    light: list[str] = []
    shine: list[str] = []
    for k in range(strands):
        u = 0.03 + 0.94 * ((k * GOLDEN) % 1)
        jitter = math.sin(k * 12.9)
        curve = between(first, second, u)
        if wave:
            curve = [
                (x + wave * math.sin(i * 0.55 + k * 0.6) * i / SAMPLES, y) for i, (x, y) in enumerate(curve)
            ]
        start, stop = int(3 + 2 * jitter), int(SAMPLES - 3 + 2 * math.sin(k * 7.7))
        piece = curve[max(start, 0) : max(stop, start + 4)]
        (dark if k % 2 else light).append(polygon(tapered(piece[::2], 1.9 + 0.8 * jitter)))
        at = int(SAMPLES * (gloss + 0.05 * jitter))
        glint = curve[max(at - 3, 0) : at + 4]
        if len(glint) > 4:
            shine.append(polygon(tapered(glint, 2.6 + 0.9 * jitter)))
    art.fill("".join(dark), tone.deep, 0.42)
    art.fill("".join(light), tone.light, 0.34)
    art.fill("".join(shine), tone.gloss, 0.34)


def cast_shadow(art: Drawing, edge: Sequence[Point], depth: float = 10.0, opacity: float = 0.26) -> None:
    """The shadow of hair on the skin below its edge."""
    below = [
        (x + 1.5, y + depth * math.sin(math.pi * (i + 0.6) / (len(edge) + 0.2)))
        for i, (x, y) in enumerate(edge)
    ]
    art.fill(polygon(list(edge) + below[::-1]), "#30130c", opacity * 0.6)
    half = between(edge, below, 0.5)
    art.fill(polygon(list(edge) + half[::-1]), "#30130c", opacity * 0.6)


def blobs(centres: Sequence[tuple[float, float, float]]) -> str:
    """One path of discs (x, y, radius), for the bumpy outline of curls."""
    return "".join(
        f"M{num(x - r)} {num(y)}a{num(r)} {num(r)} 0 1 0 {num(2 * r)} 0a{num(r)} {num(r)} 0 1 0 {num(-2 * r)} 0Z"
        for x, y, r in centres
    )


def curls(
    art: Drawing, centres: Sequence[tuple[float, float, float]], tone: Tone, *, strength: float = 1.0
) -> None:
    """Ringlets: in each disc (x, y, radius) a few arcs, dark below and lit above."""
    dark: list[str] = []
    light: list[str] = []
    shine: list[str] = []
    for k, (x, y, r) in enumerate(centres):
        turn = k * 2.39996
        dark.append(_arc(x, y, r * 0.80, turn + 0.4, 2.6))
        dark.append(_arc(x, y, r * 0.42, turn + 2.0, 3.0))
        light.append(_arc(x - r * 0.1, y - r * 0.1, r * 0.60, -2.7 + 0.5 * math.sin(k * 1.7), 1.7))
        if k % 2 == 0:
            shine.append(_arc(x - r * 0.1, y - r * 0.15, r * 0.70, -2.4 + 0.4 * math.sin(k * 2.3), 0.9))
    art.stroke("".join(dark), tone.deep, 2.0, 0.55 * strength)
    art.stroke("".join(light), tone.light, 1.7, 0.45 * strength)
    art.stroke("".join(shine), tone.gloss, 1.5, 0.50 * strength)


def _arc(x: float, y: float, r: float, start: float, sweep: float) -> str:
    x0, y0 = x + r * math.cos(start), y + r * math.sin(start)
    x1, y1 = x + r * math.cos(start + sweep), y + r * math.sin(start + sweep)
    return f"M{num(x0)} {num(y0)}A{num(r)} {num(r)} 0 {int(sweep > math.pi)} 1 {num(x1)} {num(y1)}"
