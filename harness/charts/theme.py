"""The look of every chart: colours by role, for light pages, dark pages and paper; and the extra that charts need.

Marks name a style, never a colour. `config` says what the styles look like, so that a page changes its theme without
another specification. Colours are told apart with every common kind of colour blindness (after Okabe and Ito), and runs
differ in shape as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import MissingPackage, unknown
from harness.escaping import xml_text
from harness.installing import install_extra, is_importable

if TYPE_CHECKING:
    import altair as alt

Theme = Literal["light", "dark"]
Width = int | Literal["container"]
"""Pixels of the whole chart, axis labels included; or as wide as the element of the page that holds it."""
COLUMN_WIDTH = 454
"""Pixels, 160 mm at 72 a inch: the width of a page of text."""
INSTALL = install_extra("report")

_ROLES: dict[Theme, dict[str, str]] = {
    "light": {
        "text": "#1b1f24",
        "muted": "#57606a",
        "rule": "#8c959f",
        "grid": "#e4e8ec",
        "faint": "#0072B2",
    },
    "dark": {"text": "#e8ebef", "muted": "#a3adb8", "rule": "#76818d", "grid": "#2d343c", "faint": "#56B4E9"},
}
_RUNS: dict[Theme, list[str]] = {
    "light": ["#0072B2", "#C2500A", "#00805C", "#A9467F", "#8A6A00", "#2F77BF", "#5B4FA3", "#555555"],
    "dark": ["#56B4E9", "#F28E2B", "#3CC79A", "#E39AC6", "#E5CF4A", "#8FB8FF", "#B3A6F5", "#BDBDBD"],
}
_RAMP: dict[Theme, list[str]] = {
    "light": ["#f4f8fc", "#bcd7ec", "#5c9fd0", "#1c5f99", "#0a3560"],
    "dark": ["#1a2129", "#1b3b5a", "#2d6594", "#73afe3", "#d3e9fd"],
}
BACKGROUNDS: dict[Theme, str] = {"light": "#ffffff", "dark": "#0d1117"}
"""Behind figures; pages have their own."""
SHAPES = [
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "triangle-right",
    "triangle-left",
]
"""Of runs, in the order of their colours."""
_SEPARATORS = re.compile("[\u2028\u2029]")


def require_report() -> None:
    """Raise `MissingPackage` where the extra `report` is not installed."""
    for module, package in (("altair", "altair"), ("vl_convert", "vl-convert-python")):
        if not is_importable(module):
            raise MissingPackage("A chart", package, INSTALL)


def config(theme: Theme = "light", *, font_size: float = 11) -> dict[str, Any]:
    """The Vega-Lite configuration of a theme; `font_size` in pixels. Raises `UnknownName` for another theme."""
    if theme not in _ROLES:
        raise unknown("theme", theme, _ROLES)
    role, runs = _ROLES[theme], _RUNS[theme]
    text = {"labelColor": role["text"], "titleColor": role["muted"], "labelFontSize": font_size,
            "titleFontSize": font_size, "titleFontWeight": "normal", "labelLimit": 0, "titleLimit": 0}  # fmt: skip
    return {
        "background": None,
        "font": "Helvetica, Arial, Liberation Sans, sans-serif",
        "padding": 4,
        "view": {"stroke": None},
        "title": {"anchor": "start", "frame": "bounds", "color": role["text"], "fontSize": font_size + 1, "fontWeight": "bold", "limit": 0,
                  "subtitleColor": role["muted"], "subtitleFontSize": font_size, "subtitlePadding": 3, "offset": 8},
        "axis": {**text, "domainColor": role["rule"], "tickColor": role["rule"], "gridColor": role["grid"], "labelPadding": 4},
        "axisX": {"labelFlush": False, "labelOverlap": "greedy", "labelSeparation": 6, "tickCount": 5},
        "axisY": {"domain": False, "ticks": False, "grid": False},
        "legend": {**text, "orient": "bottom", "direction": "horizontal", "columns": 2, "layout": {"bottom": {"direction": "vertical", "anchor": "start", "margin": 4}}, "symbolSize": 55, "symbolStrokeWidth": 1.2,
                   "rowPadding": 3, "columnPadding": 14, "offset": 8},
        "header": {**text, "titleFontSize": font_size, "labelFontWeight": "bold"},
        "range": {"category": runs, "heatmap": _RAMP[theme], "ramp": _RAMP[theme], "ordinal": _RAMP[theme], "symbol": SHAPES},
        "rule": {"color": role["rule"]},
        "text": {"color": role["text"], "fontSize": font_size - 1},
        "style": {
            "value": {"color": runs[0], "opacity": 1},
            "interval": {"color": runs[0], "strokeWidth": 1.6, "opacity": 1},
            "baseline": {"color": role["text"], "strokeWidth": 1.6},
            "reference": {"color": role["rule"], "strokeWidth": 1, "strokeDash": [4, 3]},
            "band": {"color": role["rule"], "opacity": 0.16},
            "bubble": {"fill": role["faint"], "fillOpacity": 0.28, "stroke": None},
            "note": {"color": role["muted"], "fontSize": font_size - 1},
            "strong-cell": {"color": "#ffffff" if theme == "light" else "#000000", "fontSize": font_size - 1},
            "weak-cell": {"color": "#000000" if theme == "light" else "#ffffff", "fontSize": font_size - 1},
        },
    }  # fmt: skip


def as_spec(chart: alt.TopLevelMixin, theme: Theme | None = None) -> dict[str, Any]:
    """The chart in Vega-Lite. Without a theme it has no configuration: whoever shows it adds `config(...)`."""
    spec: dict[str, Any] = _writable(chart.to_dict())
    spec.pop("config", None)
    return spec if theme is None else {**spec, "config": config(theme)}


def _writable(value: Any) -> Any:
    """The value with texts that any file can hold: those of a run may have control characters and lone surrogates."""
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    # The expressions of Vega hold texts, and no separators of lines and paragraphs in them.
    return _SEPARATORS.sub(" ", xml_text(value)) if isinstance(value, str) else value
