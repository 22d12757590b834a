"""A leaderboard as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.escaping import plain
from harness.ranking.records import BoardTable, BoardValue, Leaderboard
from harness.reporters import leaderboard_cells as cells
from harness.reporters.comparison_table import GAP, printed
from harness.reporters.formatting import interval, number

_NARROWEST, _WIDEST = 12, 30
"""Characters that the column of models keeps, and those that it takes where there is room."""


def leaderboard_table(board: Leaderboard, *, width: int = 100, color: bool = False) -> str:
    """The tables one below the other; one that does not fit into the width is split by columns."""
    return printed(_parts(board, width), width, color)


def _parts(board: Leaderboard, width: int) -> Iterator[RenderableType]:
    for number_of, table in enumerate(board.tables):
        yield Text(("\n" if number_of else "") + plain(cells.title(table)), style="bold")
        heads = _heads(table)
        for chosen in _fitting(table, heads, width):
            yield Padding(_table(table, heads, chosen), (1, 0, 0, 0))
        found = cells.notes(table)
        yield Text("\n".join(["", *map(plain, found)]), style="yellow") if found else Text()
    yield Text("\n".join(map(plain, cells.everything_noted(board))), style="dim")


def _heads(table: BoardTable) -> list[list[str]]:
    """The lines of each heading: the task, the metric, each detail, and of how many the ranks are."""
    return [[plain(line) for line in (h.task, *h.details, h.ranks)] for h in cells.headings(table)]


def _cell(value: BoardValue | None, letters: str) -> list[str]:
    """The lines of a cell: the value with its rank or marks, and the interval."""
    if value is None:
        return [number(None)]
    rank = f"({letters})" if letters else cells.rank(value)
    return [f"{number(value.value)}  {rank}".rstrip(), interval(value)]


def _fitting(table: BoardTable, heads: Sequence[Sequence[str]], width: int) -> Iterator[list[int]]:
    marks = cells.marks_of(table)
    needed = [
        max(len(line) for lines in (heads[k], *(_cell(row.values[k], marks.of(row.values[k])) for row in table.rows)) for line in lines)
        for k in range(len(table.columns))
    ]  # fmt: skip
    room = width - min(_WIDEST, max(_NARROWEST, *(len(plain(row.label)) for row in table.rows)))
    chosen: list[int] = []
    for k, wide in enumerate(needed):
        if chosen and sum(needed[c] + GAP for c in chosen) + wide + GAP > room:
            yield chosen
            chosen = []
        chosen.append(k)
    yield chosen


def _table(table: BoardTable, heads: Sequence[Sequence[str]], chosen: Sequence[int]) -> Table:
    marks = cells.marks_of(table)
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    drawn.add_column("model", overflow="fold", vertical="top", max_width=_WIDEST)
    for k in chosen:
        drawn.add_column(Text("\n".join(heads[k])), justify="right", no_wrap=False, overflow="fold")
    for row in table.rows:
        if all(row.values[k] is None for k in chosen):
            continue
        found = []
        for k in chosen:
            first, *others = _cell(row.values[k], marks.of(row.values[k]))
            found.append(Text.assemble(first, *((f"\n{line}", "dim") for line in others)))
        drawn.add_row(Text(plain(row.label)), *found)
    return drawn
