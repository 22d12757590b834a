"""Short hair and no hair: short, quiff, buzz, receding, bald."""

from __future__ import annotations

import math

from memobench_portraits.anatomy import MIDDLE, Anatomy
from memobench_portraits.colours import SKINS, mix
from memobench_portraits.curves import Point, num, polygon, ribbon
from memobench_portraits.hair.locks import GOLDEN, Tone, cast_shadow, lock, mirrored, paint
from memobench_portraits.svg import Drawing


def _sides(
    art: Drawing,
    face: Anatomy,
    tone: Tone,
    *,
    out: float = 5.0,
    density: float = 1.0,
    start: float = 0.74,
    top: float = 122.0,
) -> None:
    """Short hair at the temples, thinning into sideburns in front of the ears."""
    fw = face.half_width
    for side in (-1, 1):
        inner = mirrored(
            [
                (fw * start, top),
                (fw * max(0.84, start - 0.05), max(170, top + 18)),
                (fw * 0.885, 210),
                (fw * 0.93, 240),
                (fw * 0.935, 284),
            ],
            side,
        )
        outer = mirrored(
            [
                (fw * start, top),
                (fw * 0.955 + out * 0.8, max(154, top + 12)),
                (fw + out, 205),
                (fw + out * 0.6, 246),
                (fw * 0.985, 290),
            ],
            side,
        )
        stops = [
            (0.0, tone.base, density),
            (0.6, tone.dark, density * 0.96),
            (1.0, tone.dark, density * 0.35),
        ]
        art.fill(polygon(inner + outer[::-1]), art.linear((0, top), (0, 292), stops))
        dark: list[str] = []
        light: list[str] = []
        for k in range(46):
            u, v = (k * GOLDEN) % 1, (k * 0.754878) % 1
            i = min(int(u * 18), 17)
            a, b = inner[i], outer[i]
            x, y = a[0] + (b[0] - a[0]) * v, a[1] + (b[1] - a[1]) * v
            (dark if k % 3 else light).append(f"M{num(x)} {num(y)}l{num(side * 2.0)} {num(7)}")
        art.stroke("".join(dark), tone.deep, 1.1, 0.5 * density)
        art.stroke("".join(light), tone.light, 1.0, 0.4 * density)


def short_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Side parting, combed over at the top, short at the sides."""
    fw, side = face.half_width, face.who.side
    _sides(art, face, tone)
    fill = paint(art, tone, 50, 250)
    low = mirrored(
        [
            (fw * 0.56, 106),
            (fw * 0.30, 122),
            (-fw * 0.10, 134),
            (-fw * 0.55, 142),
            (-fw * 0.80, 158),
            (-fw * 0.935, 210),
        ],
        side,
    )
    top = mirrored(
        [
            (fw * 0.60, 78),
            (fw * 0.22, 56),
            (-fw * 0.30, 56),
            (-fw * 0.78, 80),
            (-fw * 1.02, 126),
            (-fw * 1.0, 208),
        ],
        side,
    )
    small_in = mirrored([(fw * 0.55, 100), (fw * 0.66, 122), (fw * 0.78, 150), (fw * 0.92, 204)], side)
    small_out = mirrored([(fw * 0.54, 74), (fw * 0.82, 88), (fw * 0.99, 124), (fw * 1.0, 202)], side)
    cast_shadow(art, small_in, 6)
    lock(art, small_in, small_out, tone, strands=14, fill=fill, gloss=0.4)
    cast_shadow(art, low, 9)
    lock(art, low, top, tone, strands=30, fill=fill, gloss=0.36)


def quiff_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Brushed up and back at the front, short at the sides."""
    fw, side = face.half_width, face.who.side
    _sides(art, face, tone, out=3.0, density=0.86)
    fill = paint(art, tone, 34, 220)
    edge = mirrored(
        [
            (fw * 0.88, 178),
            (fw * 0.74, 142),
            (fw * 0.35, 130),
            (-fw * 0.20, 132),
            (-fw * 0.70, 142),
            (-fw * 0.88, 182),
        ],
        side,
    )
    crest = mirrored(
        [
            (fw * 1.0, 150),
            (fw * 0.90, 96),
            (fw * 0.46, 54),
            (-fw * 0.22, 48),
            (-fw * 0.80, 84),
            (-fw * 1.0, 152),
        ],
        side,
    )
    cast_shadow(art, edge, 8)
    art.fill(ribbon(edge[::3], crest[::3]), fill)
    dark: list[str] = []
    light: list[str] = []
    shine: list[str] = []
    for k in range(34):
        u = (k + 0.5) / 34
        i = min(int(u * 21), 20)
        (x0, y0), (x1, y1) = edge[i], crest[i]
        lean = 18 * side * math.sin(math.pi * u)
        mid = ((x0 + x1) / 2 + lean, (y0 + y1) / 2 - 6)
        bits = [(x0, y0), mid, (x1 + lean * 0.6, y1 + 4)]
        curve = f"M{num(bits[0][0])} {num(bits[0][1])}Q{num(mid[0])} {num(mid[1])} {num(bits[2][0])} {num(bits[2][1])}"
        (dark, light, dark, shine)[k % 4].append(curve)
    art.stroke("".join(dark), tone.deep, 2.0, 0.42)
    art.stroke("".join(light), tone.light, 1.6, 0.42)
    art.stroke("".join(shine), tone.gloss, 1.8, 0.32)


def buzz_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Clipped close to the skull, with a soft edge."""
    fw = face.half_width
    skin = SKINS[face.who.skin_tone]
    edge = _hairline(fw)
    dome = [p for p in face.outline if p[1] < 268]
    left = sorted((p for p in dome if p[0] <= MIDDLE), key=lambda p: -p[1])
    right = sorted((p for p in dome if p[0] > MIDDLE), key=lambda p: p[1])
    outer = [(MIDDLE + (x - MIDDLE) * 1.018, y - 3) for x, y in left + right]
    colour = mix(tone.base, skin.shade, 0.22)
    art.fill(polygon(edge + [(x, y + 5) for x, y in edge[::-1]]), colour, 0.20)
    stops = [
        (0.0, colour, 0.95),
        (0.58, colour, 0.92),
        (0.80, mix(colour, tone.deep, 0.3), 0.60),
        (1.0, colour, 0.0),
    ]
    art.fill(polygon(outer + edge[::-1]), art.linear((0, 90), (0, 268), stops))
    art.glow((224, 112), 66, 26, tone.gloss, 0.30, -8)
    dots = []
    for k in range(190):
        u, v = _noise(k * 1.37), _noise(k * 2.91 + 7)
        y = 92 + 130 * v
        reach = face.half_width_at(y) * 0.97
        x = MIDDLE + (2 * u - 1) * reach
        if y < _edge_height(edge, x) - 3:
            dots.append(f"M{num(x)} {num(y)}l{num((x - MIDDLE) * 0.012)} 2.6")
    art.stroke("".join(dots), tone.deep, 1.0, 0.38)


def _hairline(fw: float) -> list[Point]:
    """The hairline from temple to temple, left to right, with sideburns."""
    half = [
        (0, 133),
        (fw * 0.40, 135),
        (fw * 0.70, 146),
        (fw * 0.82, 172),
        (fw * 0.88, 212),
        (fw * 0.935, 268),
    ]
    right = mirrored(half, 1, 16)
    return [(2 * MIDDLE - x, y) for x, y in right[:0:-1]] + right


def _noise(k: float) -> float:
    """Deterministic noise in 0..1."""
    return (math.sin(k * 12.9898) * 437.585) % 1


def _edge_height(edge: list[Point], x: float) -> float:
    near = min(edge, key=lambda p: abs(p[0] - x))
    return near[1]


def receding_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Hair at the sides, a bare crown."""
    bald_front(art, face, tone)
    _sides(art, face, tone, out=6.0, density=0.92, start=0.965, top=168.0)


def bald_front(art: Drawing, face: Anatomy, tone: Tone) -> None:
    """Highlights on a bare head."""
    skin = SKINS[face.who.skin_tone]
    art.glow((226, 122), 58, 26, mix(skin.light, "#ffffff", 0.5), 0.55, -10)
    art.glow((214, 114), 20, 9, "#ffffff", 0.34, -14)
    art.glow((MIDDLE + face.half_width * 0.55, 128), 44, 40, skin.shade, 0.4)
