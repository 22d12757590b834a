"""Groups of rows that share the values of several columns at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from harness.metrics.base import Mask

SMALLEST = 20
"""Rows that a cell needs by default: a share of fewer says little about it, and may single people out."""
MOST_NAMED = 8


@dataclass(frozen=True)
class Cells:
    """The cells of a crossing that are large enough to be shown, and what is to be said of the others."""

    groups: list[tuple[dict[str, str], Mask]]
    """Column -> value, and the rows of the cell, shape (n,)."""
    warnings: list[str]


def intersections(
    columns: Mapping[str, Sequence[str | None]],
    smallest: int = SMALLEST,
    order: Callable[[str], Any] = str,
) -> Cells:
    """Every combination of the columns' values that at least `smallest` rows share.

    Each column has n values, None where a row has none: such a row is in no cell. Combinations that do not
    occur are passed over; those with fewer rows are named in a warning with their size, and not shown. Cells
    come in the order of their values by `order`, the last column fastest.
    """
    found = {name: sorted({v for v in column if v is not None}) for name, column in columns.items()}
    values = {name: sorted(distinct, key=order) for name, distinct in found.items()}
    rows = {name: np.array(column, dtype=object) for name, column in columns.items()}
    groups, small = [], []
    for combination in product(*values.values()):
        group = dict(zip(values, combination, strict=True))
        mask = np.logical_and.reduce([rows[name] == value for name, value in group.items()])
        size = int(mask.sum())
        if size >= max(smallest, 1):
            groups.append((group, mask))
        elif size:
            small.append(f"{', '.join(f'{name}={value}' for name, value in group.items())} ({size})")
    return Cells(groups, _left_out(small, smallest))


def _left_out(small: Sequence[str], smallest: int) -> list[str]:
    if not small:
        return []
    more = f"; and {len(small) - MOST_NAMED} more" if len(small) > MOST_NAMED else ""
    return [f"not shown, with fewer than {smallest} rows: {'; '.join(small[:MOST_NAMED])}{more}"]
