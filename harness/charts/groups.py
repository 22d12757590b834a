"""Forest plots: the primary metric of each group against all rows, and the gap between positive and negative emotions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from harness.charts.names import entry_names, in_order, key_of, label, metric_label, rows_in, run_names
from harness.charts.parts import (
    Rows,
    axis_title,
    finished,
    lane,
    on_one_line,
    row_axis,
    row_id,
    row_step,
    run_colour,
    titled,
    tooltips,
    unlisted,
)
from harness.charts.theme import Width
from harness.errors import RequestError, unknown
from harness.results import HypothesisTest, MetricValue, Results, TaskResult

VALENCE_GAP = "valence_gap"


def groups(task: TaskResult, column: str | None = None, *, width: Width = "container") -> alt.LayerChart:
    """A row for each group below the heading of its column, which says the corrected p of the test between its groups.

    The band is the value on all rows with its interval. Raises `RequestError` where the task has no groups, and
    `UnknownName` for a column without any.
    """
    rows = group_rows(task, column)
    main = task.primary
    assert main is not None, "groups are of the primary metric"
    order = list(dict.fromkeys(row["row"] for row in rows))
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=row_axis(order))
    name = metric_label(main)
    x = alt.X("value:Q", title=axis_title(name), scale=alt.Scale(zero=False, nice=True))
    tips = tooltips({"column": "column", "group": "group", "value": name, "low": "95% from", "high": "95% to", "n": "n", "method": "method"})  # fmt: skip
    overall = alt.Chart(
        alt.InlineData(values=[{"value": main.value, "low": main.low, "high": main.high, "group": "all"}])
    )
    spans = {"x": alt.X("low:Q"), "x2": alt.X2("high:Q")}
    layers = [
        overall.mark_rect(style="band").encode(**spans),
        overall.mark_rule(style="reference").encode(x=x, tooltip=tooltips({"group": "group", "value": name, "low": "95% from", "high": "95% to"})),
        base.transform_filter("datum.group !== ''").mark_rule(style="interval").encode(**spans),
        base.transform_filter("datum.group !== ''").mark_point(style="value", filled=True, size=55).encode(x=x, tooltip=tips),
    ]  # fmt: skip
    count = base.transform_filter("datum.group !== ''").mark_text(style="note", align="left", dx=6)
    layers.append(count.encode(x=alt.value("width"), text="n:N"))
    who = f", judge {task.judge}" if task.judge else ""
    title = titled(
        f"{task.task}: {name} by group",
        f"95% intervals; band: all {rows_in(main.n, main.clusters)}; p: Holm-corrected",
        f"{task.data.name}{who}",
        width=width,
    )
    return finished(
        layers, row_step(order), width, title, f"{name} of {task.task} in each group, with 95% intervals."
    )


def group_columns(task: TaskResult) -> dict[str, list[MetricValue]]:
    """The primary metric's values by column; a crossing is a column."""
    main = task.primary
    found: dict[str, list[MetricValue]] = {}
    for metric in task.metrics:
        if main is not None and metric.group and metric.name == main.name:
            found.setdefault(" \N{MULTIPLICATION SIGN} ".join(metric.group), []).append(metric)
    return found


def group_rows(task: TaskResult, column: str | None = None) -> Rows:
    """A row for the heading of each column, its test included, and one for each group."""
    found = group_columns(task)
    if not found:
        raise RequestError(
            f"{task.task} has no groups.", "Score with more columns: harness score RUN --group-by COLUMN"
        )
    if column is not None:
        if column not in found:
            raise unknown("group", column, found)
        found = {column: found[column]}
    rows: Rows = []
    for name, values in found.items():
        test = _test(task, name)
        p = "not tested" if test is None else f"p\N{NO-BREAK SPACE}{_probability(test.p_adjusted)}"
        rows.append(_row(row_id(len(rows), label(f"{name}: {p}"), heading=True), name, None, test))
        for value in values:
            group = ", ".join(value.group.values())
            named = row_id(len(rows), label(group))
            rows.append(_row(named, name, value, test) | {"group": group})
    return rows


def _row(row: str, column: str, value: MetricValue | None, test: HypothesisTest | None) -> dict[str, Any]:
    numbers = {name: getattr(value, name, None) for name in ("value", "low", "high")}
    return {"row": row, "column": column, "group": "", **numbers,
            "n": "" if value is None else rows_in(value.n, value.clusters), "method": "" if value is None else value.method or "",
            "p": test.p if test else None, "p_adjusted": test.p_adjusted if test else None}  # fmt: skip


def _test(task: TaskResult, column: str) -> HypothesisTest | None:
    main = task.primary
    return next((t for t in task.tests if main is not None and t.name == f"{main.name} by {column}"), None)


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def valence_gap(results: Sequence[Results], *, width: Width = "container") -> alt.LayerChart:
    """The gap of each task and run, positive minus negative emotions, with its interval and corrected p.

    Raises `RequestError` where no task has one.
    """
    names = run_names(results)
    rows = valence_rows(results)
    if not rows:
        raise RequestError(
            f"No task of these runs has the metric {VALENCE_GAP}.", "See `harness list metrics`."
        )
    order = list(dict.fromkeys(row["row"] for row in rows))
    lanes = [name for name in names if any(row["run"] == name for row in rows)]
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=row_axis(order))
    offset = lane(lanes)
    if offset is not None:
        base = base.encode(yOffset=offset)
    colour = run_colour(lanes)
    x = alt.X(
        "value:Q",
        title=axis_title("accuracy, positive minus negative emotions"),
        scale=alt.Scale(nice=True, zero=True),
    )
    tips = tooltips({"entry": "task", "run": "run", "value": "gap", "low": "95% from", "high": "95% to", "p_adjusted": "p (Holm)",
                     "n": "n", "method": "method"})  # fmt: skip
    zero = alt.Chart(alt.InlineData(values=[{"value": 0}])).mark_rule(style="reference").encode(x=x)
    layers = [
        zero,
        base.mark_rule(style="interval").encode(
            x=alt.X("low:Q"), x2=alt.X2("high:Q"), **unlisted(colour, lanes)
        ),
        base.mark_point(style="value", filled=True, size=55).encode(x=x, tooltip=tips, **colour),
    ]
    single = on_one_line(names) if len(names) == 1 else ""
    title = titled(
        "Valence gap",
        f"95% intervals; above 0, positive emotions do better{', ' + single if single else ''}",
        width=width,
    )
    described = f"Valence gap of each task with 95% intervals, for {on_one_line(names)}."
    return finished(layers, row_step(order, len(lanes)), width, title, described)


def valence_rows(results: Sequence[Results]) -> Rows:
    """The gaps, as they stand in the results."""
    names = run_names(results)
    found = [
        (name, task, metric)
        for name, run in zip(names, results, strict=True)
        for task in in_order(run.tasks)
        for metric in task.metrics
        if metric.name == VALENCE_GAP and not metric.group and metric.value is not None
    ]
    shown = entry_names(list(dict.fromkeys(key_of(task) for _, task, _ in found)))
    number = {key: k for k, key in enumerate(shown)}
    rows: Rows = []
    for name, task, metric in found:
        key = key_of(task)
        test = next((t for t in task.tests if t.name == VALENCE_GAP), None)
        p = f"p\N{NO-BREAK SPACE}{_probability(test.p_adjusted)}" if test and len(results) == 1 else ""
        n = rows_in(metric.n, metric.clusters)
        rows.append({"row": row_id(number[key], label(shown[key], ", ".join(filter(None, (n, p))))), "entry": shown[key],
                     "run": name, "lane": name, "value": metric.value, "low": metric.low, "high": metric.high, "n": n,
                     "method": metric.method or "", "p": test.p if test else None, "p_adjusted": test.p_adjusted if test else None})  # fmt: skip
    # One label a row, whatever differs between runs.
    first = {row["entry"]: row["row"] for row in reversed(rows)}
    return [row | {"row": first[row["entry"]]} for row in rows]
