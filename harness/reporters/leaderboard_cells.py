"""How leaderboards are written, the same in every form: what a table and its columns are about, ranks, marks, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.ranking.records import BoardColumn, BoardTable, BoardValue, Leaderboard
from harness.reporters.formatting import interval, number

LEGEND = (
    "[95% interval]; ranks: those that tests of all pairs of models leave open, Holm-corrected for each column, all at "
    "once with 95% confidence; a model without one is not ranked"
)
_DIGEST = 8


@dataclass(frozen=True)
class Heading:
    """What a column is about: its task, and on further lines the metric and what tells it from the other columns."""

    task: str
    details: tuple[str, ...]
    ranks: str

    def line(self) -> str:
        """All but the ranks on one line."""
        return f"{self.task} ({', '.join(self.details)})"


def title(table: BoardTable) -> str:
    """What all columns of a table share."""
    first = table.columns[0]
    parts = ["judges" if first.role == "judge" else "generators"]
    data = {(c.data, c.digest) for c in table.columns}
    parts += [f"on {first.data} ({first.digest[:_DIGEST]})"] if len(data) == 1 else []
    parts += [f"judged by {first.judge}"] if first.judge else []
    modes = {c.answer_mode for c in table.columns}
    parts += [f"answer mode {first.answer_mode}"] if len(modes) == 1 else []
    return " \N{MIDDLE DOT} ".join(parts)


def headings(table: BoardTable) -> list[Heading]:
    """The heading of each column; what all share is in the title."""
    found = [
        Heading(f"{c.task} v{c.version}", (_metric(c), *_told_apart(c, table.columns), _counts(table, k)), _ranked(c))
        for k, c in enumerate(table.columns)
    ]  # fmt: skip
    # Whatever else was asked in another way still has to be told apart.
    same = [heading.line() for heading in found]
    return [
        Heading(h.task, (*h.details, f"request {c.asked[:_DIGEST]}"), h.ranks)
        if same.count(h.line()) > 1
        else h
        for h, c in zip(found, table.columns, strict=True)
    ]


def _ranked(column: BoardColumn) -> str:
    return f"rank of {column.ranked}" if column.ranked else "not ranked"


def _metric(column: BoardColumn) -> str:
    return f"{column.metric}, lower is better" if column.direction == "lower" else column.metric


def _told_apart(column: BoardColumn, columns: Sequence[BoardColumn]) -> list[str]:
    several = {
        name: len({getattr(c, name) for c in columns}) > 1 for name in ("data", "digest", "prompt_variant", "answer_mode", "seed")
    }  # fmt: skip
    parts = [f"on {column.data}"] if several["data"] else []
    twins = {c.digest for c in columns if c.data == column.data}
    parts += [f"data {column.digest[:_DIGEST]}"] if len(twins) > 1 else []
    parts += (
        [f"prompt {column.prompt_variant}"] if several["prompt_variant"] and column.prompt_variant else []
    )
    parts += [column.answer_mode] if several["answer_mode"] else []
    parts += [f"seed {column.seed}"] if several["seed"] else []
    return parts


def _counts(table: BoardTable, column: int) -> str:
    counts = [value.n for row in table.rows if (value := row.values[column]) is not None]
    low, high = min(counts, default=0), max(counts, default=0)
    return f"n {low}" if low == high else f"n {low} to {high}"


def value_cell(value: BoardValue | None) -> str:
    """The value with its interval."""
    if value is None:
        return number(None)
    return f"{number(value.value)} {interval(value)}".strip()


def rank(value: BoardValue | None) -> str:
    """The ranks that a model may have; nothing where it is not ranked."""
    if value is None or value.best is None or value.worst is None:
        return ""
    return f"{value.best}" if value.best == value.worst else f"{value.best}\N{EN DASH}{value.worst}"


@dataclass(frozen=True)
class Marks:
    """Letters for the reasons why values are not ranked."""

    letters: dict[str, str]

    def of(self, value: BoardValue | None) -> str:
        """The letters of a value: "a,b"."""
        return ",".join(self.letters[mark] for mark in value.marks) if value is not None else ""

    def notes(self) -> list[str]:
        """What each letter stands for."""
        return [f"({letter}) not ranked: {mark}" for mark, letter in self.letters.items()]


def marks_of(table: BoardTable) -> Marks:
    """The marks of a table in the order in which they are met."""
    found = dict.fromkeys(
        mark for row in table.rows for value in row.values if value is not None for mark in value.marks
    )
    return Marks({mark: _letter(k) for k, mark in enumerate(found)})


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else _letter(number // 26 - 1) + _letter(number % 26)


def notes(table: BoardTable) -> list[str]:
    """Everything below a table."""
    return [*marks_of(table).notes(), *table.notes]


def everything_noted(board: Leaderboard) -> list[str]:
    """Everything below all tables."""
    return [*board.notes, LEGEND] if board.tables else list(board.notes)
