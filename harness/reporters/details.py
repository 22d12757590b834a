"""The details of a run for a terminal: all metrics, groups, confusion, tests, agreement, settings and notes of each task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from harness.escaping import plain
from harness.reporters import formatting
from harness.reporters.columns import Align, Column, fitted, fold, joined
from harness.reporters.ladder_text import CLUSTERS
from harness.results import BOUND, COUNT, ConfusionMatrix, MetricValue, Results, TaskResult

LEGEND = "* the primary metric; `harness list metrics` explains metrics"
BOUNDS = f"NAME{BOUND}: NAME with each unparsed reply as an unfavourable answer"
_TEXTS = {"on", "metric", "judges", "labels for width", "lowest", "highest"}
"""Columns of words."""
_DROPPED = ("clusters", "labels for width", "people alone", "judge alone", "sd", "metric", "n", "p")
"""Columns that are left out for want of room, the first of these first."""


def details(results: Results, width: int) -> list[Text]:
    """The lines. Every text is shown literally, markup and control codes included."""
    lines: list[Text] = []
    for note in results.run.notes:
        lines += _note(note, width, indent="")
    for task in results.tasks:
        lines += [Text(), *_task(task, width)]
    for name, rows in formatting.across_tasks(results):
        lines += [Text(), *_named_table((name, *formatting.COLUMNS[name]), rows, width)]
    for note in formatting.transfer_notes(results):
        lines += _note(note, width)
    values = [m for task in results.tasks for m in task.metrics]
    bounded = any(m.name.endswith(BOUND) for m in values)
    clustered = any(formatting.rows(m) != str(m.n) for m in values)
    legend = [LEGEND, *[CLUSTERS] * clustered, *[BOUNDS] * bounded]
    return [*lines, Text(), *(Text(part, style="dim") for line in legend for part in fold(line, width))]


def _note(note: str, width: int, indent: str = "  ") -> Iterator[Text]:
    for k, line in enumerate(fold(plain(note), width - len(indent) - 6)):
        yield Text.assemble(indent, ("note: " if not k else "      ", "yellow"), line)


def _indented(lines: Sequence[Text]) -> Iterator[Text]:
    return (Text.assemble("  ", line) for line in lines)


def _task(task: TaskResult, width: int) -> Iterator[Text]:
    yield from (Text(line, style="bold") for line in joined(formatting.title(task).split(_DOT), width))
    yield from map(Text, joined(formatting.counts(task).split(_DOT), width))
    yield Text()
    yield from _indented(_metrics(task, width - 2))
    for column, values in formatting.grouped(task):
        yield Text()
        yield from _indented(_grouped(column, values, width - 2))
    if task.confusion:
        yield Text()
        yield from _indented(_confusion(task.confusion, width - 2))
    for name, rows in formatting.within_task(task):
        yield Text()
        yield from _indented(_named_table((name, *formatting.COLUMNS[name]), rows, width - 2))
    yield Text()
    if task.unparsed_reasons:
        reasons = list(task.unparsed_reasons.items())[:5]
        shown = plain("; ".join(f"{count} {reason}" for reason, count in reasons))
        yield from (Text(f"  {line}") for line in fold(f"unparsed: {shown}", width - 2))
    assumed = formatting.assumed(task)
    if assumed:
        text = plain(f"assumed settings: {', '.join(assumed)}")
        yield from (Text(f"  {line}", style="dim") for line in fold(text, width - 2))
    for warning in task.warnings:
        yield from _note(warning, width)


_DOT = " \N{MIDDLE DOT} "


def _metrics(task: TaskResult, width: int) -> list[Text]:
    found = formatting.overall(task)
    columns = [
        Column("metric", [m.name + (" *" if m.primary else "") for m in found], "left"),
        Column("value", list(map(formatting.metric_number, found)), "decimal"),
        Column("95% interval", list(map(formatting.interval, found)), drop=1),
        Column("n", list(map(formatting.rows, found)), drop=2, shorter=(3, "n", [str(m.n) for m in found])),
        Column("baselines", [formatting.baselines(task, m.name) for m in found], "left", drop=4, wrap=True),
    ]
    return fitted(columns if found else columns[:3], width).lines()


def _grouped(column: str, values: list[tuple[str, list[MetricValue]]], width: int) -> list[Text]:
    names = list(dict.fromkeys(m.name for _, metrics in values for m in metrics))
    counts = {m.name for _, metrics in values for m in metrics if m.method == COUNT}
    columns = [Column(f"by {column}", [value for value, _ in values], "left")]
    for number, name in enumerate(names):
        by_value = [next((m for m in metrics if m.name == name), None) for _, metrics in values]
        shown = [formatting.metric_number(m) if m else formatting.number(None) for m in by_value]
        columns.append(Column(name, shown, "decimal", drop=4 + 2 * number if number else 0))
        if name not in counts:
            intervals = [formatting.interval(m) if m else "" for m in by_value]
            columns.append(Column("95% interval", intervals, drop=3 + 2 * number))
    rows = ["/".join(dict.fromkeys(map(formatting.rows, metrics))) for _, metrics in values]
    return fitted([*columns, Column("n", rows, drop=2)], width).lines()


def _named_table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[Text]:
    """A table without columns that are empty in every row."""
    kept = [k for k in range(len(columns)) if any(row[k] not in formatting.EMPTY for row in rows)]
    found = []
    for k in kept:
        head, cells = columns[k], [row[k] for row in rows]
        text = not k or head in _TEXTS
        drop = len(_DROPPED) - _DROPPED.index(head) if head in _DROPPED else 0
        if head in ("on", "metric") and len({*cells}) == 1:
            drop = len(_DROPPED) + 1
        wrap = text or any(" " in cell for cell in cells if cell[:1] != "[")
        align: Align = "left" if text else "decimal" if head == "value" else "right"
        found.append(Column(head, cells, align, drop=drop, wrap=wrap))
    return fitted(found, width).lines()


def _confusion(confusion: ConfusionMatrix, width: int) -> list[Text]:
    heads = (*confusion.labels, "unparsed")
    cells = [
        [str(row[k] or "\N{MIDDLE DOT}") for row in confusion.matrix[: len(confusion.labels)]]
        for k in range(len(heads))
    ]
    first = Column("true \N{RIGHTWARDS ARROW} predicted", confusion.labels, "left", wrap=True)
    return fitted([first, *(Column(*pair) for pair in zip(heads, cells, strict=True))], width).lines()
