"""The leaderboard: a point with its interval for each model, and the ranks that tests leave open."""

from __future__ import annotations

import altair as alt

from harness.charts.names import label, rows_in
from harness.charts.parts import (
    Rows,
    axis_title,
    finished,
    layered,
    row_axis,
    row_id,
    row_step,
    stacked,
    titled,
    tooltips,
)
from harness.charts.theme import Width
from harness.errors import RequestError
from harness.escaping import plain
from harness.ranking.records import BoardColumn, BoardTable, BoardValue, Leaderboard

_LABELS = 90
"""Pixels that labels take beside what is drawn, at least."""


def leaderboard(
    board: Leaderboard | BoardTable, *, width: Width = "container"
) -> alt.LayerChart | alt.VConcatChart:
    """A panel for each column of each table, its models best first; those that are not ranked last, hollow.

    Raises `RequestError` where the leaderboard is empty.
    """
    tables = board.tables if isinstance(board, Leaderboard) else [board]
    panels = [(table, k) for table in tables for k in range(len(table.columns))]
    if not panels:
        raise RequestError("The leaderboard is empty.", "Name folders that hold finished runs.")
    if len(panels) == 1:
        layers, step, title, described = _panel(*panels[0], width)
        return finished(layers, step, width, title, described)
    beside: Width = "container" if width == "container" else width + _LABELS
    found = [_panel(*panel, beside) for panel in panels]
    described = "Primary metrics of models, with 95% intervals and the ranks that tests leave open"
    return stacked([layered(layers, step, title=title) for layers, step, title, _ in found], width, described)


def column_name(column: BoardColumn) -> str:
    """What a column is about, on one line."""
    parts = [f"{column.task} v{column.version}", column.data]
    parts += [f"judge {column.judge}"] if column.judge else []
    parts += [f"prompt {column.prompt_variant}"] if column.prompt_variant else []
    return plain(" \N{MIDDLE DOT} ".join([*parts, column.answer_mode]))


def board_rows(table: BoardTable, number: int) -> Rows:
    """The numbers of a column, as they stand in the leaderboard: ranked models first, best first."""
    column = table.columns[number]
    sign = 1 if column.direction == "lower" else -1
    found = [
        (row, value)
        for row in table.rows
        if (value := row.values[number]) is not None and value.value is not None
    ]
    found.sort(key=lambda pair: (pair[1].best is None, sign * (pair[1].value or 0.0)))
    rows: Rows = []
    for place, (row, value) in enumerate(found):
        rows.append({"row": row_id(place, label(row.label, rows_in(value.n, value.clusters))), "model": plain(row.label), "run": plain(value.run),
                     "value": value.value, "low": value.low, "high": value.high, "n": rows_in(value.n, value.clusters),
                     "best": value.best, "worst": value.worst, "ranks": ranks(value), "ranked": value.best is not None, "marks": plain("; ".join(value.marks)),
                     "method": value.method or ""})  # fmt: skip
    return rows


def ranks(value: BoardValue) -> str:
    """The ranks that a value may have: "2", "1-3", or that it is not ranked."""
    if value.best is None or value.worst is None:
        return "not ranked"
    return f"{value.best}" if value.best == value.worst else f"{value.best}\N{EN DASH}{value.worst}"


def _panel(
    table: BoardTable, number: int, width: Width
) -> tuple[list[alt.Chart], alt.Step, alt.TitleParams, str]:
    """Layers, height of a row, title and description."""
    column, rows = table.columns[number], board_rows(table, number)
    order = [row["row"] for row in rows]
    name = f"{column.metric} (lower is better)" if column.direction == "lower" else column.metric
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=row_axis(order))
    x = alt.X("value:Q", title=axis_title(name), scale=alt.Scale(zero=False, nice=True))
    tips = tooltips({"model": "model", "run": "run", "value": name, "low": "95% from", "high": "95% to", "ranks": "ranks", "n": "n",
                     "marks": "not ranked because", "method": "method"})  # fmt: skip
    points = base.mark_point(style="value", size=55)
    layers = [
        base.mark_rule(style="interval").encode(x=alt.X("low:Q"), x2=alt.X2("high:Q")),
        base.transform_filter("datum.ranked")
        .mark_point(style="value", size=55, filled=True)
        .encode(x=x, tooltip=tips),
        points.transform_filter("!datum.ranked").encode(x=x, tooltip=tips),
        base.mark_text(style="note", align="left", dx=6).encode(x=alt.value("width"), text="ranks:N"),
    ]
    tested = (
        f"Right: ranks that tests leave open ({column.pairs} pairs, Holm)"
        if column.pairs
        else "No pair of models was tested"
    )
    title = titled(column_name(column), f"95% intervals. {tested}", width=width)
    described = f"{name} of {len(rows)} models on {column_name(column)}, with 95% intervals."
    return layers, row_step(order), title, described
