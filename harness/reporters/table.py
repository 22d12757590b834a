"""Results as tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.components.reporter import Reporter
from harness.escaping import plain
from harness.reporters import formatting as figures

LEGEND = "* the figure that sums a task up; intervals resample people or prompts; `harness list metrics` explains figures"


class TableReporter(Reporter):
    """Tables drawn by rich; every text is shown literally, markup and control codes included."""

    def render(self, results: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
        """The whole text, ending in a newline."""
        stream = io.StringIO()
        console = Console(
            file=stream,
            width=width,
            force_terminal=color,
            color_system="standard" if color else None,
            highlight=False,
            emoji=False,
        )
        run = results["run"]
        console.print(Text(plain(run["name"]), style="bold"))
        console.print(Text(f"model {plain(run['model'])}" + ("" if run["complete"] else "  (incomplete)")))
        for note in figures.notes(results):
            console.print(Text(f"note: {plain(note)}", style="yellow"))
        for entry in results["tasks"]:
            console.print(Group(*_entry(entry)))
        console.print(Group(*_whole(results)))
        console.print(Text(f"\n{LEGEND}", style="dim"))
        return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _whole(results: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What sums up several tasks, wordings or data sets."""
    for name, rows in (
        ("wordings of", figures.prompt_variants(results)),
        ("transfer", figures.transfer(results)),
    ):
        if rows:
            yield Padding(_plain_table((name, *figures.COLUMNS[name]), rows), (1, 0, 0, 0))
    columns, rows = figures.summary(results)
    if rows:
        yield Padding(_plain_table(columns, rows), (1, 0, 0, 0))


def _cell(value: object) -> Text:
    return Text(plain(value))


def _entry(entry: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text()
    yield Text(plain(figures.title(entry)), style="bold")
    yield Text(figures.counts(entry))
    table = _table("figure", "value", "95% interval", "n", "baselines")
    for metric in figures.overall(entry):
        name = metric["name"] + (" *" if metric["primary"] else "")
        table.add_row(
            *map(
                _cell,
                (
                    name,
                    figures.number(metric["value"], metric["name"]),
                    figures.interval(metric),
                    metric["n"],
                    figures.baselines(entry, metric["name"]),
                ),
            )
        )
    yield Padding(table, (1, 0, 0, 2))
    for column, values in figures.grouped(entry):
        yield Padding(_grouped(column, values), (1, 0, 0, 2))
    if entry.get("confusion"):
        yield Padding(_confusion(entry["confusion"]), (1, 0, 0, 2))
    for name, rows in figures.beside(entry):
        yield Padding(_plain_table((name, *figures.COLUMNS[name]), rows), (1, 0, 0, 2))
    reasons = entry.get("unparsed_reasons") or {}
    if reasons:
        shown = "; ".join(f"{count} {reason}" for reason, count in list(reasons.items())[:5])
        yield Text(f"  unparsed: {plain(shown)}")
    assumed = figures.assumed(entry)
    if assumed:
        yield Text(f"  assumed settings: {plain(', '.join(assumed))}", style="dim")
    for warning in entry["warnings"]:
        yield Text(f"  note: {plain(warning)}", style="yellow")


def _grouped(column: str, values: list[tuple[str, list[Mapping[str, Any]]]]) -> Table:
    names = list(dict.fromkeys(m["name"] for _, metrics in values for m in metrics))
    headers = [
        h for name in names for h in ((name, "95% interval") if name not in figures.COUNTS else (name,))
    ]
    table = _table(f"by {plain(column)}", *headers, "n")
    for value, metrics in values:
        by_name = {m["name"]: m for m in metrics}
        cells: list[object] = [value]
        for name in names:
            metric = by_name.get(name)
            cells.append(figures.number(metric["value"] if metric else None, name))
            if name not in figures.COUNTS:
                cells.append(figures.interval(metric) if metric else "")
        table.add_row(*map(_cell, (*cells, max(m["n"] for m in metrics))))
    return table


def _plain_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = _table(*columns)
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _confusion(confusion: Mapping[str, Any]) -> Table:
    table = _table("true \N{RIGHTWARDS ARROW} read", *map(plain, confusion["labels"]), "unparsed")
    for label, row in zip(confusion["labels"], confusion["matrix"], strict=True):
        table.add_row(_cell(label), *(_cell(n or "\N{MIDDLE DOT}") for n in row))
    return table
