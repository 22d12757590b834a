"""The ladder: the primary metric of each task from coarse to nuance, against the best baseline and people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from harness.charts.names import (
    EntryKey,
    entry_names,
    in_order,
    key_of,
    label,
    metric_label,
    rows_in,
    run_names,
)
from harness.charts.parts import (
    Rows,
    axis_title,
    finished,
    lane,
    layered,
    on_one_line,
    row_axis,
    row_id,
    row_step,
    run_colour,
    stacked,
    titled,
    tooltips,
    unlisted,
)
from harness.charts.theme import Width
from harness.records import Interval
from harness.results import Results, TaskResult

BASELINE, PERSON, AGAINST = (
    "best baseline",
    "one person, against the others",
    "model, against the same people",
)
_REFERENCES = {BASELINE: "M-0.12,-1H0.12V1H-0.12Z", PERSON: "diamond", AGAINST: "triangle-up"}
_SHARE, _OTHER = "share", "other"


def ladder(results: Sequence[Results], *, width: Width = "container") -> alt.LayerChart | alt.VConcatChart:
    """One row a task, coarse to nuance, with a mark and its interval for each run.

    Metrics that lie between -1 and 1, more being better, share an axis; any other one has an axis of its own below.
    """
    names = run_names(results)
    rows = ladder_rows(results)
    panels = {
        panel: [r for r in rows if r["panel"] == panel] for panel in dict.fromkeys(r["panel"] for r in rows)
    }
    charts = [_panel(found, names) for found in panels.values()] or [_panel([], names)]
    single = f", {on_one_line(names)}" if len(names) == 1 else ""
    title = titled(
        "Primary metric of each task", f"95% intervals{single}; n samples in clusters", width=width
    )
    described = f"Primary metric of each task with 95% intervals, for {on_one_line(names)}."
    if len(charts) == 1:
        return finished(*charts[0], width, title, described)
    return stacked([layered(*chart) for chart in charts], width, described, title)


def ladder_rows(results: Sequence[Results]) -> Rows:
    """The numbers of the ladder, as they stand in the results: a row for each mark."""
    names = run_names(results)
    tasks = in_order([task for found in results for task in found.tasks if task.primary is not None])
    shown = entry_names(list(dict.fromkeys(map(key_of, tasks))))
    labels = {key: row_id(k, _row_label(key, shown, tasks)) for k, key in enumerate(shown)}
    return [
        {"run": name, "entry": shown[key_of(task)], "row": labels[key_of(task)], **mark}
        for name, found in zip(names, results, strict=True)
        for task in in_order(found.tasks)
        for mark in _marks(task, name)
    ]


def _row_label(key: EntryKey, shown: dict[EntryKey, str], tasks: Sequence[TaskResult]) -> str:
    mine = [task.primary for task in tasks if key_of(task) == key and task.primary is not None]
    counts = sorted({metric.n for metric in mine})
    n = rows_in(mine[0].n, mine[0].clusters) if len(counts) == 1 else f"n {counts[0]} to {counts[-1]}"
    return label(shown[key], f"{metric_label(mine[0])}, {n}")


def _marks(task: TaskResult, run: str) -> Iterator[dict[str, Any]]:
    main = task.primary
    if main is None:
        return
    bounded = main.direction != "lower" and all(
        v is None or abs(v) <= 1 for v in (main.value, main.low, main.high)
    )
    common = {"panel": _SHARE if bounded else f"{main.name} {_OTHER}", "metric": metric_label(main), "task": task.task,
              "data": task.data.name, "judge": task.judge or "", "answer_mode": task.answer_mode, "lane": run}  # fmt: skip
    yield {
        **common,
        "kind": "value",
        "n": rows_in(main.n, main.clusters),
        "method": main.method or "",
        **_numbers(main),
    }
    best = task.best_baseline
    if best is not None:
        what = best.name + (f", {best.fitted}" if best.fitted else "")
        yield {
            **common,
            "kind": BASELINE,
            "value": best.value,
            "low": None,
            "high": None,
            "n": rows_in(best.n or main.n, best.clusters),
            "method": what,
        }
    ceiling = task.people.ceiling if task.people else None
    if ceiling is not None and ceiling.value is not None and ceiling.metric:
        people = {
            **common,
            "metric": ceiling.metric,
            "n": f"{ceiling.samples} samples, {ceiling.raters} raters",
            "lane": f"{run}: people",
        }
        yield {**people, "kind": PERSON, "method": ceiling.method, **_numbers(ceiling)}
        if ceiling.judge is not None:
            yield {**people, "kind": AGAINST, "method": ceiling.method, **_numbers(ceiling.judge)}


def _numbers(found: Interval) -> dict[str, float | None]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _panel(rows: Rows, names: Sequence[str]) -> tuple[list[alt.Chart], alt.Step]:
    order = list(dict.fromkeys(row["row"] for row in rows))
    lanes = [
        name for run in names for name in (run, f"{run}: people") if any(row["lane"] == name for row in rows)
    ]
    metrics = sorted({row["metric"] for row in rows if row["kind"] == "value"})
    shared = bool(rows) and rows[0]["panel"] == _SHARE
    ends = [v for row in rows for v in (row["value"], row["low"], row["high"]) if v is not None]
    # Without any value there is nothing that an axis could be made for.
    domain = [min(0.0, *ends, 0.0), 1.0] if shared or not ends else alt.Undefined
    x = alt.X(
        "value:Q",
        title=axis_title(metrics[0] if len(metrics) == 1 else "higher is better"),
        scale=alt.Scale(domain=domain, nice=not shared, zero=True),
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=row_axis(order))
    offset = lane(lanes)
    if offset is not None:
        base = base.encode(yOffset=offset)
    tips = tooltips({"entry": "task", "run": "run", "metric": "metric", "kind": "what", "value": "value", "low": "95% from", "high": "95% to",
                     "n": "n", "answer_mode": "answer mode", "method": "method"})  # fmt: skip
    colour = run_colour(names)
    values, others = "datum.kind === 'value'", "datum.kind !== 'value'"
    spans = {"x": alt.X("low:Q"), "x2": alt.X2("high:Q")}
    known = [kind for kind in _REFERENCES if any(row["kind"] == kind for row in rows)]
    references = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=known, range=[_REFERENCES[k] for k in known]),
        # An empty legend is endlessly high.
        legend=alt.Legend(title=None, columns=1) if known else None,
    )
    layers = [
        base.transform_filter(others).mark_rule(style="reference", strokeDash=[1, 0]).encode(**spans),
        base.transform_filter(values).mark_rule(style="interval").encode(**spans, **unlisted(colour, names)),
        base.transform_filter(others)
        .mark_point(style="baseline", filled=True, size=70, opacity=1)
        .encode(x=x, shape=references, tooltip=tips),
        base.transform_filter(values)
        .mark_point(style="value", filled=True, size=55)
        .encode(x=x, tooltip=tips, **colour),
    ]
    return layers, row_step(order, len(lanes))
