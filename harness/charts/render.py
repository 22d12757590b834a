"""Charts as files: SVG and PDF whose texts stay texts, and PNG, at a width in millimetres. No network is used."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath

import altair as alt
import vl_convert

from harness.charts.theme import BACKGROUNDS, Theme, as_spec
from harness.errors import BadOption

SUFFIXES = (".svg", ".pdf", ".png")
VEGA_LITE = "6.4"
"""The version of Vega-Lite that vl-convert bundles, of those that Altair 6 writes."""
PIXELS_PER_MM = 72 / 25.4 * 11 / 8
"""Charts are laid out in so many pixels a millimetre: their text of 11 pixels is then 8 points high on paper."""
NARROWEST, WIDEST = 50, 1000
"""Millimetres."""
_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
_TRIES, _NEAR = 4, 1.0


def check_output(path: PurePath, width: float) -> None:
    """Raise `BadOption` for a suffix or a width that figures cannot have."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadOption(f"{str(path)!r} names no format of a figure.", f"Formats: {', '.join(SUFFIXES)}.")
    if not NARROWEST <= width <= WIDEST:
        raise BadOption(
            f"A figure cannot be {width:g} mm wide.", f"Widths: {NARROWEST} to {WIDEST} mm; 80 is a column, 160 a page."
        )  # fmt: skip


def render(
    build: Callable[[int], alt.TopLevelMixin], suffix: str, *, width: float = 160, ppi: float = 300, theme: Theme = "light"
) -> bytes:  # fmt: skip
    """The chart that `build` makes for a width in pixels, in a format of `SUFFIXES`, `width` millimetres wide.

    `ppi` are the pixels per inch of a PNG.
    """
    svg, pixels, height = _laid_out(build, round(width * PIXELS_PER_MM), theme)
    if suffix == ".svg":
        return _sized(svg, f"{width:g}mm", f"{height * width / pixels:.2f}mm").encode()
    points = width * 72 / 25.4
    if suffix == ".pdf":
        # A pixel becomes a point.
        found: bytes = vl_convert.svg_to_pdf(_sized(svg, f"{points:.3f}", f"{height * points / pixels:.3f}"))
        return found
    image: bytes = vl_convert.svg_to_png(svg, scale=points / pixels, ppi=ppi)
    return image


def _laid_out(
    build: Callable[[int], alt.TopLevelMixin], wanted: int, theme: Theme
) -> tuple[str, float, float]:
    """The SVG with its width and height in pixels. Charts of several panels come near the width by trying."""
    asked, best = wanted, ("", 0.0, 0.0)
    for _ in range(_TRIES):
        spec = as_spec(build(max(80, asked)), theme)
        spec["config"]["background"] = BACKGROUNDS[theme]
        svg: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
        size = _SIZE.search(svg)
        assert size is not None, "an SVG says how large it is"
        best = (svg, float(size[1]), float(size[2]))
        if abs(best[1] - wanted) <= _NEAR or asked < 80:
            break
        asked += round(wanted - best[1])
    return best


def _sized(svg: str, width: str, height: str) -> str:
    return _SIZE.sub(f'width="{width}" height="{height}"', svg, count=1)
