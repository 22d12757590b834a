"""Facial creases: from the expression, and from age."""

from __future__ import annotations

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.colours import Skin, mix
from memobench_portraits.curves import Point, polygon, shifted, spline, tapered
from memobench_portraits.face.head import forehead_top
from memobench_portraits.svg import Drawing


class _Pen:
    """Draws soft creases: a dark line, and a light one along its lower edge."""

    def __init__(self, art: Drawing, skin: Skin) -> None:
        self._art = art
        self._dark = mix(skin.shade, skin.deep, 0.62)
        self._light = skin.light

    def line(
        self, points: list[Point], width: float, depth: float, *, start: float = 0.0, end: float = 0.0
    ) -> None:
        if depth < 0.02:
            return
        curve = spline(points, 12)
        self._art.fill(polygon(tapered(curve, width * 2.6)), self._dark, 0.22 * depth)
        self._art.fill(polygon(tapered(shifted(curve, 0.3, width * 0.95), width)), self._light, 0.40 * depth)
        self._art.fill(polygon(tapered(curve, width, start=start, end=end)), self._dark, 0.82 * depth)


def creases(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """All creases except those of lids and lips."""
    pen = _Pen(art, skin)
    _forehead(pen, face)
    _between_brows(art, pen, face, skin)
    _around_eyes(pen, face)
    _cheek_folds(art, pen, face, skin)
    _pressed(art, pen, face, skin)
    _chin(art, pen, face, skin)


def _forehead(pen: _Pen, face: Anatomy) -> None:
    """Lines across the forehead, always between the brows and the hairline and inside the head."""
    a, age = face.units, face.who.wrinkles
    raised = max(a[1], a[2])
    depth = min(0.75 * raised * (0.6 + 0.55 * age) + 0.52 * age, 1.0) * (1 - 0.3 * a[4] * (1 - a[1]))
    middle = MIDDLE + 4 * face.who.turn
    lowest = min(y for brow in face.brows for _, y in brow[:11]) - 12
    top = forehead_top(face) + 12
    count = 3 if lowest - top > 24 else 2
    for i in range(count):
        y = lowest - (lowest - top) * i / max(count - 1, 1) * 0.86
        narrow = 1 - 0.5 * max(a[1] - a[2], 0.0)
        wide = min(face.half_width_at(y) * 0.62, 62 - 9 * i) * narrow
        arch = 3.5 * a[2] - 5.0 * max(a[1] - a[2], 0.0)
        pen.line(
            [
                (middle - wide, y + arch * 0.5),
                (middle - wide * 0.5, y - arch),
                (middle, y - arch * 0.2),
                (middle + wide * 0.5, y - arch),
                (middle + wide, y + arch * 0.5),
            ],
            2.0,
            depth * (1 - 0.14 * i),
        )


def _between_brows(art: Drawing, pen: _Pen, face: Anatomy, skin: Skin) -> None:
    """The vertical furrows between lowered brows, and the wrinkles at the nose's root."""
    a, age = face.units, face.who.wrinkles
    middle = MIDDLE + 4 * face.who.turn
    lowered = max(a[4] - a[1], 0.0)
    shadow, root = mix(skin.shade, skin.deep, 0.5), (face.brows[0][0][1] + face.brows[1][0][1]) / 2
    art.glow((middle, root + 2), 19, 24, shadow, 0.40 * a[4])
    for eye in face.eyes:
        art.glow((eye.centre[0] - eye.side * 19, 246), 24, 12, shadow, 0.60 * lowered, 16 * eye.side)
    art.glow((middle, root - 8), 5, 17, skin.light, 0.45 * a[4])
    for side, brow in zip((-1, 1), face.brows, strict=True):
        x, y = brow[0]
        gap = abs(x - middle)
        top = [
            (middle + side * gap * 0.72, y + 8 + 3 * lowered),
            (middle + side * gap * 0.44, y - 4),
            (middle + side * gap * 0.62, y - 19 - 9 * lowered),
        ]
        pen.line(top, 2.5 + 1.3 * lowered, min(0.95 * a[4] + 0.22 * age, 1.0))
        for k in range(2):
            wrinkle = [
                (middle + side * 4, 250 + 9 * k - 2 * a[9]),
                (middle + side * 13, 246 + 10 * k - 3 * a[9]),
            ]
            pen.line(wrinkle, 2.1, 0.85 * a[9])
    bridge = [(middle - 11, root + 9), (middle, root + 12), (middle + 11, root + 9)]
    pen.line(bridge, 2.4, 0.8 * lowered)


def _around_eyes(pen: _Pen, face: Anatomy) -> None:
    """Crow's feet, the fold below the eye, and bags."""
    a, age = face.units, face.who.wrinkles
    for eye in face.eyes:
        side = eye.side
        inner, outer = (eye.lower[-1], eye.lower[0]) if side < 0 else (eye.lower[0], eye.lower[-1])
        smile = a[6] * (0.55 + 0.62 * age)
        for k, spread in enumerate((-7.0, 1.5, 9.0)):
            start = (outer[0] + side * 6.5, outer[1] - 2 + 3.2 * k)
            end = (outer[0] + side * (18 + 4 * age), outer[1] + spread)
            middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 1.2)
            pen.line([start, middle, end], 1.7, min(0.9 * smile + 0.42 * age, 0.95))
        belly = max(y for _, y in eye.lower)
        fold = [
            (inner[0] + side * 5, belly + 3.5 - 1.5 * a[6]),
            (eye.centre[0], belly + 8.5 - 3 * a[6]),
            (outer[0] - side * 5, belly + 3.5 - 2.5 * a[6]),
        ]
        pen.line(fold, 2.2, min(0.12 + 0.75 * age + 0.55 * a[6] + 0.45 * a[7], 0.9) * 0.62)
        if age > 0.35:
            bag = [(x, y + 6) for x, y in fold]
            pen.line(bag, 2.4, 0.62 * age)


def _cheek_folds(art: Drawing, pen: _Pen, face: Anatomy, skin: Skin) -> None:
    """The folds from nose to mouth, and from the mouth's corners downward."""
    a, age = face.units, face.who.wrinkles
    x, y = face.nose
    depth = min(
        0.10 + 0.52 * age + max(0.62 * a[12], 0.62 * a[9], 0.55 * a[10], 0.35 * a[15], 0.32 * a[20]), 0.95
    )
    wide = face.who.nose_width
    for side, corner in ((-1, face.mouth.left), (1, face.mouth.right)):
        out = 7 + 5 * a[12]
        start = (x + side * (23 * wide + 2 * a[9]), y - 8 - 3 * a[9])
        end = (corner[0] + side * out, corner[1] + 1 + 5 * a[15] + 3 * age)
        bend = (start[0] + (end[0] - start[0]) * (0.66 + 0.08 * a[12]), start[1] + (end[1] - start[1]) * 0.52)
        pen.line([start, bend, end], 2.5, depth)
        if a[12] > 0.05:
            art.glow((bend[0] + side * 17, bend[1] - 8), 20, 16, skin.light, 0.34 * a[12])
        low = 0.85 * a[15] + 0.62 * age + 0.25 * a[20] - 0.5 * a[12]
        pen.line(
            [
                (corner[0] + side * 3, corner[1] + 4),
                (corner[0] + side * 6, corner[1] + 14),
                (corner[0] + side * 5, corner[1] + 25),
            ],
            2.3,
            min(low, 0.95) * 0.72,
        )


def _pressed(art: Drawing, pen: _Pen, face: Anatomy, skin: Skin) -> None:
    """The swollen rims above and below pressed lips, the shadows next to them, and the tightened corners."""
    press = max(face.units[23], face.units[24])
    if press < 0.02:
        return
    lips, away = face.mouth, mix(skin.shade, skin.deep, 0.45)
    x = (lips.left[0] + lips.right[0]) / 2
    top, low = lips.top[len(lips.top) // 2][1], lips.bottom[len(lips.bottom) // 2][1]
    art.glow((x, low + 8), lips.half_width * 0.95, 9, away, 0.55 * press)
    for side, corner in ((-1, lips.left), (1, lips.right)):
        art.glow(
            (x + side * lips.half_width * 0.5, top - 5), lips.half_width * 0.46, 6.5, skin.light, 0.75 * press
        )
        art.glow((corner[0] + side * 5, corner[1] + 1), 10, 13, away, 0.70 * press)
        hook = [
            (corner[0] + side * 2, corner[1] - 9),
            (corner[0] + side * 8, corner[1]),
            (corner[0] + side * 6, corner[1] + 13),
        ]
        pen.line(hook, 2.4, 0.85 * press)
        for k in (0.30, 0.62):
            fold = [
                (x + side * lips.half_width * k, top - 3),
                (x + side * (lips.half_width * k + 1.5), top - 10),
            ]
            pen.line(fold, 1.4, 0.45 * press)
    art.glow((x, low + 4), lips.half_width * 0.62, 4, skin.light, 0.6 * press)


def _chin(art: Drawing, pen: _Pen, face: Anatomy, skin: Skin) -> None:
    """The hollow below the lower lip, and the bunched chin of AU 17."""
    a = face.units
    x, y = face.mouth.bottom[len(face.mouth.bottom) // 2]
    art.glow((x, y + 8), 25, 8, mix(skin.shade, skin.deep, 0.35), 0.55 + 0.25 * a[17])
    if a[17] > 0.05:
        arc = [(x - 19, y + 17), (x - 11, y + 10), (x, y + 8), (x + 11, y + 10), (x + 19, y + 17)]
        pen.line(arc, 2.2, 0.75 * a[17])
        for dx, dy in ((-8, 20), (1, 17), (8, 22), (-2, 26)):
            art.glow((x + dx, y + dy), 6.0, 4.5, mix(skin.shade, skin.deep, 0.4), 0.30 * a[17])
