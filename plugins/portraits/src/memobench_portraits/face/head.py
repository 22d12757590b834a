"""Head, ears and neck: the skin, lit from the upper left."""

from __future__ import annotations

from memobench_portraits.anatomy import HAIRLINE, MIDDLE, Anatomy
from memobench_portraits.colours import Skin, mix
from memobench_portraits.curves import num, polygon, smooth, spline, tapered
from memobench_portraits.svg import Drawing

_ALL = "M80 40H432V500H80Z"
"""An area that covers any face."""


def neck(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """Neck and collar bones, in the shadow of the head."""
    man = 1 - face.who.feminine
    half = 50 + 14 * man
    top, bottom = 330.0, 520.0
    path = (
        f"M{num(MIDDLE - half)} {top}C{num(MIDDLE - half + 3)} 400 {num(MIDDLE - half - 2)} 430 {num(MIDDLE - half - 44)} 456"
        f"L{num(MIDDLE - 140)} {bottom}L{num(MIDDLE + 140)} {bottom}L{num(MIDDLE + half + 44)} 456"
        f"C{num(MIDDLE + half + 2)} 430 {num(MIDDLE + half - 3)} 400 {num(MIDDLE + half)} {top}Z"
    )
    dark = mix(skin.shade, skin.deep, 0.42)
    shadow = [
        (0.0, dark, 1.0),
        (0.42, dark, 1.0),
        (0.72, skin.shade, 1.0),
        (1.0, mix(skin.base, skin.shade, 0.25), 1.0),
    ]
    art.fill(path, art.linear((MIDDLE - 14, 376), (MIDDLE + 10, 486), shadow))
    for side in (-1, 1):
        cord = [
            (MIDDLE + side * (half - 8), 420),
            (MIDDLE + side * (half - 24), 455),
            (MIDDLE + side * 12, 492),
        ]
        art.fill(polygon(tapered(cord, 5.5, start=0.2)), skin.deep, 0.16)
        bone = [(MIDDLE + side * 16, 492), (MIDDLE + side * 58, 484), (MIDDLE + side * 112, 478)]
        art.fill(polygon(tapered(bone, 5.0)), skin.deep, 0.16)
        art.fill(polygon(tapered([(x, y + 5) for x, y in bone], 4.0)), skin.light, 0.2)


def ears(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """Both ears, a little behind the cheeks."""
    for side in (-1, 1):
        edge = MIDDLE + side * (face.half_width * 0.965)
        outer = [
            (edge - side * 4, 246),
            (edge + side * 7, 236),
            (edge + side * 17, 242),
            (edge + side * 19, 262),
            (edge + side * 13, 286),
            (edge + side * 6, 305),
            (edge - side * 4, 306),
        ]
        art.fill(smooth(outer), mix(skin.base, skin.shade, 0.3 if side < 0 else 0.65))
        inner = [
            (edge + side * 3, 250),
            (edge + side * 11, 247),
            (edge + side * 13, 262),
            (edge + side * 7, 283),
            (edge, 290),
        ]
        art.fill(
            polygon(tapered(spline(inner, 12), 5, start=0.2, end=0.2)), mix(skin.shade, skin.deep, 0.45), 0.6
        )
        art.glow((edge + side * 6, 293), 7, 9, skin.blush, 0.4)


def head(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """The head's skin, with the planes of forehead, cheeks, temples and jaw.

    Drawn beyond the face's outline: `render` cuts it out, after enlarging it, since it has no edges to lose.
    """
    turn = face.who.turn
    lit = [
        (0.0, skin.light, 1.0),
        (0.42, mix(skin.light, skin.base, 0.62), 1.0),
        (0.72, skin.base, 1.0),
        (1.0, mix(skin.base, skin.shade, 0.55), 1.0),
    ]
    art.fill(_ALL, art.radial((226, 222), 205, lit, stretch=1.12))
    away = mix(skin.shade, skin.deep, 0.25)
    side = [(0.0, away, 0.0), (0.36, away, 0.07), (0.72, away, 0.34), (1.0, away, 0.75)]
    art.fill(_ALL, art.linear((MIDDLE + 22, 256), (MIDDLE + face.half_width + 2, 256), side))
    for sign, depth in ((-1, 0.20), (1, 0.30)):
        hollow = MIDDLE + sign * face.half_width * 0.70
        art.glow((hollow + 4 * turn, 342), 34, 52, away, depth * (0.7 + 0.6 * face.who.wrinkles), 22 * sign)
        art.glow((MIDDLE + sign * face.half_width * 0.86, 212), 24, 48, away, depth * 0.7)
    art.glow((MIDDLE - 20 + 5 * turn, 176), 62, 34, skin.light, 0.5)
    art.glow((MIDDLE + 4 * turn, face.chin - 18), 24, 15, skin.light, 0.38)
    art.glow((MIDDLE + 4 * turn, face.chin + 2), 60, 12, away, 0.32)


def cheeks(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """Blush and highlights on the cheeks."""
    who, lift = face.who, face.cheek_lift
    for side in (-1, 1):
        x = MIDDLE + side * (64 + 3 * lift) * who.face_width + 4 * who.turn
        y = 303 - 8 * lift
        art.glow((x, y), 40, 30, skin.blush, 0.26 + 0.12 * who.makeup + 0.14 * lift, -14 * side)
        light = 0.42 if side < 0 else 0.24
        art.glow(
            (x + side * 6, y - 12 - 2 * lift), 27, 13 + 3 * lift, skin.light, light + 0.26 * lift, -20 * side
        )


def freckles(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """Freckles, if the person has them."""
    if not face.who.freckles:
        return
    dots = []
    for i in range(34):
        u, v, w = (i * 0.618034) % 1, (i * 0.754878) % 1, (i * 0.569841) % 1
        x = MIDDLE + 4 * face.who.turn + (u - 0.5) * 176
        y = 288 + 26 * v - 7 * face.cheek_lift + 6 * abs(u - 0.5)
        r = 0.7 + 0.8 * w
        dots.append(
            f"M{num(x - r)} {num(y)}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0Z"
        )
    art.fill("".join(dots), mix(skin.shade, "#9a5a2c", 0.5), 0.5)


def nose(art: Drawing, face: Anatomy, skin: Skin) -> None:
    """The nose: lit bridge and tip, shaded side, wings, nostrils and the shadow below."""
    a, wide = face.units, face.who.nose_width
    x, y = face.nose
    root = MIDDLE + 4 * face.who.turn
    away = mix(skin.shade, skin.deep, 0.2)
    art.glow((x + 2, y + 11), 30 * wide, 13, away, 0.55)
    flank = [
        (root + 9, 246),
        (root + 10, 268),
        (x + 12 * wide, y - 22),
        (x + 21 * wide, y - 6),
        (x + 9, y - 2),
        (x + 7, y - 30),
    ]
    art.fill(
        smooth(flank),
        art.linear((x + 4, y - 30), (x + 20, y - 26), [(0, away, 0.0), (0.5, away, 0.45), (1, away, 0.12)]),
    )
    for side in (-1, 1):
        art.glow((root + side * 17, 246), 13, 20, away, 0.22 if side < 0 else 0.36)
    art.glow((x - 3, y - 38), 7.5, 42, skin.light, 0.8)
    flare = 2.5 * a[9] + 1.2 * a[12] + 4.0 * a[38]
    for side in (-1, 1):
        wing = [
            (x + side * (13 * wide), y - 13),
            (x + side * (20.5 * wide + flare), y - 10),
            (x + side * (22 * wide + flare), y - 2 - 2 * a[9]),
            (x + side * (17 * wide + flare), y + 3.5),
            (x + side * 11 * wide, y + 1),
        ]
        art.fill(
            polygon(tapered(spline(wing, 12), 2.8, start=0.0, end=0.35)),
            mix(skin.shade, skin.deep, 0.5),
            0.72,
        )
        nostril = [
            (x + side * 5, y + 2.5),
            (x + side * 9.5 * wide, y - 1.5 - 2.2 * a[38]),
            (x + side * (15 * wide + flare * 0.6), y + 0.5),
            (x + side * 10 * wide, y + 3.5),
        ]
        art.fill(smooth(nostril), mix(skin.deep, "#2a0f0a", 0.45), 0.85)
    art.glow((x, y - 8), 15 * wide, 11, skin.blush, 0.22)
    art.glow((x - 4, y - 11), 9.5 * wide, 8, mix(skin.light, "#ffffff", 0.35), 0.85)
    art.fill(
        polygon(tapered([(x - 7, y + 4), (x, y + 6.5), (x + 7, y + 4)], 2.2)),
        mix(skin.shade, skin.deep, 0.6),
        0.55,
    )
    for side in (-1, 1):
        lip = [(x + side * 4.5, y + 10), (x + side * 5.5, y + 20)]
        art.fill(polygon(tapered(lip, 3.5)), away, 0.22)


def forehead_top(face: Anatomy) -> float:
    """The height below which the forehead is free of hair in every style."""
    return HAIRLINE + 4 if face.who.hair not in ("bald", "receding") else HAIRLINE - 14
