"""The leaderboard of the page: values with intervals, and the ranks that paired tests leave open."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import HarnessError
from harness.ranking.leaderboard import leaderboard
from harness.ranking.records import BoardColumn, BoardTable, BoardValue
from harness.report.blocks import DASH, Cell, Column, Figure, Notes, Section, Table, estimate, words
from harness.report.figures import Figures
from harness.report.stored import StoredReport


def section(runs: Sequence[StoredReport], figures: Figures) -> Section:
    """A table for models with a column in common, and their chart; why there is none, else."""
    shown = Section(
        "leaderboard", "Leaderboard",
        "A rank is what paired tests on shared samples leave open, corrected for all pairs of models (Holm). Stand-ins, incomplete runs and models trained on such pictures are listed and not ranked.",
    )  # fmt: skip
    try:
        found = leaderboard([run.path for run in runs])
    except HarnessError as e:
        shown.blocks.append(Notes("There is no leaderboard", [e.message]))
        return shown
    chart = figures.leaderboard(found) if len(runs) > 2 else None
    shown.blocks += [chart] if chart is not None else []
    for table in found.tables:
        notes = [*_unranked(table), *table.notes]
        shown.blocks += [board_table(table), *([Notes("", notes)] if notes else [])]
    if found.notes:
        shown.blocks.append(Notes("Left out", found.notes))
    return shown


def board_table(table: BoardTable) -> Table:
    """Values with intervals and ranks: a row a model, two columns for each column of the leaderboard."""
    heads = [Column("Model")]
    for column in table.columns:
        heads += [Column(_title(column), numeric=True), Column("Rank", numeric=True)]
    rows = []
    for row in table.rows:
        cells = [cell for value in row.values for cell in (estimate(value), _rank(value))]
        rows.append([words(row.label), *cells])
    data = " and ".join(dict.fromkeys(column.data for column in table.columns))
    modes = " or ".join(dict.fromkeys(column.answer_mode for column in table.columns))
    return Table(f"{data}, answer mode {modes}", heads, rows)


def _unranked(table: BoardTable) -> list[str]:
    """Why models are not ranked."""
    found = []
    for row in table.rows:
        marks = dict.fromkeys(mark for value in row.values if value is not None for mark in value.marks)
        if marks:
            found.append(f"{row.label}: {'; '.join(marks)}")
    return found


def _title(column: BoardColumn) -> str:
    parts = [column.task, column.judge or "", column.prompt_variant or "", column.metric]
    return " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _rank(value: BoardValue | None) -> Cell:
    """The ranks that a value may have: 2, or 1 to 3."""
    if value is None or value.best is None or value.worst is None:
        return Cell(DASH, tone="muted")
    if value.best == value.worst:
        return Cell(figure=Figure(str(value.best), value.best))
    return Cell(
        figure=Figure(str(value.best), value.best), extra=("to", Figure(str(value.worst), value.worst))
    )
