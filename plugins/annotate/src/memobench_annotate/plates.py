"""Colour plates: digits made of coloured dots, in the manner of Ishihara. They describe raters, and diagnose nothing.

The colours of the second plate are alike for people without L cones (protanopia), and those of the third for people without
M cones (deuteranopia), by the model of Machado, Oliveira and Fernandes (2009). The first is for everybody: it shows whether
the task was understood.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

COLOURS = (
    ((60, 60, 60), (200, 200, 200)),
    ((240, 120, 40), (40, 160, 50)),
    ((240, 70, 70), (40, 170, 50)),
)
"""Of the number and of what is around it, 8-bit sRGB, by plate."""
SHADES = (0.7, 1.0, 1.35)
"""Factors of linear light: a number cannot be told by its lightness alone. Those of the first plate do not matter."""
RADIUS = 100.0
_CELL = 22.0
_TRIES = 12_000
_GLYPHS = {
    "2": ("01110", "10001", "00001", "00110", "01000", "10000", "11111"),
    "3": ("11110", "00001", "00001", "01110", "00001", "00001", "11110"),
    "4": ("00010", "00110", "01010", "10010", "11111", "00010", "00010"),
    "5": ("11111", "10000", "11110", "00001", "00001", "10001", "01110"),
    "6": ("01110", "10000", "10000", "11110", "10001", "10001", "01110"),
    "7": ("11111", "00001", "00010", "00100", "00100", "01000", "01000"),
    "8": ("01110", "10001", "10001", "01110", "10001", "10001", "01110"),
}
_WIDTH, _HEIGHT = 5 * _CELL, 7 * _CELL


@dataclass(frozen=True)
class Dots:
    """Dots of one colour."""

    fill: str
    """#rrggbb"""
    dots: tuple[tuple[float, float, float], ...]
    """x, y, radius, in a square of -100 to 100."""


def numbers(seed: int) -> tuple[str, ...]:
    """The numbers that a rater is shown, one for each plate, all different."""
    return tuple(random.Random(f"plates:{seed}").sample(sorted(_GLYPHS), len(COLOURS)))


@cache
def plate(index: int, number: str) -> tuple[Dots, ...]:
    """The dots of a plate, grouped by colour in an order that says nothing."""
    figure, ground = COLOURS[index]
    rng = random.Random(f"shades:{index}:{number}")
    groups: dict[str, list[tuple[float, float, float]]] = {}
    for x, y, radius in _layout(index):
        colour = shaded(figure if _inside(number, x, y) else ground, rng.choice(SHADES))
        groups.setdefault(colour, []).append((x, y, radius))
    return tuple(Dots(fill, tuple(groups[fill])) for fill in sorted(groups))


def shaded(colour: tuple[int, int, int], factor: float) -> str:
    """A colour with its linear light scaled, as #rrggbb."""
    return "#" + "".join(f"{_encoded(min(1.0, _linear(part) * factor)):02x}" for part in colour)


def _linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _encoded(light: float) -> int:
    share = light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return round(share * 255)


@cache
def _layout(index: int) -> tuple[tuple[float, float, float], ...]:
    """Dots that do not touch: large ones first, smaller ones between them."""
    rng = random.Random(f"layout:{index}")
    step = 12.0  # No dot reaches further than the neighbouring squares.
    squares: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    for attempt in range(_TRIES):
        radius = 5.0 - 3.0 * attempt / _TRIES
        angle, far = rng.uniform(0, math.tau), math.sqrt(rng.random()) * (RADIUS - radius)
        x, y = round(far * math.cos(angle), 1), round(far * math.sin(angle), 1)
        column, row = math.floor(x / step), math.floor(y / step)
        near = (
            dot
            for c in range(column - 1, column + 2)
            for r in range(row - 1, row + 2)
            for dot in squares.get((c, r), ())
        )
        if all(math.hypot(x - a, y - b) > radius + other + 0.4 for a, b, other in near):
            squares.setdefault((column, row), []).append((x, y, round(radius, 1)))
    return tuple(dot for square in sorted(squares) for dot in squares[square])


def _inside(number: str, x: float, y: float) -> bool:
    column, row = math.floor((x + _WIDTH / 2) / _CELL), math.floor((y + _HEIGHT / 2) / _CELL)
    return 0 <= column < 5 and 0 <= row < 7 and _GLYPHS[number][row][column] == "1"
