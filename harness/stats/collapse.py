"""Interchangeable clusters made one, so that resampling works on few patterns instead of many clusters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints


@dataclass(frozen=True)
class Collapsed:
    """Distinct clusters in an order that depends on their content alone, each kept once."""

    rows: Ints
    """Shape (m,): the rows of the clusters kept, as indices into the rows given."""
    cluster: Ints
    """Shape (m,): which kept cluster each of those rows belongs to, 0..k-1."""
    counts: Ints
    """Shape (k,): how many of the clusters given are equal to each kept one."""

    @property
    def clusters(self) -> int:
        """How many clusters were given."""
        return int(self.counts.sum())


def collapse(columns: Iterable[Floats], cluster: Ints) -> Collapsed:
    """Group clusters whose rows are equal in every column, whatever the order of their rows.

    `columns` have shape (n,) each, finite or NaN (NaN equals NaN); `cluster` has shape (n,). Drawing C
    clusters with replacement is the same as drawing how often each kept cluster counts from a multinomial
    with probabilities `counts / C`. Neither the order of rows nor the numbers of clusters matter, so
    shuffled data give the same bits.
    """
    if not len(cluster):
        nothing = np.zeros(0, np.int64)
        return Collapsed(nothing, nothing, nothing)
    code = _row_codes(columns, len(cluster))
    order = np.lexsort((code, cluster))
    numbers = cluster[order]
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    if sizes.max() == 1:
        _, first, counts = np.unique(code[order], return_index=True, return_counts=True)
    else:
        first, counts = _distinct(code[order], starts, sizes)
    kept = sizes[first]
    within = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    rows = order[np.repeat(starts[first], kept) + within]
    return Collapsed(rows, np.repeat(np.arange(len(first)), kept), counts.astype(np.int64))


def _row_codes(columns: Iterable[Floats], n: int) -> Ints:
    """Shape (n,): equal rows get equal codes, in the lexicographic order of the columns."""
    code = np.zeros(n, np.int64)
    for column in columns:
        if code.max() + 1 == n > 1:
            break  # All rows differ already.
        values = np.unique(np.where(np.isnan(column), np.inf, column), return_inverse=True)[1].reshape(-1)
        code = np.unique(code * (int(values.max()) + 1) + values, return_inverse=True)[1].reshape(-1)
    return code.astype(np.int64)


def _distinct(code: Ints, starts: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """The first cluster of each kind and how many there are of it, in the order of their content."""
    content = code.astype(">i8").tobytes()
    seen: dict[bytes, list[int]] = {}
    for number, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        entry = seen.setdefault(content[8 * start : 8 * (start + size)], [number, 0])
        entry[1] += 1
    found = np.array([seen[key] for key in sorted(seen)], np.int64)
    return found[:, 0], found[:, 1]
