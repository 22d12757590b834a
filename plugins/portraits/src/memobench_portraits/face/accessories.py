"""Glasses and earrings."""

from __future__ import annotations

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.colours import SCHEMES, mix
from memobench_portraits.curves import Point, num, smooth
from memobench_portraits.svg import Drawing

_FRAMES = ("#2b2422", "#5a3a28", "#8a6a3c", "#3b4450")


def glasses(art: Drawing, face: Anatomy) -> None:
    """Glasses; their upper rims lie below the resting brows, so that the brows stay visible."""
    kind = face.who.glasses
    if kind == "none":
        return
    frame = _FRAMES[face.who.seed % len(_FRAMES)]
    middle = MIDDLE + 4 * face.who.turn
    for eye in face.eyes:
        x, y = eye.centre[0] + eye.side * 1.5, eye.centre[1] + 6
        rim = _rim(x, y, eye.side, kind)
        shape = smooth(rim)
        art.stroke(smooth([(px + 1, py + 4) for px, py in rim]), "#1a0d08", 3.2, 0.14)
        glass = [(0.0, "#ffffff", 0.20), (0.35, "#ffffff", 0.04), (1.0, "#ffffff", 0.08)]
        art.fill(shape, art.linear((x - 26, y - 26), (x + 20, y + 26), glass))
        art.stroke(shape, frame, 3.0)
        art.stroke(
            smooth([(px - 0.4, py - 0.8) for px, py in rim[:4]], closed=False),
            mix(frame, "#ffffff", 0.5),
            0.9,
            0.7,
        )
        arm = MIDDLE + eye.side * face.half_width * 1.0
        art.stroke(f"M{num(x + eye.side * 35)} {num(y - 7)}L{num(arm)} {num(y - 11)}", frame, 3.4)
    bridge = face.eyes[0].centre[1] + 1
    inner = face.eyes[0].centre[0] + 33
    art.stroke(
        f"M{num(inner)} {num(bridge + 2)}Q{num(middle)} {num(bridge - 6)} {num(2 * middle - inner)} {num(bridge + 2)}",
        frame,
        3.0,
    )


def _rim(x: float, y: float, side: int, kind: str) -> list[Point]:
    if kind == "round":
        return [
            (x - 34, y),
            (x - 25, y - 21),
            (x, y - 28),
            (x + 25, y - 21),
            (x + 34, y),
            (x + 25, y + 22),
            (x, y + 31),
            (x - 25, y + 22),
        ]
    out, inn = x + side * 36, x - side * 33
    points = [
        (inn, y - 8),
        (inn + side * 7, y - 22),
        (x, y - 25),
        (out - side * 7, y - 24),
        (out, y - 9),
        (out - side * 4, y + 14),
        (out - side * 15, y + 25),
        (x, y + 27),
        (inn + side * 12, y + 24),
        (inn + side * 2, y + 10),
    ]
    return points if side > 0 else points[4::-1] + points[:4:-1]


def earrings(art: Drawing, face: Anatomy) -> None:
    """Studs, hoops or drops at the lobes."""
    kind = face.who.earrings
    if kind == "none":
        return
    scheme = SCHEMES[face.who.scheme]
    gold = mix("#dfb560", scheme.accent, 0.2)
    for side in (-1, 1):
        x, y = MIDDLE + side * (face.half_width * 0.965 + 6), 306.0
        if kind == "hoop":
            art.stroke(f"M{num(x)} {num(y - 2)}a13 16 0 1 1 -0.1 0", mix(gold, "#3a200a", 0.5), 3.2)
            art.stroke(f"M{num(x)} {num(y - 2)}a13 16 0 1 1 -0.1 0", gold, 2.0)
            continue
        art.ellipse((x, y), 3.8, 3.8, mix(gold, "#3a200a", 0.35))
        art.ellipse((x - 0.8, y - 0.9), 2.2, 2.2, mix(gold, "#ffffff", 0.5))
        if kind == "drop":
            art.stroke(f"M{num(x)} {num(y + 3)}v8", gold, 1.4)
            art.ellipse((x, y + 19), 5.2, 8.6, mix(scheme.accent, "#101018", 0.2))
            art.ellipse((x - 1.4, y + 16), 1.7, 3.0, "#ffffff", 0.55)
