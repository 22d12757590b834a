"""The hijab."""

from __future__ import annotations

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.colours import SCHEMES, mix
from memobench_portraits.curves import polygon, ribbon, smooth, spline, tapered
from memobench_portraits.hair.locks import Tone, mirrored
from memobench_portraits.svg import Drawing


def _colour(face: Anatomy) -> str:
    scheme = SCHEMES[face.who.scheme]
    return (
        scheme.accent,
        scheme.second,
        mix(scheme.cloth, scheme.lit, 0.45),
        mix(scheme.dim, scheme.cloth, 0.35),
    )[face.who.seed % 4]


def hijab_back(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The cloth behind the neck."""
    fw = face.half_width
    left = mirrored(
        [(0, 70), (fw * 0.9, 100), (fw + 22, 220), (fw + 26, 350), (fw + 60, 470), (fw + 70, 522)], -1
    )
    right = [(2 * MIDDLE - x, y) for x, y in left]
    art.fill(ribbon(left[::3], right[::3]), mix(_colour(face), "#120c14", 0.45))


def hijab_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """The cloth around the face, wrapped under the chin and over one shoulder."""
    fw, chin = face.half_width, face.chin
    colour = _colour(face)
    lit, dim = mix(colour, "#ffffff", 0.30), mix(colour, "#140d18", 0.45)
    opening = _opening(face)
    rim = [
        (0.0, 66),
        (fw * 0.55, 74),
        (fw * 0.98, 116),
        (fw + 22, 190),
        (fw + 26, 280),
        (fw + 22, 350),
        (fw + 40, 430),
        (fw + 72, 480),
        (fw + 78, 524),
    ]
    right = mirrored(rim, 1, 26)
    outer = [(2 * MIDDLE - x, y) for x, y in right[:0:-1]] + right
    ring = smooth(opening[::2]) + polygon(outer[::-1])
    paint = [(0.0, lit, 1.0), (0.45, colour, 1.0), (1.0, dim, 1.0)]
    shadow = [(x + 2, y) for x, y in opening]
    art.stroke(smooth(shadow[::2]), "#2a120c", 13, 0.16)
    art.stroke(smooth(shadow[::2]), "#2a120c", 7, 0.18)
    art.fill(ring, art.linear((120, 80), (400, 520), paint))
    for side in (-1, 1):
        for k, (width, opacity) in enumerate(((9, 0.26), (8, 0.24), (10, 0.22))):
            x = fw + 3 + 7 * k
            fold = mirrored(
                [
                    (fw * (0.30 + 0.2 * k), 96 - 6 * k),
                    (x - 6, 170 - 14 * k),
                    (x + 2, 300),
                    (fw * 0.80 + 10 * k, chin - 30 + 18 * k),
                    (fw * 0.34, chin + 26 + 16 * k),
                ],
                side,
                18,
            )
            art.fill(polygon(tapered(fold, width)), dim, opacity)
            art.fill(polygon(tapered([(px - 4, py - 2) for px, py in fold], width * 0.5)), lit, opacity + 0.1)
    _wrap(art, face, colour, lit, dim)
    art.stroke(smooth(opening[::2]), mix(colour, "#140d18", 0.3), 2.4, 0.8)
    art.stroke(smooth([(x - 0.8, y - 1.5) for x, y in opening[::2]]), lit, 1.3, 0.6)


def _opening(face: Anatomy) -> list[tuple[float, float]]:
    """The edge of the cloth around the face, closed."""
    fw, chin = face.half_width, face.chin
    half = [
        (0, 122),
        (fw * 0.50, 130),
        (fw * 0.84, 164),
        (fw * 0.965, 226),
        (fw * 0.955, 290),
        (fw * 0.86, 342),
        (fw * 0.60, chin - 24),
        (0, chin + 3),
    ]
    right = mirrored(half, 1, 22)
    return right + [(2 * MIDDLE - x, y) for x, y in right[-2:0:-1]]


def _wrap(art: Drawing, face: Anatomy, colour: str, lit: str, dim: str) -> None:
    """The end of the cloth, laid across below the chin."""
    fw, chin, side = face.half_width, face.chin, face.who.side
    top = mirrored(
        [
            (-fw * 1.21, chin - 74),
            (-fw * 0.62, chin - 12),
            (0, chin + 18),
            (fw * 0.60, chin - 2),
            (fw * 1.21, chin - 74),
        ],
        side,
        18,
    )
    low = mirrored(
        [(-fw * 1.52, 462), (-fw * 0.8, 508), (0, 528), (fw * 0.8, 520), (fw * 1.66, 500)], side, 18
    )
    art.fill(
        polygon(top + low[::-1]),
        art.linear((130, chin), (390, 530), [(0, lit, 1.0), (0.5, colour, 1.0), (1, dim, 1.0)]),
    )
    for k in range(4):
        share = 0.12 + 0.22 * k
        fold = [
            (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share + 5)
            for a, b in zip(top, low, strict=True)
        ]
        art.fill(polygon(tapered(spline(fold, 14), 7)), dim, 0.30)
        art.fill(polygon(tapered(spline([(x, y - 5) for x, y in fold], 14), 4)), lit, 0.30)
