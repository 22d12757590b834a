"""Clothes: shoulders and necklines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.colours import SCHEMES, Scheme, mix
from memobench_portraits.curves import Point, num, polygon, shifted, smooth, spline, tapered
from memobench_portraits.svg import Drawing


def clothes(art: Drawing, face: Anatomy) -> None:
    """The garment, over neck and shoulders."""
    scheme = SCHEMES[face.who.scheme]
    _GARMENTS[face.who.clothes](art, face, scheme)


def _shoulders(face: Anatomy, neckline: Sequence[Point], rise: float = 0.0) -> str:
    """The body's outline with the given neckline, left to right."""
    man = 1 - face.who.feminine
    broad, slope = 196 + 26 * man, 468 - 4 * man - rise
    x0, y0 = neckline[0]
    x1, y1 = neckline[-1]
    line = smooth(neckline, closed=False)
    return (
        line
        + f"C{num(x1 + 40)} {num(y1 + 10)} {num(MIDDLE + broad - 70)} {num(slope - 8)} {num(MIDDLE + broad)} {num(slope + 22)}"
        f"Q{num(MIDDLE + broad + 24)} {num(slope + 36)} {num(MIDDLE + broad + 32)} 520L{num(MIDDLE - broad - 32)} 520"
        f"Q{num(MIDDLE - broad - 24)} {num(slope + 36)} {num(MIDDLE - broad)} {num(slope + 22)}"
        f"C{num(MIDDLE - broad + 70)} {num(slope - 8)} {num(x0 - 40)} {num(y0 + 10)} {num(x0)} {num(y0)}Z"
    )


def _cloth(art: Drawing, path: str, colour: str) -> None:
    """Cloth lit from the left, with soft folds."""
    paint = [
        (0.0, mix(colour, "#ffffff", 0.20), 1.0),
        (0.4, colour, 1.0),
        (1.0, mix(colour, "#0c0c18", 0.42), 1.0),
    ]
    art.fill(path, art.linear((60, 430), (460, 540), paint))
    for x, lean, glow in (
        (118, 30, "#ffffff"),
        (196, 24, "#ffffff"),
        (352, -24, "#08080f"),
        (420, -40, "#08080f"),
    ):
        art.glow((x, 508), 46, 13, mix(colour, glow, 0.6), 0.20, lean)


def _half(face: Anatomy) -> float:
    return 60 + 16 * (1 - face.who.feminine)


def _band(art: Drawing, neckline: Sequence[Point], colour: str, width: float) -> None:
    """A knitted band along a neckline."""
    art.fill(polygon(tapered(shifted(neckline, 0, width + 3), 7, start=0.3, end=0.3)), "#0a0a10", 0.28)
    art.fill(polygon(tapered(neckline, width, start=0.45, end=0.45)), mix(colour, "#0c0c18", 0.24))
    light = shifted(neckline, -0.5, -width * 0.28)
    art.fill(polygon(tapered(light, width * 0.3)), mix(colour, "#ffffff", 0.22), 0.6)


def _crew(art: Drawing, face: Anatomy, scheme: Scheme) -> None:
    h = _half(face)
    line = spline(
        [
            (MIDDLE - h - 8, 448),
            (MIDDLE - h * 0.6, 474),
            (MIDDLE, 484),
            (MIDDLE + h * 0.6, 474),
            (MIDDLE + h + 8, 448),
        ],
        15,
    )
    _cloth(art, _shoulders(face, line), scheme.cloth)
    _band(art, line, scheme.cloth, 9)


def _scoop(art: Drawing, face: Anatomy, scheme: Scheme) -> None:
    h = _half(face) + 26
    line = spline(
        [
            (MIDDLE - h - 6, 458),
            (MIDDLE - h * 0.66, 494),
            (MIDDLE, 511),
            (MIDDLE + h * 0.66, 494),
            (MIDDLE + h + 6, 458),
        ],
        15,
    )
    _cloth(art, _shoulders(face, line), scheme.cloth)
    _band(art, line, scheme.cloth, 5)
    _necklace(art, scheme)


def _necklace(art: Drawing, scheme: Scheme) -> None:
    chain = spline(
        [
            (MIDDLE - 51, 424),
            (MIDDLE - 47, 446),
            (MIDDLE - 28, 478),
            (MIDDLE, 491),
            (MIDDLE + 28, 478),
            (MIDDLE + 47, 446),
            (MIDDLE + 51, 424),
        ],
        15,
    )
    gold = mix(scheme.accent, "#e8c277", 0.6)
    art.stroke(smooth(shifted(chain, 0.6, 1.4), closed=False), "#1a0d08", 1.6, 0.25)
    art.stroke(smooth(chain, closed=False), gold, 1.5, 0.95)
    art.ellipse((MIDDLE, 495), 4.2, 4.6, gold)
    art.ellipse((MIDDLE - 1.2, 493.6), 1.5, 1.6, "#fff6dc", 0.9)


def _v_neck(art: Drawing, face: Anatomy, scheme: Scheme) -> None:
    h = _half(face) + 4
    line = [
        (MIDDLE - h - 8, 448),
        (MIDDLE - h * 0.62, 474),
        (MIDDLE - 8, 516),
        (MIDDLE, 520),
        (MIDDLE + 8, 516),
        (MIDDLE + h * 0.62, 474),
        (MIDDLE + h + 8, 448),
    ]
    _cloth(art, _shoulders(face, line), scheme.cloth)
    _band(art, line, scheme.cloth, 8)


def _turtleneck(art: Drawing, face: Anatomy, scheme: Scheme) -> None:
    h = _half(face) - 2
    line = spline([(MIDDLE - h - 4, 430), (MIDDLE, 472), (MIDDLE + h + 4, 430)], 11)
    _cloth(art, _shoulders(face, line), scheme.cloth)
    top = 428
    roll = [
        (MIDDLE - h + 2, top),
        (MIDDLE, top + 12),
        (MIDDLE + h - 2, top),
        (MIDDLE + h + 5, 446),
        (MIDDLE + h + 8, 464),
        (MIDDLE, 482),
        (MIDDLE - h - 8, 464),
        (MIDDLE - h - 5, 446),
    ]
    colour = scheme.cloth
    paint = [
        (0.0, mix(colour, "#ffffff", 0.24), 1.0),
        (0.45, colour, 1.0),
        (1.0, mix(colour, "#0c0c18", 0.45), 1.0),
    ]
    art.fill(smooth(roll), art.linear((MIDDLE - h, 440), (MIDDLE + h, 460), paint))
    ribs = []
    for k in range(-6, 7):
        x = MIDDLE + k * (h - 2) / 6.4
        dip = 12 * (1 - (k / 6.5) ** 2)
        ribs.append(f"M{num(x)} {num(top + dip + 4)}L{num(x * 1.03 - MIDDLE * 0.03)} {num(462 + dip)}")
    art.stroke("".join(ribs), mix(colour, "#08080f", 0.55), 1.6, 0.35)
    art.fill(
        polygon(tapered(spline([(MIDDLE - h, 468), (MIDDLE, 486), (MIDDLE + h, 468)], 9), 8)), "#0a0a10", 0.3
    )


def _shirt(art: Drawing, face: Anatomy, scheme: Scheme, colour: str | None = None) -> None:
    cloth = colour or scheme.cloth
    h = _half(face)
    line = [
        (MIDDLE - h - 4, 446),
        (MIDDLE - h * 0.5, 478),
        (MIDDLE, 514),
        (MIDDLE + h * 0.5, 478),
        (MIDDLE + h + 4, 446),
    ]
    _cloth(art, _shoulders(face, line), cloth)
    art.stroke(f"M{num(MIDDLE)} 512V520", mix(cloth, "#08080f", 0.5), 1.6, 0.6)
    for side in (-1, 1):
        flap = [
            (MIDDLE + side * (h - 10), 432),
            (MIDDLE + side * (h + 10), 444),
            (MIDDLE + side * (h + 12), 470),
            (MIDDLE + side * (h - 14), 508),
            (MIDDLE + side * (h * 0.32), 500),
            (MIDDLE + side * 3, 516),
            (MIDDLE + side * h * 0.50, 470),
        ]
        art.fill(polygon(shifted(flap, side * 1.5, 5)), "#0a0a10", 0.24)
        tone = mix(cloth, "#ffffff", 0.24) if side < 0 else mix(cloth, "#0c0c18", 0.10)
        art.fill(polygon(flap), tone)
        art.stroke(polygon(flap), mix(cloth, "#08080f", 0.5), 1.2, 0.45)


def _blazer(art: Drawing, face: Anatomy, scheme: Scheme) -> None:
    _shirt(art, face, scheme, scheme.second)
    h = _half(face)
    cloth = mix(scheme.cloth, "#14141e", 0.25)
    for side in (-1, 1):
        man = 1 - face.who.feminine
        broad = 198 + 26 * man
        coat = (
            f"M{num(MIDDLE + side * (h + 2))} 440C{num(MIDDLE + side * (h + 50))} 452 {num(MIDDLE + side * (broad - 60))} 456"
            f" {num(MIDDLE + side * broad)} {num(488 - 4 * man)}Q{num(MIDDLE + side * (broad + 26))} 502"
            f" {num(MIDDLE + side * (broad + 34))} 520L{num(MIDDLE + side * 30)} 520Z"
        )
        tone = [
            (0.0, mix(cloth, "#ffffff", 0.18), 1.0),
            (0.5, cloth, 1.0),
            (1.0, mix(cloth, "#05050c", 0.4), 1.0),
        ]
        art.fill(coat, art.linear((60, 440), (460, 540), tone))
        lapel = [
            (MIDDLE + side * (h + 1), 440),
            (MIDDLE + side * (h + 24), 456),
            (MIDDLE + side * (h + 38), 486),
            (MIDDLE + side * (h + 20), 492),
            (MIDDLE + side * (h + 26), 503),
            (MIDDLE + side * (h - 4), 520),
            (MIDDLE + side * 30, 520),
        ]
        art.fill(polygon(shifted(lapel, side * 2, 3)), "#05050a", 0.3)
        art.fill(polygon(lapel), mix(cloth, "#ffffff", 0.12 if side < 0 else 0.03))
        art.stroke(polygon(lapel), mix(cloth, "#05050c", 0.6), 1.1, 0.6)


def _hoodie(art: Drawing, face: Anatomy, scheme: Scheme) -> None:
    h = _half(face)
    hood = [
        (MIDDLE - h - 34, 452),
        (MIDDLE - h - 8, 424),
        (MIDDLE - h + 4, 440),
        (MIDDLE, 470),
        (MIDDLE + h - 4, 440),
        (MIDDLE + h + 8, 424),
        (MIDDLE + h + 34, 452),
        (MIDDLE + 30, 500),
        (MIDDLE, 506),
        (MIDDLE - 30, 500),
    ]
    line = spline([(MIDDLE - h - 12, 450), (MIDDLE, 492), (MIDDLE + h + 12, 450)], 11)
    _cloth(art, _shoulders(face, line), scheme.cloth)
    art.fill(smooth(shifted(hood, 0, 6)), "#08080f", 0.3)
    tone = [
        (0.0, mix(scheme.cloth, "#ffffff", 0.22), 1.0),
        (0.5, mix(scheme.cloth, "#ffffff", 0.04), 1.0),
        (1.0, mix(scheme.cloth, "#0c0c18", 0.35), 1.0),
    ]
    rim = [
        (MIDDLE - h + 6, 446),
        (MIDDLE - h * 0.55, 474),
        (MIDDLE, 490),
        (MIDDLE + h * 0.55, 474),
        (MIDDLE + h - 6, 446),
    ]
    outer = [
        (MIDDLE + h + 10, 426),
        (MIDDLE + h + 34, 456),
        (MIDDLE + 36, 505),
        (MIDDLE, 512),
        (MIDDLE - 36, 505),
        (MIDDLE - h - 34, 456),
        (MIDDLE - h - 10, 426),
    ]
    collar = smooth(rim, closed=False) + smooth(outer, closed=False).replace("M", "L", 1) + "Z"
    art.fill(collar, art.linear((130, 430), (390, 510), tone))
    for side in (-1, 1):
        art.stroke(
            f"M{num(MIDDLE + side * 24)} 496Q{num(MIDDLE + side * 28)} 510 {num(MIDDLE + side * 26)} 520",
            scheme.second,
            3.4,
            0.95,
        )


_GARMENTS: dict[str, Callable[[Drawing, Anatomy, Scheme], None]] = {
    "crew": _crew,
    "scoop": _scoop,
    "v-neck": _v_neck,
    "turtleneck": _turtleneck,
    "shirt": _shirt,
    "blazer": _blazer,
    "hoodie": _hoodie,
}
