"""Mouth: the opening with teeth and tongue, and the lips."""

from __future__ import annotations

from memobench_portraits.anatomy import Anatomy, Mouth
from memobench_portraits.colours import LIPSTICKS, Skin, mix
from memobench_portraits.curves import Point, height_at, num, polygon, ribbon, shifted, tapered
from memobench_portraits.svg import Drawing


def mouth(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """The whole mouth."""
    lips = face.mouth
    colour = skin.lip
    if face.who.makeup > 0.5:
        stick = LIPSTICKS[face.who.seed % len(LIPSTICKS)]
        colour = mix(colour, stick, 0.55 * face.who.makeup)
    else:
        colour = mix(colour, skin.base, 0.30 * (1 - face.who.feminine))
    if lips.gap > 1.5:
        _inside(art, face, lips)
    _lips(art, face, lips, colour, skin)
    _corners(art, face, lips, skin)


def _inside(art: Drawing, face: Anatomy, lips: Mouth) -> None:
    a = face.units
    middle = len(lips.upper) // 2
    top, low = lips.upper[middle][1], lips.lower[middle][1]
    opening = polygon(lips.upper + lips.lower[::-1])
    dark = [(0.0, "#3a1214", 1.0), (1.0, "#5c1f20", 1.0)]
    art.fill(opening, art.linear((0, top), (0, low), dark))
    if lips.gap > 9 and a[20] < 0.5 and a[16] < 0.4:
        _tongue(art, lips, low)
    teeth = 4.0 + 0.30 * lips.gap * (1 - a[26]) + 6.0 * a[12] + 4.5 * a[10] + 1.5 * a[20]
    _teeth(art, lips, min(teeth, lips.gap * 0.82, 13.5), upper=True)
    if lips.gap > 4 and max(a[20], a[16]) > 0.15:
        _teeth(art, lips, min(lips.gap * 0.42, 7.5), upper=False)
    rim = lips.upper[2:-2]
    art.fill(polygon(rim + shifted(rim, 0, min(3.0, lips.gap * 0.3))[::-1]), "#2a0a0c", 0.34)


def _tongue(art: Drawing, lips: Mouth, low: float) -> None:
    x = (lips.left[0] + lips.right[0]) / 2
    half, height = lips.half_width * 0.56, lips.gap * 0.40
    curve = [(x + half * u / 8, low - height * (1 - abs(u / 8) ** 2.4) - 0.5) for u in range(-8, 9)]
    body = [(px, min(py, height_at(lips.lower, px) - 0.3)) for px, py in curve]
    floor = [(px, height_at(lips.lower, px) - 0.2) for px, _ in curve]
    art.fill(
        polygon(body + floor[::-1]),
        art.linear((0, low - height), (0, low), [(0, "#8d3a3c", 1.0), (1, "#c0625d", 1.0)]),
    )


def _teeth(art: Drawing, lips: Mouth, height: float, *, upper: bool) -> None:
    """A row of teeth that follows its lip and is hidden by the other one; darker toward the corners."""
    if height < 1.2:
        return
    edge, other = (lips.upper, lips.lower) if upper else (lips.lower, lips.upper)
    sign = 1 if upper else -1
    inset = 2 if lips.gap > 3 else 4
    gum: list[Point] = []
    biting: list[Point] = []
    for x, y in edge[inset : len(edge) - inset]:
        far = height_at(other, x)
        reach = min(height, abs(far - y) * 0.94)
        gum.append((x, y))
        biting.append((x, y + sign * reach))
    x0, x1 = gum[0][0], gum[-1][0]
    lit, dim = ("#fffdf8", "#cdbdb2") if upper else ("#efe7de", "#b09c92")
    shade = [
        (0.0, dim, 1.0),
        (0.24, mix(lit, dim, 0.25), 1.0),
        (0.45, lit, 1.0),
        (0.76, mix(lit, dim, 0.25), 1.0),
        (1.0, dim, 1.0),
    ]
    art.fill(polygon(gum + biting[::-1]), art.linear((x0, 0), (x1, 0), shade))
    middle, gaps = (x0 + x1) / 2, []
    widths = (0.0, 8.4, 15.4, 21.6, 27.0, 31.5) if upper else (0.0, 5.6, 11.0, 16.6, 22.0, 27.0)
    for offset in widths:
        for side in (-1, 1):
            x = middle + side * offset
            if x0 + 3 < x < x1 - 3:
                y, end = height_at(gum, x), height_at(biting, x)
                gaps.append(f"M{num(x)} {num(y + (end - y) * 0.12)}L{num(x)} {num(y + (end - y) * 0.92)}")
    art.stroke("".join(gaps), "#8f7468", 0.7, 0.34)


def _lips(art: Drawing, face: Anatomy, lips: Mouth, colour: str, skin: Skin) -> None:
    closed = lips.gap <= 1.5
    middle = len(lips.top) // 2
    top, up = lips.top[middle][1], lips.upper[middle][1]
    low, bottom = lips.lower[middle][1], lips.bottom[middle][1]
    x = lips.top[middle][0]
    upper_paint = art.linear(
        (0, top - 2),
        (0, up + 2),
        [(0, mix(colour, skin.base, 0.22), 1.0), (1, mix(colour, "#3a1012", 0.30), 1.0)],
    )
    art.fill(ribbon(lips.top[::2], lips.upper[::2]), upper_paint)
    lower_paint = art.linear(
        (0, low - 1),
        (0, bottom + 1),
        [
            (0, mix(colour, "#3a1012", 0.14), 1.0),
            (0.45, mix(colour, "#ffd9cc", 0.16), 1.0),
            (1, mix(colour, skin.shade, 0.22), 1.0),
        ],
    )
    art.fill(ribbon(lips.lower[::2], lips.bottom[::2]), lower_paint)
    thick = bottom - low
    shine = 0.30 + 0.30 * face.who.makeup
    art.glow((x - 5, low + thick * 0.42), lips.half_width * 0.38, max(thick * 0.30, 1.0), "#ffffff", shine)
    bow = shifted(lips.top[8:-8], 0, -1.3)
    art.fill(polygon(tapered(bow, 1.8)), skin.light, 0.5)
    if closed:
        line = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(lips.upper, lips.lower, strict=True)]
        art.fill(
            polygon(tapered(line, 2.5 + 0.9 * face.units[24], start=0.6, end=0.6)),
            mix(colour, "#260a0b", 0.68),
            0.95,
        )


def _corners(art: Drawing, face: Anatomy, lips: Mouth, skin: Skin) -> None:
    a = face.units
    away = mix(skin.deep, "#3a1512", 0.3)
    for side, (x, y) in ((-1, lips.left), (1, lips.right)):
        art.glow((x + side * 2, y + 1), 6, 5, away, 0.45 + 0.2 * max(a[12], a[15], a[20]))
        tail = [
            (x - side * 2, y),
            (x + side * 2.5, y - 0.3 - 1.5 * a[12] + 1.5 * a[15]),
            (x + side * 4.5, y - 0.4 - 3.5 * a[12] + 4.5 * a[15]),
        ]
        art.fill(polygon(tapered(tail, 2.4, start=0.6)), away, 0.62)
