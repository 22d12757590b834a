"""What the page is made of: sections of tables, charts, facts and notes. Templates write them; all numbers keep their exact value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.records import Interval
from harness.results import COUNT, MetricValue

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_LONG_WORD = 32
_LONGEST_FILTER = 1500
"""Characters: longer labels are shortened on the page and cannot pick rows."""
Tone = Literal["", "good", "bad", "warn", "muted"]


@dataclass(frozen=True)
class Figure:
    """A number as it is shown, with its exact value."""

    text: str
    value: float | int | None


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str = ""
    figure: Figure | None = None
    low: Figure | None = None
    high: Figure | None = None
    extra: Sequence[Figure | str] = ()
    """More numbers and words after it."""
    tone: Tone = ""
    filter: str = ""
    """JSON: what the gallery shows when the cell is chosen; "" where it cannot be."""
    level: int | None = None
    """Of a cell in a matrix: its share in tenths, 0 to 10."""
    label: str = ""
    """What a screen reader says instead."""

    @property
    def long(self) -> bool:
        """Whether it has a word that would widen the table."""
        return any(len(word) > _LONG_WORD for word in self.text.split())

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return self.text in ("", DASH) and self.figure is None and not self.extra


@dataclass(frozen=True)
class Column:
    """The heading of a column."""

    title: str
    numeric: bool = False


@dataclass
class Table:
    """A table; the first cell of each row is its heading."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    kind: str = "table"
    """table, or matrix for counts by truth and answer."""

    def __post_init__(self) -> None:
        kept = [k for k in range(len(self.columns)) if k == 0 or any(not row[k].empty for row in self.rows)]
        self.columns = [self.columns[k] for k in kept]
        self.rows = [[row[k] for k in kept] for row in self.rows]


@dataclass(frozen=True)
class Chart:
    """A chart. The same numbers stand in a table beside it."""

    id: str
    spec: Mapping[str, Any]
    label: str
    """What it shows, in words."""
    title: str = ""
    """Which run it is of, where the page has several and the chart names none."""
    kind: str = "chart"


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    items: Sequence[tuple[str, str]]
    title: str = ""
    kind: str = "facts"


@dataclass(frozen=True)
class Notes:
    """Lines that a reader should know, below the name of what they are about."""

    title: str
    lines: Sequence[str]
    kind: str = "notes"


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away at first."""

    summary: str
    blocks: Sequence[Any]
    kind: str = "details"


@dataclass(frozen=True)
class Side:
    """Blocks side by side where there is room."""

    blocks: Sequence[Any]
    kind: str = "side"


@dataclass(frozen=True)
class Strip:
    """Pictures of the gallery: those that a filter picks."""

    title: str
    filter: str
    count: int
    tone: Tone = ""
    kind: str = "strip"


@dataclass
class Section:
    """A part of the page with a heading."""

    id: str
    title: str
    lead: str = ""
    blocks: list[Any] = field(default_factory=list)


def number(value: float | int | None, *, signed: bool = False, count: bool = False) -> Figure | None:
    """A value with three decimals, or a count; None where it does not exist."""
    if value is None or not math.isfinite(value):
        return None
    text = f"{value:,.0f}" if count else f"{value:+.3f}" if signed else f"{value:.3f}"
    return Figure(text.replace("-", MINUS), value)


def words(text: object, tone: Tone = "") -> Cell:
    """A cell of text."""
    return Cell(str(text), tone=tone)


def value_cell(value: float | int | None, *, signed: bool = False, count: bool = False) -> Cell:
    """A cell with one number."""
    shown = number(value, signed=signed, count=count)
    return Cell(DASH, tone="muted") if shown is None else Cell(figure=shown)


def count_cell(count: int, chosen: Mapping[str, Any] | None = None, tone: Tone = "") -> Cell:
    """A count; with a filter it shows the answers that it counts."""
    return Cell(
        figure=number(count, count=True),
        tone=tone if count else "muted",
        filter=as_filter(chosen) if count else "",
    )


def as_filter(chosen: Mapping[str, Any] | None) -> str:
    """The fields by which the gallery picks rows, as JSON; "" for none."""
    if chosen is None:
        return ""
    found = json.dumps(
        {name: value for name, value in chosen.items() if value not in (None, "")}, sort_keys=True
    )
    return found if len(found) <= _LONGEST_FILTER else ""


def estimate(found: Interval | None, *, signed: bool = False, count: bool = False, tone: Tone = "") -> Cell:
    """A value with its 95% interval."""
    shown = None if found is None else number(found.value, signed=signed, count=count)
    if found is None or shown is None:
        return Cell(DASH, tone="muted")
    low, high = (number(end, signed=signed) for end in (found.low, found.high))
    return Cell(figure=shown, low=low if high else None, high=high if low else None, tone=tone)


def metric_cell(metric: MetricValue | None) -> Cell:
    """The value of a metric with its interval."""
    return estimate(metric, count=metric is not None and metric.method == COUNT)


def probability(p: float | None) -> Cell:
    """A p value with three decimals; small ones as a bound."""
    if p is None:
        return Cell(DASH, tone="muted")
    return Cell(figure=Figure("<0.001" if p < 0.001 else f"{p:.3f}", p))


def rows_cell(n: int, clusters: int | None) -> Cell:
    """How many rows entered, and in how many clusters where these are fewer."""
    fewer = clusters is not None and 0 < clusters < n
    extra: tuple[Figure | str, ...] = ("in", Figure(f"{clusters:,}", clusters)) if fewer else ()
    return Cell(figure=number(n, count=True), extra=extra)


def columns(first: str, *names: str) -> list[Column]:
    """Headings: text first, then numbers."""
    return [Column(first), *(Column(name, numeric=True) for name in names)]


def table_of(caption: str, names: Iterable[str], rows: Iterable[Sequence[str]], note: str = "") -> Table:
    """A table of texts."""
    return Table(
        caption, [Column(name) for name in names], [[words(cell) for cell in row] for row in rows], note
    )
