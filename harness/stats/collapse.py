"""Group identical clusters, so that resampling works on a few patterns instead of many clusters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints


@dataclass(frozen=True)
class Collapsed:
    """Distinct clusters, each kept once, in an order that depends only on their content."""

    rows: Ints
    """Shape (m,): the rows of the kept clusters, as indices into the input rows."""
    cluster: Ints
    """Shape (m,): which kept cluster each of those rows belongs to, 0..k-1."""
    counts: Ints
    """Shape (k,): the number of input clusters equal to each kept cluster."""

    @property
    def clusters(self) -> int:
        """Number of input clusters."""
        return int(self.counts.sum())


def collapse(columns: Iterable[Floats], cluster: Ints) -> Collapsed:
    """Group clusters whose rows are equal in every column, regardless of row order.

    `columns` have shape (n,) each, finite or NaN (NaN equals NaN); `cluster` has shape (n,). Resampling C clusters
    with replacement is equivalent to drawing the weights of the kept clusters from a multinomial with probabilities
    `counts / C`. The result depends neither on row order nor on cluster codes, so shuffled data give identical bits.
    """
    if not len(cluster):
        nothing = np.zeros(0, np.int64)
        return Collapsed(nothing, nothing, nothing)
    code = _row_codes(columns, len(cluster))
    order = np.lexsort((code, cluster))
    codes = cluster[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
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
    """Shape (n,): equal rows get equal codes, in lexicographic order of the columns."""
    code = np.zeros(n, np.int64)
    for column in columns:
        if code.max() + 1 == n > 1:
            break  # all rows are already distinct
        values = np.unique(np.where(np.isnan(column), np.inf, column), return_inverse=True)[1].reshape(-1)
        code = np.unique(code * (int(values.max()) + 1) + values, return_inverse=True)[1].reshape(-1)
    return code.astype(np.int64)


def _distinct(code: Ints, starts: Ints, sizes: Ints) -> tuple[Ints, Ints]:
    """First cluster of each distinct content and the number of clusters with it, ordered by content."""
    content = code.astype(">i8").tobytes()
    seen: dict[bytes, list[int]] = {}
    for index, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        entry = seen.setdefault(content[8 * start : 8 * (start + size)], [index, 0])
        entry[1] += 1
    found = np.array([seen[key] for key in sorted(seen)], np.int64)
    return found[:, 0], found[:, 1]
