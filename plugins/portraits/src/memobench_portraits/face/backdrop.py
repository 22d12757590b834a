"""The backdrop: a softly lit wall without hard edges, so it can be rendered small and enlarged."""

from __future__ import annotations

from memobench_portraits.colours import SCHEMES, mix
from memobench_portraits.identity import Identity
from memobench_portraits.svg import Drawing


def backdrop(who: Identity) -> Drawing:
    """The wall behind ``who``, lit from the upper left, with faint out-of-focus shapes."""
    scheme = SCHEMES[who.scheme]
    art = Drawing()
    wall = [
        (0.0, mix(scheme.lit, "#ffffff", 0.25), 1.0),
        (0.45, mix(scheme.lit, scheme.dim, 0.30), 1.0),
        (1.0, mix(scheme.dim, "#20202a", 0.12), 1.0),
    ]
    art.fill("M0 0H512V512H0Z", art.radial((150, 130), 520, wall))
    art.glow((420, 90), 190, 190, mix(scheme.dim, scheme.accent, 0.35), 0.42)
    art.glow((60, 440), 210, 170, mix(scheme.dim, scheme.cloth, 0.4), 0.40)
    for k in range(4):
        u, v = (0.618034 * (k + who.seed % 13)) % 1, (0.754878 * (k + who.seed % 17)) % 1
        art.glow((512 * u, 360 * v), 46 + 40 * v, 46 + 40 * v, mix(scheme.lit, "#ffffff", 0.5), 0.26)
    art.glow((256, 280), 215, 250, mix(scheme.dim, "#101018", 0.45), 0.34)
    return art
