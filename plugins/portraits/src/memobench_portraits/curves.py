"""Plane curves as lists of points: sampling, tapering, clipping, and SVG path data."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

Point = tuple[float, float]


def num(value: float) -> str:
    """A coordinate as short text with at most one decimal; never ``-0``."""
    text = f"{value:.1f}"
    if text.endswith(".0"):
        text = text[:-2]
    return "0" if text == "-0" else text


def polygon(points: Sequence[Point]) -> str:
    """Path data of the closed polygon through the points."""
    return "M" + "L".join([f"{x:.1f} {y:.1f}" for x, y in points]) + "Z"


def smooth(points: Sequence[Point], *, closed: bool = True) -> str:
    """Path data of a Catmull-Rom spline through the points, as cubic Bezier pieces."""
    n = len(points)
    parts = [f"M{num(points[0][0])} {num(points[0][1])}"]
    for i in range(n if closed else n - 1):
        if closed:
            p0, p1, p2, p3 = points[i - 1], points[i], points[(i + 1) % n], points[(i + 2) % n]
        else:
            p0, p1, p2, p3 = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, n - 1)]
        a = (p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6)
        b = (p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6)
        parts.append(f"C{a[0]:.1f} {a[1]:.1f} {b[0]:.1f} {b[1]:.1f} {p2[0]:.1f} {p2[1]:.1f}")
    return "".join(parts) + ("Z" if closed else "")


def ribbon(first: Sequence[Point], second: Sequence[Point]) -> str:
    """Path data of the area between two curves with the same direction; corners only at their ends."""
    return smooth(first, closed=False) + smooth(second[::-1], closed=False).replace("M", "L", 1) + "Z"


def spline(points: Sequence[Point], count: int = 24) -> list[Point]:
    """``count`` points along the open Catmull-Rom spline through the given points."""
    last = len(points) - 1
    out = []
    for k in range(count):
        place = k / (count - 1) * last
        i = min(int(place), last - 1)
        t = place - i
        p0, p1, p2, p3 = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, last)]
        out.append((_catmull(p0[0], p1[0], p2[0], p3[0], t), _catmull(p0[1], p1[1], p2[1], p3[1], t)))
    return out


def _catmull(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)


def bezier(p0: Point, p1: Point, p2: Point, p3: Point, count: int = 16) -> list[Point]:
    """``count`` points along a cubic Bezier curve."""
    out = []
    for k in range(count):
        t = k / (count - 1)
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        out.append(
            (a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0], a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1])
        )
    return out


def between(first: Sequence[Point], second: Sequence[Point], share: float) -> list[Point]:
    """Interpolate between two curves with equally many points; ``share`` 0 is ``first``."""
    return [
        (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
        for a, b in zip(first, second, strict=True)
    ]


def shifted(points: Sequence[Point], dx: float, dy: float) -> list[Point]:
    return [(x + dx, y + dy) for x, y in points]


def tapered(points: Sequence[Point], width: float, *, start: float = 0.0, end: float = 0.0) -> list[Point]:
    """The outline of a brush stroke along the points.

    It is ``width`` thick in the middle, and ``start`` and ``end`` times that at the ends.
    """
    last = len(points) - 1
    left: list[Point] = []
    right: list[Point] = []
    for i, (x, y) in enumerate(points):
        before, after = points[max(i - 1, 0)], points[min(i + 1, last)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = math.hypot(dx, dy) or 1.0
        t = i / last
        edge = start * (1 - t) + end * t
        half = width / 2 * (edge + (1 - edge) * math.sin(math.pi * t))
        left.append((x - dy / length * half, y + dx / length * half))
        right.append((x + dy / length * half, y - dx / length * half))
    return left + right[::-1]


def height_at(curve: Sequence[Point], x: float) -> float:
    """The y at ``x`` of a curve that runs left to right; clamped to its ends."""
    xs = [p[0] for p in curve]
    i = bisect_left(xs, x)
    if i == 0:
        return curve[0][1]
    if i == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[i - 1], curve[i]
    return y0 + (y1 - y0) * ((x - x0) / (x1 - x0) if x1 > x0 else 0.0)


def disc_between(
    centre: Point, radius: float, top: Sequence[Point], bottom: Sequence[Point], count: int = 20
) -> list[Point]:
    """The part of a disc that lies below the curve ``top`` and above the curve ``bottom``.

    Both curves run left to right. Clipping here avoids an SVG clip path, which costs the
    rasteriser a full-size mask. Empty if nothing is left.
    """
    left, right = max(centre[0] - radius, top[0][0]), min(centre[0] + radius, top[-1][0])
    upper: list[Point] = []
    lower: list[Point] = []
    for k in range(count + 1):
        x = (left + right) / 2 - (right - left) / 2 * math.cos(math.pi * k / count)
        reach = math.sqrt(max(radius**2 - (x - centre[0]) ** 2, 0.0))
        high = max(centre[1] - reach, height_at(top, x))
        low = min(centre[1] + reach, height_at(bottom, x))
        if low >= high:
            upper.append((x, high))
            lower.append((x, low))
    return upper + lower[::-1] if len(upper) > 2 else []
