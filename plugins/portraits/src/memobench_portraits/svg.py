"""Collects shapes, soft glows and gradients into an SVG document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from memobench_portraits.curves import Point, num

Stop = tuple[float, str, float]
"""Offset (0 to 1), colour, opacity."""

Box = tuple[float, float, float, float]
"""Left, top, width, height in units."""
CANVAS: Box = (0.0, 0.0, 512.0, 512.0)

_FALL_OFF = ((0.0, 1.0), (0.25, 0.82), (0.5, 0.45), (0.75, 0.13), (1.0, 0.0))


class Drawing:
    """Shapes in painting order, on a canvas of 512 x 512 units.

    Soft edges use gradients that fade out. The rasteriser's blur filters, clip paths and group opacity
    each cost a full-size layer; gradients cost only their own area.
    """

    def __init__(self) -> None:
        self._defs: dict[str, str] = {}
        self._body: list[str] = []

    def _define(self, markup: str) -> str:
        name = self._defs.setdefault(markup, f"g{len(self._defs)}")
        return f"url(#{name})"

    def linear(self, start: Point, end: Point, stops: Sequence[Stop]) -> str:
        """A linear gradient from ``start`` to ``end``, as a paint for `fill`."""
        ends = f'x1="{num(start[0])}" y1="{num(start[1])}" x2="{num(end[0])}" y2="{num(end[1])}"'
        return self._define(
            f'linearGradient id="%" gradientUnits="userSpaceOnUse" {ends}>{_stops(stops)}</linearGradient>'
        )

    def radial(self, centre: Point, radius: float, stops: Sequence[Stop], *, stretch: float = 1.0) -> str:
        """A radial gradient, ``stretch`` times as tall as wide, as a paint for `fill`."""
        place = f'cx="{num(centre[0])}" cy="{num(centre[1])}" r="{num(radius)}"'
        if stretch != 1.0:
            place += f' gradientTransform="matrix(1 0 0 {stretch:.3f} 0 {num(centre[1] * (1 - stretch))})"'
        return self._define(
            f'radialGradient id="%" gradientUnits="userSpaceOnUse" {place}>{_stops(stops)}</radialGradient>'
        )

    def fill(self, path: str, paint: str, opacity: float = 1.0) -> None:
        """Add a filled shape, unless it would be invisible."""
        if opacity > 0.004 and path:
            self._body.append(f'<path d="{path}" fill="{paint}"{_alpha("fill", opacity)}/>')

    def stroke(self, path: str, colour: str, width: float, opacity: float = 1.0) -> None:
        """Add a line of constant width with round ends."""
        if opacity > 0.004 and path:
            self._body.append(
                f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:.2f}" stroke-linecap="round"'
                f' stroke-linejoin="round"{_alpha("stroke", opacity)}/>'
            )

    def ellipse(
        self,
        centre: Point,
        rx: float,
        ry: float,
        paint: str,
        opacity: float = 1.0,
        turn: float = 0.0,
        more: str = "",
    ) -> None:
        """Add a filled ellipse rotated by ``turn`` degrees; ``more`` is extra attributes, each with a leading space."""
        if opacity > 0.004 and rx > 0 and ry > 0:
            turned = f' transform="rotate({num(turn)} {num(centre[0])} {num(centre[1])})"' if turn else ""
            self._body.append(
                f'<ellipse cx="{num(centre[0])}" cy="{num(centre[1])}" rx="{num(rx)}" ry="{num(ry)}"'
                f' fill="{paint}"{_alpha("fill", opacity)}{turned}{more}/>'
            )

    def glow(
        self, centre: Point, rx: float, ry: float, colour: str, opacity: float, turn: float = 0.0
    ) -> None:
        """Add a soft spot of light or shade that fades out at its edge.

        Its edge is invisible, so antialiasing is off to save time.
        """
        stops = _stops([(offset, colour, share) for offset, share in _FALL_OFF])
        self.ellipse(
            centre,
            rx,
            ry,
            self._define(f'radialGradient id="%">{stops}</radialGradient>'),
            opacity,
            turn,
            ' shape-rendering="crispEdges"',
        )

    @contextmanager
    def rotated(self, degrees: float, centre: Point) -> Iterator[None]:
        """Rotate everything drawn inside the block about ``centre``."""
        self._body.append(f'<g transform="rotate({degrees:.2f} {num(centre[0])} {num(centre[1])})">')
        yield
        self._body.append("</g>")

    def text(self, width: int = 512, height: int = 512, box: Box = CANVAS) -> str:
        """The SVG document for the area ``box``, shown at ``width`` x ``height`` pixels."""
        defs = "".join("<" + markup.replace('"%"', f'"{name}"', 1) for markup, name in self._defs.items())
        view = " ".join(f"{value:.6g}" for value in box)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{width}" height="{height}">'
            f"<defs>{defs}</defs>{''.join(self._body)}</svg>"
        )


def _alpha(kind: str, opacity: float) -> str:
    return "" if opacity >= 0.996 else f' {kind}-opacity="{opacity:.2f}"'


def _stops(stops: Sequence[Stop]) -> str:
    return "".join(
        f'<stop offset="{offset:.2f}" stop-color="{colour}"'
        + ("/>" if opacity >= 0.996 else f' stop-opacity="{opacity:.2f}"/>')
        for offset, colour, opacity in stops
    )
