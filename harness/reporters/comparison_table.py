"""A comparison of runs as a table for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.comparing.records import ComparedValue, Comparison
from harness.escaping import plain, printable
from harness.gating.records import Check
from harness.reporters import compared
from harness.reporters.formatting import number

FLIPS = "wrong, right: samples that are newly so, compared with the first run"
GAP = 3
"""Characters between two columns."""
_NARROWEST = 18
"""Characters that the column of tasks keeps, whatever the number of runs."""
_GOOD_OR_BAD = {True: "green", False: "red", None: ""}


def console(stream: io.StringIO, width: int, color: bool) -> Console:
    """A console that shows every text literally."""
    return Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
    )


def printed(parts: Iterator[RenderableType], width: int, color: bool) -> str:
    """The parts as text, without blanks at the ends of lines."""
    stream = io.StringIO()
    console(stream, width, color).print(Group(*parts))
    shown = printable(stream.getvalue(), styled=color)
    return "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"


def label(row: ComparedValue | Check, previous: ComparedValue | Check | None, shown: frozenset[str]) -> Text:
    """The name of a row; the first line is bold unless it is a group's."""
    first, *others = map(plain, compared.label_lines(row, previous, shown))
    return Text.assemble((first, "" if first.startswith(" ") else "bold"), *(f"\n{line}" for line in others))


def comparison_table(comparison: Comparison, *, width: int = 100, color: bool = False) -> str:
    """The runs, one table with a column for each, the changed samples, warnings and a legend.

    Where the columns do not fit into the width, there is a table for each run but the first.
    """
    return printed(_parts(comparison, width), width, color)


def _parts(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    heads = compared.labels(comparison.runs)
    for label, run in zip(heads, comparison.runs, strict=True):
        name = "" if label in (run.name, run.model) else f"{label}: "
        yield Text(plain(name + compared.described(run)))
    rows = compared.visible(comparison)
    found = compared.names(rows)
    if found.shared:
        yield Text(plain(compared.context(found.shared)))
    if not rows:
        yield Text("\nno metric that the runs share")
    for table in _tables(rows, heads, found.shown, width) if rows else []:
        yield Padding(table, (1, 0, 0, 0))
    if comparison.samples:
        yield Padding(_samples(comparison), (1, 0, 0, 0))
    if comparison.warnings:
        yield Text()
    for warning in comparison.warnings:
        yield Text(f"note: {plain(warning)}", style="yellow")
    if rows:
        legend = [*compared.LEGEND, *[FLIPS] * any(map(_flips, rows))]
        yield Text("\n" + "\n".join(legend), style="dim")


def _cell(row: ComparedValue, run: int, roomy: bool) -> list[Text]:
    """The lines of a cell: the value, and for each run but the first the difference and what else is known of it."""
    lines = [Text(number(row.values[run]))]
    if run == 0:
        return lines
    difference = row.differences[run - 1]
    if difference is None:
        return [*lines, Text("no paired difference", style="dim")]
    mark = " *" if compared.significant(difference) else ""
    p = f"  p {compared.p_value(difference.p_adjusted)}{mark}"
    style = _GOOD_OR_BAD[compared.better(row, difference)] + (" bold" if mark else "")
    lines.append(Text(compared.change(difference) + p, style=style.strip()))
    notes = []
    if difference.newly_wrong is not None and difference.newly_right is not None:
        notes.append(f"{difference.newly_wrong} wrong, {difference.newly_right} right")
    if difference.detectable is not None:
        notes.append(f"detects {number(difference.detectable)}")
    shown = ["; ".join(notes)] if roomy and notes else notes
    return [*lines, *(Text(note, style="dim") for note in shown)]


def _flips(row: ComparedValue) -> bool:
    return any(compared.flips(difference) for difference in row.differences)


@dataclass(frozen=True)
class _Layout:
    """Which runs a table compares with the first, and the width that each column but the first needs."""

    runs: tuple[int, ...]
    cells: list[list[list[Text]]]
    needed: list[int]

    def fits(self, width: int) -> bool:
        return sum(self.needed) + GAP * len(self.needed) + _NARROWEST <= width


def _layout(rows: Sequence[ComparedValue], heads: Sequence[str], runs: Sequence[int], roomy: bool) -> _Layout:
    shown = (0, *runs)
    cells = [[_cell(row, run, roomy) for run in shown] for row in rows]
    needed = [
        max([len(heads[run]), *(len(line) for row in cells for line in row[k])])
        for k, run in enumerate(shown)
    ]
    return _Layout(shown, cells, [*needed, max(len(compared.rows_in(row)) for row in rows)])


def _tables(
    rows: Sequence[ComparedValue], heads: Sequence[str], shown: frozenset[str], width: int
) -> Iterator[Table]:
    """One table for all runs where it fits, else one for each run but the first; notes on one line where they fit."""
    others = range(1, len(heads))
    for roomy in (True, False):
        layout = _layout(rows, heads, others, roomy)
        if layout.fits(width):
            yield _table(rows, heads, layout, shown, width)
            return
    for run in others:
        roomy_one = _layout(rows, heads, [run], True)
        layout = roomy_one if roomy_one.fits(width) else _layout(rows, heads, [run], False)
        yield _table(rows, heads, layout, shown, width)


def _table(
    rows: Sequence[ComparedValue], heads: Sequence[str], layout: _Layout, shown: frozenset[str], width: int
) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("task", overflow="fold")
    for head in (*(heads[run] for run in layout.runs), "n"):
        table.add_column(Text(plain(head)), justify="right", overflow="fold")
    if layout.fits(width):
        # Names are folded where there is not enough room for all, values are not.
        for column, least in zip(table.columns[1:], layout.needed, strict=True):
            column.width = least
    for row, previous, cells in zip(rows, (None, *rows), layout.cells, strict=False):
        values = (Text("\n").join(cell) for cell in cells)
        table.add_row(label(row, previous, shown), *values, Text(compared.rows_in(row)))
    return table


def _samples(comparison: Comparison) -> Table:
    columns, rows = compared.sample_cells(comparison)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table
