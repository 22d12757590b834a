"""Strength read against true or asked strength, a panel an emotion: counted cells, never a mark for each sample."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import altair as alt

from harness.charts.names import lines
from harness.charts.parts import Rows, titled, tooltips
from harness.charts.theme import COLUMN_WIDTH
from harness.errors import RequestError
from harness.escaping import plain
from harness.results import TaskResult
from harness.types import EMOTIONS

if TYPE_CHECKING:
    from harness.exporting.sample_row import SampleRow

CELLS = 9
"""Most distinct values an axis shows as they are; more are put into as many equal steps."""
_NARROWEST = 140
"""Pixels of a panel with its labels: with less room there are fewer beside each other."""
_BUBBLE = 160
"""Square pixels of the largest bubble."""


def intensity(
    rows: Iterable[SampleRow], *, task: TaskResult | None = None, width: int = COLUMN_WIDTH, columns: int = 3
) -> alt.ConcatChart:
    """Bubbles count samples by true and read strength; lines join the medians, bars hold the middle half of the samples.

    `rows` are the samples of one task and judge; those that have no rating are left out. `task` adds the metric of each
    emotion with its interval. Raises `RequestError` where no row has a rating.
    """
    marks = intensity_rows(rows, task)
    if not marks:
        raise RequestError(
            "No sample has a rating and a true strength.", "Ratings have them: fine_intensity."
        )
    panels = list(dict.fromkeys(mark["panel"] for mark in marks))
    columns = max(1, min(columns, len(panels), width // _NARROWEST))
    side = max(60, (width - 46) // columns - 22)
    counts = [mark["count"] for mark in marks if mark["kind"] == "cell"]
    charts = [
        _panel([mark for mark in marks if mark["panel"] == panel], side, max(counts), first=not k % columns, last=k >= len(panels) - columns,
               generated=task is not None and task.role == "generator")
        for k, panel in enumerate(panels)
    ]  # fmt: skip
    asked = "strength asked for" if task is not None and task.role == "generator" else "true strength"
    who = "" if task is None else f"{plain(task.task)}, {plain(task.judge or task.data.name)}, "
    heading = titled(
        f"Strength read against {asked}",
        f"{who}n {sum(counts)}",
        "Line: medians, with the middle half of the samples; dashes: equal strength",
        width=width,
    )
    described = f"Strength read against {asked} of {sum(counts)} samples, by emotion."
    return alt.concat(*charts, columns=columns, spacing=10, title=heading, description=described)


def _panel(marks: Rows, side: int, most: int, *, first: bool, last: bool, generated: bool) -> alt.LayerChart:
    low, high = marks[0]["from"], marks[0]["to"]
    scale = alt.Scale(domain=[low, high], nice=False, zero=False, padding=8)
    whole = list(range(math.ceil(low), math.floor(high) + 1)) if high - low <= 10 else alt.Undefined
    axis = (
        alt.Axis(values=whole, grid=True, format="~g") if whole is not alt.Undefined else alt.Axis(grid=True)
    )
    x = alt.X(
        "truth:Q", title=("asked for" if generated else "true") if last else None, scale=scale, axis=axis
    )
    y = alt.Y("read:Q", title="read" if first else None, scale=scale, axis=axis)
    size = alt.Size("count:Q", title="samples", scale=alt.Scale(domain=[0, most], range=[0, _BUBBLE]),
                    legend=alt.Legend(values=sorted({1, math.ceil(most / 2), most}), format=",d", columns=3))  # fmt: skip
    base = alt.Chart(alt.InlineData(values=marks))
    counted = tooltips({"emotion": "emotion", "truth": "true", "read": "read", "count": "samples"})
    middle = tooltips({"emotion": "emotion", "truth": "true", "read": "median read", "count": "samples",
                       "quarter": "a quarter is below", "upper": "a quarter is above"})  # fmt: skip
    median = base.transform_filter("datum.kind === 'median'")
    layers = [
        base.transform_filter("datum.kind === 'diagonal'").mark_line(style="reference").encode(x=x, y=y),
        base.transform_filter("datum.kind === 'cell'").mark_point(style="bubble", filled=True).encode(x=x, y=y, size=size, tooltip=counted),
        median.mark_rule(style="interval").encode(x=x, y=alt.Y("quarter:Q", scale=scale), y2=alt.Y2("upper:Q")),
        median.mark_line(style="interval", strokeWidth=1).encode(x=x, y=y),
        median.mark_point(style="value", filled=True, size=30).encode(x=x, y=y, tooltip=middle),
    ]  # fmt: skip
    head = marks[0]["panel"].split("\n")
    title = alt.TitleParams(head[0], subtitle=head[1:], anchor="middle", frame="group", offset=4)
    found: alt.LayerChart = alt.layer(*layers).properties(width=side, height=side, title=title)
    return found


def intensity_rows(rows: Iterable[SampleRow], task: TaskResult | None = None) -> Rows:
    """The marks: counts of cells, medians with quartiles, and the diagonal of each panel."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if isinstance(row.truth, (int, float)) and isinstance(row.answer, (int, float)):
            found.setdefault(row.emotion or "", []).append((float(row.truth), float(row.answer)))
    if not found:
        return []
    order = sorted(
        found, key=lambda name: (EMOTIONS.index(name) if name in EMOTIONS else len(EMOTIONS), name)
    )
    values = [pair for pairs in found.values() for pair in pairs]
    low, high = (end(v for pair in values for v in pair) for end in (min, max))
    high = high if high > low else low + 1
    steps = [_steps([pair[k] for pair in values], low, high) for k in (0, 1)]
    marks: Rows = []
    for emotion in order:
        panel = "\n".join([*lines(emotion or "all", 24), *_measured(task, emotion, len(found[emotion]))])
        common = {"panel": panel, "emotion": plain(emotion), "from": low, "to": high}
        marks += [
            {**common, "kind": "diagonal", "truth": end, "read": end, "count": 0} for end in (low, high)
        ]
        marks += [{**common, **mark} for mark in _cells(found[emotion], steps)]
    return marks


def _measured(task: TaskResult | None, emotion: str, n: int) -> list[str]:
    """What the results say of this emotion, on a line of its own."""
    main = task.primary if task is not None else None
    if task is None or main is None:
        return [f"n {n}"]
    # Within one emotion, a correlation within emotions is the correlation.
    names = (main.name, main.name.removesuffix("_within_emotion"))
    here = [m for m in task.metrics if m.group == {"emotion": emotion} and m.name in names]
    mine = min(here, key=lambda m: names.index(m.name), default=None)
    if mine is None or mine.value is None:
        return [f"n {n}"]
    interval = "" if mine.low is None or mine.high is None else f" [{mine.low:.2f}, {mine.high:.2f}]"
    return [mine.name, f"{mine.value:.2f}{interval}", f"n {mine.n}"]


def _steps(values: Sequence[float], low: float, high: float) -> float:
    """How wide a cell is: 0 where values are few enough to be shown as they are."""
    return 0.0 if len(set(values)) <= CELLS else (high - low) / (CELLS - 1)


def _cells(pairs: Sequence[tuple[float, float]], steps: Sequence[float]) -> Iterable[dict[str, Any]]:
    low = min(min(pair) for pair in pairs)
    placed = [(_at(x, steps[0], low), _at(y, steps[1], low)) for x, y in pairs]
    for (x, y), count in sorted(Counter(placed).items()):
        yield {"kind": "cell", "truth": x, "read": y, "count": count}
    by_truth: dict[float, list[float]] = {}
    for (x, _), (_, read) in zip(placed, pairs, strict=True):
        by_truth.setdefault(x, []).append(read)
    for x, reads in sorted(by_truth.items()):
        quarter, middle, upper = quantiles(reads, n=4, method="inclusive") if len(reads) > 1 else reads * 3
        yield {
            "kind": "median",
            "truth": x,
            "read": middle,
            "quarter": quarter,
            "upper": upper,
            "count": len(reads),
        }


def _at(value: float, step: float, low: float) -> float:
    return value if not step else round((value - low) / step) * step + low
