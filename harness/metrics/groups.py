"""Groups of rows that share the value of a column, or of several columns at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.types import EMOTIONS

SMALLEST = 20
"""Rows that a cell needs by default: a share of fewer says little about it, and may single people out."""
MOST_NAMED = 8
MAX_GROUPS = 50
_MAX_NUMBERS, _RANGES = 10, 5
"""A column of more different numbers than this is cut into so many ranges of equal width."""


@dataclass(frozen=True)
class Column:
    """What rows can be grouped by. Columns with very many values that are no numbers have no groups."""

    codes: Ints
    """Shape (n,): which of `labels` each row has, -1 where it has none."""
    labels: tuple[str, ...] = ()
    """The values that occur, emotions and numbers in their own order; or ranges of many numbers."""
    many: bool = False
    """There are too many values."""


def column_of(values: Sequence[str | None]) -> Column:
    """A column of texts; None or an empty text where a row has none."""
    known: dict[str | None, int] = {}
    found = np.array([known.setdefault(v or None, len(known)) for v in values], np.int64)
    labels = [label for label in known if label is not None]
    numbers = _as_numbers(known)
    if numbers is not None and len(labels) > _MAX_NUMBERS:
        return _ranges(numbers[found])
    if len(labels) > MAX_GROUPS:
        return Column(np.full(len(found), -1), many=True)
    labels.sort(key=_order)
    code = np.array([-1 if label is None else labels.index(label) for label in known], np.int64)
    return Column(code[found], tuple(labels))


def column_of_numbers(values: Floats) -> Column:
    """A column of numbers, shape (n,); NaN where a row has none."""
    distinct, found = np.unique(values, return_inverse=True)
    # As they would be shown: what differs by rounding is one number.
    texts = ["" if math.isnan(value) else f"{value:g}" for value in distinct.tolist()]
    if len({*texts} - {""}) > _MAX_NUMBERS and not np.isinf(distinct).any():
        return _ranges(values)
    return column_of([texts[code] for code in found.reshape(-1).tolist()])


def _as_numbers(texts: Iterable[str | None]) -> Floats | None:
    """The numbers that texts stand for, NaN for None; None if one is no finite number. Some tables say nan for nothing."""
    try:
        numbers = np.array([math.nan if text is None else float(text) for text in texts], np.float64)
    except ValueError:
        return None
    return None if np.isinf(numbers).any() or np.isnan(numbers).all() else numbers


def _ranges(values: Floats) -> Column:
    """Equal parts of the range of many numbers, those without rows left out."""
    known = ~np.isnan(values)
    edges = np.linspace(values[known].min(), values[known].max(), _RANGES + 1)
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _RANGES - 1)
    held = np.unique(part[known])
    codes: Ints = np.where(known, np.searchsorted(held, part), -1)
    ends = next(
        texts
        for digits in range(3, 18)
        for texts in [[f"{edge:.{digits}g}" for edge in edges.tolist()]]
        if len({*texts}) == len(texts) or digits == 17
    )
    return Column(codes, tuple(f"{ends[i]} to {ends[i + 1]}" for i in held.tolist()))


def _order(value: str) -> tuple[int, float, str]:
    if value in EMOTIONS:
        return (0, EMOTIONS.index(value), value)
    try:
        return (1, float(value), value)
    except ValueError:
        return (2, 0.0, value)


@dataclass(frozen=True)
class Cells:
    """The cells of one column or a crossing that are large enough to be shown, and the others."""

    groups: list[tuple[dict[str, str], Mask]]
    """Column -> value, and the rows of the cell, shape (n,)."""
    small: list[str]
    """The cells that are too small, with their rows: `age=old (1)`."""

    def codes(self, n: int) -> Ints:
        """The cell of each of `n` rows, shape (n,), -1 for rows in none."""
        found = np.full(n, -1)
        for number, (_, mask) in enumerate(self.groups):
            found[mask] = number
        return found


def intersections(columns: Mapping[str, Column], smallest: int = SMALLEST) -> Cells:
    """Every combination of the columns' values that at least `smallest` rows share.

    A row that lacks a value is in no cell. Combinations that do not occur are skipped; those with fewer rows are
    named with their size, and not shown. Cells come in the order of their values, the last column fastest.
    """
    if not columns:
        return Cells([], [])
    codes = np.stack([column.codes for column in columns.values()])
    whole = (codes >= 0).all(axis=0)
    kinds, kind, sizes = np.unique(codes[:, whole], axis=1, return_inverse=True, return_counts=True)
    cell = np.full(codes.shape[1], -1)
    cell[whole] = kind.reshape(-1)
    groups, small = [], []
    for number, (places, size) in enumerate(zip(kinds.T.tolist(), sizes.tolist(), strict=True)):
        group = {
            name: column.labels[place] for (name, column), place in zip(columns.items(), places, strict=True)
        }
        if size >= smallest:
            groups.append((group, cell == number))
        else:
            small.append(f"{', '.join(f'{name}={value}' for name, value in group.items())} ({size})")
    return Cells(groups, small)


def small_cells(cells: Iterable[Cells], smallest: int) -> list[str]:
    """A warning that names the cells that are not shown; nothing where there are none."""
    parts = []
    for cell in cells:
        more = f"; and {len(cell.small) - MOST_NAMED} more" if len(cell.small) > MOST_NAMED else ""
        parts += ["; ".join(cell.small[:MOST_NAMED]) + more] if cell.small else []
    return [f"not shown, with fewer than {smallest} rows: {'; '.join(parts)}"] if parts else []
