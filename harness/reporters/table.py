"""Results as tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.components.reporter import Reporter
from harness.escaping import plain
from harness.reporters import formatting
from harness.results import BOUND, COUNT, ConfusionMatrix, MetricValue, Results, TaskResult

LEGEND = "* the primary metric; `harness list metrics` explains metrics"
CLUSTERS = "n in c: n rows of c people, prompts or pairs, the units of resampling"
BOUNDS = f"NAME{BOUND}: NAME with each unparsed reply as an unfavourable answer"


class TableReporter(Reporter):
    """Tables by rich; every text is shown literally, markup and control codes included."""

    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        stream = io.StringIO()
        console = Console(
            file=stream,
            width=width,
            force_terminal=color,
            color_system="standard" if color else None,
            highlight=False,
            emoji=False,
        )
        run = results.run
        console.print(Text(plain(run.name), style="bold"))
        release = f", release {plain(run.release)}" if run.release else ""
        console.print(Text(f"model {plain(run.model)}{release}" + ("" if run.complete else "  (incomplete)")))
        for note in run.notes:
            console.print(Text(f"note: {plain(note)}", style="yellow"))
        for task in results.tasks:
            console.print(Group(*_task(task)))
        console.print(Group(*_across_tasks(results, width)))
        values = [m for task in results.tasks for m in task.metrics]
        bounded = any(m.name.endswith(BOUND) for m in values)
        clustered = any(formatting.rows(m) != str(m.n) for m in values)
        legend = [LEGEND, *[CLUSTERS] * clustered, *[BOUNDS] * bounded]
        console.print(Text("\n" + "\n".join(legend), style="dim"))
        return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


_GAP = 3
"""Characters between two columns."""


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    # Long words are broken where the terminal is narrow, never cut off.
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _across_tasks(results: Results, width: int) -> Iterator[RenderableType]:
    """What sums up several tasks, prompt variants or data sets."""
    for name, rows in formatting.across_tasks(results):
        yield Padding(_plain_table((name, *formatting.COLUMNS[name]), rows), (1, 0, 0, 0))
    for note in formatting.transfer_notes(results):
        yield Text(f"  note: {plain(note)}", style="yellow")
    columns, rows = formatting.summary(results)
    if rows:
        yield Padding(_plain_table(columns, rows, width), (1, 0, 0, 0))


def _cell(value: object) -> Text:
    return Text(plain(value))


def _task(task: TaskResult) -> Iterator[RenderableType]:
    yield Text()
    yield Text(plain(formatting.title(task)), style="bold")
    yield Text(formatting.counts(task))
    table = _table("metric", "value", "95% interval", "n", "baselines")
    for metric in formatting.overall(task):
        cells = (
            metric.name + (" *" if metric.primary else ""),
            formatting.metric_number(metric),
            formatting.interval(metric),
            formatting.rows(metric),
            formatting.baselines(task, metric.name),
        )
        table.add_row(*map(_cell, cells))
    yield Padding(table, (1, 0, 0, 2))
    for column, values in formatting.grouped(task):
        yield Padding(_grouped(column, values), (1, 0, 0, 2))
    if task.confusion:
        yield Padding(_confusion(task.confusion), (1, 0, 0, 2))
    for name, rows in formatting.within_task(task):
        yield Padding(_plain_table((name, *formatting.COLUMNS[name]), rows), (1, 0, 0, 2))
    if task.unparsed_reasons:
        shown = "; ".join(f"{count} {reason}" for reason, count in list(task.unparsed_reasons.items())[:5])
        yield Text(f"  unparsed: {plain(shown)}")
    assumed = formatting.assumed(task)
    if assumed:
        yield Text(f"  assumed settings: {plain(', '.join(assumed))}", style="dim")
    for warning in task.warnings:
        yield Text(f"  note: {plain(warning)}", style="yellow")


def _grouped(column: str, values: list[tuple[str, list[MetricValue]]]) -> Table:
    names = list(dict.fromkeys(m.name for _, metrics in values for m in metrics))
    counts = {m.name for _, metrics in values for m in metrics if m.method == COUNT}
    headers = [h for name in names for h in ((name,) if name in counts else (name, "95% interval"))]
    table = _table(f"by {plain(column)}", *headers, "n")
    for value, metrics in values:
        by_name = {m.name: m for m in metrics}
        cells: list[object] = [value]
        for name in names:
            metric = by_name.get(name)
            cells.append(formatting.metric_number(metric) if metric else formatting.number(None))
            if name not in counts:
                cells.append(formatting.interval(metric) if metric else "")
        table.add_row(*map(_cell, (*cells, "/".join(dict.fromkeys(map(formatting.rows, metrics))))))
    return table


def _plain_table(columns: tuple[str, ...], rows: list[tuple[str, ...]], width: int = 0) -> Table:
    """A table without columns that are empty in every row; words stay whole if they fit into `width`."""
    kept = [k for k in range(len(columns)) if any(row[k] not in formatting.EMPTY for row in rows)]
    cells = [[columns[k] for k in kept], *([row[k] for k in kept] for row in rows)]
    table = _table(*cells[0])
    words = [max(len(word) for row in cells for word in row[k].split() or [""]) for k in range(len(kept))]
    spare = width - sum(words) - _GAP * (len(words) - 1)
    if spare >= 0:
        # Rich shrinks the widest columns first, whatever their words.
        for k, (column, longest) in enumerate(zip(table.columns, words, strict=True)):
            column.width = min(max(len(row[k]) for row in cells), longest + spare)
            spare -= column.width - longest
    for row in cells[1:]:
        table.add_row(*map(_cell, row))
    return table


def _confusion(confusion: ConfusionMatrix) -> Table:
    table = _table("true \N{RIGHTWARDS ARROW} predicted", *map(plain, confusion.labels), "unparsed")
    for label, row in zip(confusion.labels, confusion.matrix, strict=True):
        table.add_row(_cell(label), *(_cell(n or "\N{MIDDLE DOT}") for n in row))
    return table
