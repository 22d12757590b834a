"""Parts that charts share: rows with labels of several lines, intervals, titles, and how wide a chart is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from harness.charts.names import SEPARATOR, lines
from harness.charts.theme import SHAPES, Width

Rows = list[dict[str, Any]]

LABEL = f"split(split(datum.label, '{SEPARATOR}')[1], '\\n')"
"""The lines of a row's label, from what identifies the row and its label."""
_HEADING = "#"
"""Begins what identifies a row that heads others."""
_LINE = 13
"""Pixels from line to line of a label."""
STACKED_WIDTH = 320
"""Pixels of what is drawn in panels below each other, where a page would choose it for a single one."""
_AXIS_TITLE = 28
"""Characters of a line of an axis title."""
_SHORT = 10
"""Names of runs up to so many characters stand beside each other in the legend."""
_SUBTITLE, _CHARACTER = 58, 5.4
"""Characters of a line below the title where a page chooses the width, so that a phone shows them; else pixels of one."""


def row_id(number: int, label: str, *, heading: bool = False) -> str:
    """What identifies and names a row: rows of one label stay apart."""
    return f"{_HEADING * heading}{number}{SEPARATOR}{label}"


def row_axis(rows: Sequence[str], *, field: str = "row") -> alt.Y:
    """An axis of named rows, from above, in this order, with a little space for each line of a label."""
    # Labels of several lines begin at the middle of their row: moved up, they are centred.
    offsets = [
        {"test": f"length({LABEL}) === {count}", "value": -_LINE / 2 * (count - 1)} for count in range(2, 7)
    ]
    heading = f"indexof(datum.label, '{_HEADING}') === 0"
    return alt.Y(
        f"{field}:N",
        sort=list(rows),
        title=None,
        axis=alt.Axis(
            labelExpr=LABEL,
            labelLimit=0,
            labelLineHeight=_LINE,
            minExtent=30,
            labelOffset={"condition": offsets, "value": 0},
            labelFontWeight={"condition": {"test": heading, "value": "bold"}, "value": "normal"},
        ),
        scale=alt.Scale(domain=list(rows), paddingInner=0.15, paddingOuter=0.15),
    )


def row_step(rows: Sequence[str], lanes: int = 1) -> alt.Step:
    """The height of a row: room for the lines of its label, and for all its lanes."""
    most = max((row.count("\n") + 1 for row in rows), default=1)
    height = max(_LINE * most + 8, 14 * lanes + 8)
    return alt.Step(height, **{"for": "position"}) if lanes > 1 else alt.Step(height)


def lane(names: Sequence[str]) -> alt.YOffset | None:
    """Where in its row a run is drawn; None where there is one run."""
    if len(names) < 2:
        return None
    return alt.YOffset("lane:N", sort=list(names), scale=alt.Scale(paddingOuter=0.2))


def axis_title(text: str) -> list[str]:
    """A title below an axis, on lines that the narrowest figure has room for."""
    return lines(text, _AXIS_TITLE, most=3)


def on_one_line(names: Sequence[str]) -> str:
    """Names of runs for a sentence."""
    return ", ".join(name.replace("\n", " ") for name in names)


def run_colour(names: Sequence[str]) -> dict[str, Any]:
    """The colour and the shape of runs; nothing where there is one."""
    if len(names) < 2:
        return {}
    shown = list(names)
    shapes = [SHAPES[k % len(SHAPES)] for k in range(len(shown))]
    legend = alt.Legend(
        title=None, columns=2 if max(map(len, shown)) <= _SHORT else 1, labelExpr="split(datum.label, '\\n')"
    )
    return {
        "color": alt.Color("run:N", scale=alt.Scale(domain=shown), legend=legend),
        "shape": alt.Shape("run:N", scale=alt.Scale(domain=shown, range=shapes), legend=legend),
    }


def unlisted(colour: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The colour alone, for marks beside those that the legend shows."""
    scale = alt.Scale(domain=list(names))
    return {"color": alt.Color("run:N", scale=scale, legend=None)} if colour else {}


def tooltips(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """What is shown of a mark: field -> title. Numbers have three decimals, counts none."""
    numbers = {"value", "low", "high", "share", "p", "p_adjusted"}
    return [
        alt.Tooltip(f"{name}:Q", title=title, format=".3f")
        if name in numbers
        else alt.Tooltip(f"{name}:N", title=title)
        for name, title in fields.items()
    ]


def titled(title: str, *subtitles: str, width: Width = "container") -> alt.TitleParams:
    """A title with lines below it, broken where the chart ends."""
    room = _SUBTITLE if width == "container" else max(24, int(width / _CHARACTER))
    below = [part for line in subtitles for part in lines(line, room, most=5) if part]
    above = lines(title, int(room * 0.85))
    return alt.TitleParams(above if len(above) > 1 else title, subtitle=below)


def layered(layers: Sequence[alt.Chart], height: alt.Step, **properties: Any) -> alt.LayerChart:
    """The layers over each other; colours and shapes of each layer have a meaning, and a legend, of their own."""
    found: alt.LayerChart = (
        alt.layer(*layers)
        .resolve_scale(shape="independent", color="independent")
        .properties(height=height, **properties)
    )
    return found


def finished(
    layers: Sequence[alt.Chart], height: alt.Step, width: Width, title: alt.TitleParams, description: str
) -> alt.LayerChart:
    """The layers, as wide as asked with everything in it, titled, and described for those who cannot see them."""
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    return layered(layers, height, width=width, title=title, description=description, autosize=fit)


def stacked(
    panels: Sequence[alt.LayerChart], width: Width, description: str, title: alt.TitleParams | None = None
) -> alt.VConcatChart:
    """Panels below each other. `width` is that of what is drawn, without labels: only single panels fit a page."""
    inner = STACKED_WIDTH if width == "container" else width
    heading = {} if title is None else {"title": title}
    found: alt.VConcatChart = alt.vconcat(
        *(panel.properties(width=inner) for panel in panels), description=description, spacing=18, **heading
    )
    return found
