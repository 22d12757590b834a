"""Eyes: eyeball, iris, highlights, lids, lashes."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import Anatomy, Eye
from memobench_portraits.colours import EYES, Skin, mix
from memobench_portraits.curves import Point, disc_between, height_at, num, polygon, shifted, smooth, tapered
from memobench_portraits.svg import Drawing

_LASH = "#1c1210"


def eyes(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """Both eyes with their lids."""
    for eye in face.eyes:
        _socket(art, face, eye, skin)
        _ball(art, eye, skin)
        _iris(art, face, eye)
        _lids(art, face, eye, skin)


def _socket(art: Drawing, face: Anatomy, eye: Eye, skin: Skin) -> None:
    x, y = eye.centre
    a = face.units
    away = mix(skin.shade, skin.deep, 0.32)
    art.glow((x - eye.side * 8, y - 15), 40, 19 + 3 * a[5], away, 0.36 + 0.22 * a[4] - 0.16 * a[1])
    art.glow((x, y + 15), 30, 11, mix(away, skin.blush, 0.4), 0.26 + 0.22 * face.who.wrinkles)
    lid = polygon(eye.crease + eye.upper[::-1])
    shadow = mix(mix(skin.base, skin.shade, 0.45), "#8a4a52", 0.30 * face.who.makeup)
    art.fill(lid, shadow, 0.75)
    art.glow((x - 3, y - eye.opening - 3), 13, 4, skin.light, 0.55)
    art.glow((x + eye.side * 16, y - 27 + 6 * a[4] - 8 * a[2]), 19, 6, skin.light, 0.42)


def _ball(art: Drawing, eye: Eye, skin: Skin) -> None:
    shape = polygon(eye.upper + eye.lower[::-1])
    x, y = eye.centre
    white = [(0.0, "#fdfaf6", 1.0), (0.6, "#f4efea", 1.0), (1.0, mix("#d9cdc8", skin.shade, 0.25), 1.0)]
    art.fill(shape, art.radial((x - 2, y + 2), 29, white, stretch=0.8))
    inner = eye.upper[-1] if eye.side < 0 else eye.upper[0]
    art.ellipse((inner[0] + eye.side * 3.2, inner[1] + 0.2), 3.0, 2.0, mix("#d98d85", skin.base, 0.3), 0.85)


def _iris(art: Drawing, face: Anatomy, eye: Eye) -> None:
    colour = EYES[face.who.eye_colour]
    (x, y), r = eye.iris, eye.iris_radius
    disc = disc_between(eye.iris, r, eye.upper, eye.lower)
    rim = mix(colour, "#0c0a0c", 0.72)
    stops = [
        (0.0, mix(colour, "#000000", 0.45), 1.0),
        (0.42, mix(colour, "#000000", 0.18), 1.0),
        (0.68, mix(colour, "#ffe2b0", 0.22), 1.0),
        (0.84, colour, 1.0),
        (0.93, rim, 1.0),
        (1.0, rim, 0.8),
    ]
    art.fill(polygon(disc) if disc else "", art.radial((x, y + 2.2), r + 1.4, stops))
    spokes = []
    for k in range(22):
        angle = 2 * math.pi * (k + 0.3 * math.sin(k * 2.4)) / 22
        inner, outer = (
            (x + 0.48 * r * math.cos(angle), y + 0.48 * r * math.sin(angle)),
            (x + 0.84 * r * math.cos(angle), y + 0.84 * r * math.sin(angle)),
        )
        if _inside(eye, inner) and _inside(eye, outer):
            spokes.append(f"M{num(inner[0])} {num(inner[1])}L{num(outer[0])} {num(outer[1])}")
    art.stroke("".join(spokes), mix(colour, "#fff0d0", 0.45), 0.7, 0.38)
    pupil = disc_between((x, y + 0.3), r * (0.43 - 0.05 * face.units[5]), eye.upper, eye.lower)
    art.fill(polygon(pupil) if pupil else "", "#0b090b")
    shade = list(eye.upper[2:-2])
    art.fill(polygon(shade + shifted(shade, 0, 5.0)[::-1]), "#1a0e10", 0.30)
    for centre, radius, opacity in (((x - 4.2, y - 4.6), 3.1, 0.96), ((x + 4.6, y + 4.8), 1.7, 0.5)):
        spot = disc_between(centre, radius, shifted(eye.upper, 0, 1.0), eye.lower, 10)
        art.fill(polygon(spot) if spot else "", "#ffffff", opacity)


def _inside(eye: Eye, point: Point) -> bool:
    return height_at(eye.upper, point[0]) + 1 < point[1] < height_at(eye.lower, point[0]) - 1


def _lids(art: Drawing, face: Anatomy, eye: Eye, skin: Skin) -> None:
    who, a = face.who, face.units
    side, dark = eye.side, mix(skin.deep, "#1a0d0a", 0.5)
    wet = shifted(eye.lower, 0, 0.6)
    art.fill(polygon(tapered(wet, 2.4)), mix(skin.light, skin.blush, 0.35), 0.75)
    art.fill(polygon(tapered(shifted(eye.lower, 0, 1.8), 1.7)), dark, 0.42 + 0.25 * a[7] + 0.12 * who.makeup)
    art.fill(polygon(tapered(eye.crease[1:-1], 2.3)), mix(skin.shade, skin.deep, 0.75), 0.72)
    outward = eye.upper if side > 0 else eye.upper[::-1]
    lash = mix(_LASH, dark, 0.35 * (1 - who.feminine))
    edge = [(x, y - 0.5) for x, y in outward]
    wing = 3.5 + 3.5 * who.makeup
    edge.append((edge[-1][0] + side * wing, edge[-1][1] - wing * (0.30 + 0.25 * who.makeup - 0.35 * a[43])))
    art.fill(_liner(edge, 1.6, 3.3 + 0.9 * who.feminine + 0.6 * who.makeup), lash)
    if who.feminine > 0.3:
        art.fill(_lashes(outward, side, who.feminine, a[43]), lash, 0.92)


def _liner(edge: list[Point], inner: float, outer: float) -> str:
    """A line along the upper lid that thickens outward and ends in a point."""
    last = len(edge) - 1
    above = [
        (
            x,
            y
            - (inner + (outer - inner) * min(i / (last * 0.72), 1.0))
            * min(1.0, (last - i) / (last * 0.22))
            * min(1.0, i / 2 + 0.3),
        )
        for i, (x, y) in enumerate(edge)
    ]
    return polygon([(x, y + 0.7) for x, y in edge] + above[::-1])


def _lashes(outward: list[Point], side: int, share: float, drooping: float) -> str:
    parts = []
    for k in range(6):
        i = 8 + k * 9 // 5
        x, y = outward[min(i, len(outward) - 1)]
        length = (4.5 + 1.25 * k) * share
        tip = (x + side * length * (0.35 + 0.11 * k), y - length * (0.95 - 0.09 * k) + drooping * 3)
        bend = (x + side * length * 0.35, y - length * 0.25)
        parts.append(smooth(tapered([(x - side * 0.6, y - 1), bend, tip], 1.6, start=1.0), closed=True))
    return "".join(parts)
