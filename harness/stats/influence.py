"""Influence function of Spearman's correlation: its derivative with respect to the weight of each row."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.correlation import ratio


def rank_influence(
    x: Floats, y: Floats, weights: Floats, segment: Ints, segments: int
) -> tuple[Floats, Floats]:
    """Spearman's correlation in each segment, shape (segments,), and its derivative by each row's weight, shape (n,).

    x, y, weights (the number of times each row occurs) and segment have shape (n,), without NaN. NaN where x or y is
    constant in the segment. With centred midranks u and v, total weight t of tied rows, N rows, S = sum(w u v) and
    A = (N^3 - sum(t^3)) / 12, the correlation is S / sqrt(A B). Another copy of row i adds u_i v_i to S and half a
    rank to all rows above it, so dS = u_i v_i - R(x_i) - R(y_i), where R(x) is the sum of w v over rows below x plus
    half of that over rows equal to x, and dA = (N^2 - t^2) / 4 (Hampel's influence function, with ties).
    """
    size = _sums(segment, weights, segments)
    run_x, run_y = _runs(x, segment), _runs(y, segment)
    (u, tied_x), (v, tied_y) = (_midranks(run, weights, segment, size) for run in (run_x, run_y))
    spread_x, spread_y = (
        np.maximum(size**3 - _sums(segment, weights * tied**2, segments), 0) / 12 for tied in (tied_x, tied_y)
    )
    root = np.sqrt(spread_x * spread_y)
    found = np.clip(ratio(_sums(segment, weights * u * v, segments), root), -1.0, 1.0)
    moved = u * v - _below(run_x, weights * v) - _below(run_y, weights * u)
    share_x, share_y = (
        ratio((size[segment] ** 2 - tied**2) / 4, spread[segment])
        for tied, spread in ((tied_x, spread_x), (tied_y, spread_y))
    )
    return found, ratio(moved, root[segment]) - found[segment] / 2 * (share_x + share_y)


def _midranks(run: Ints, weights: Floats, segment: Ints, size: Floats) -> tuple[Floats, Floats]:
    """Centred midranks in each segment, and the weight of the rows with the same value, each of shape (n,)."""
    tied = _sums(run, weights)
    before = np.cumsum(size) - size
    middle = np.cumsum(tied) - tied / 2
    return middle[run] - (before + size / 2)[segment], tied[run]


def _below(run: Ints, summed: Floats) -> Floats:
    """Sum over rows with a lower value in the same segment, plus half of that over equal rows, shape (n,).

    `summed` adds up to 0 in each segment, so earlier segments make no difference.
    """
    total = _sums(run, summed)
    middle: Floats = (np.cumsum(total) - total / 2)[run]
    return middle


def _runs(values: Floats, segment: Ints) -> Ints:
    """Codes of the distinct values, segment by segment in ascending order, shape (n,)."""
    order = np.lexsort((values, segment))
    ordered, parts = values[order], segment[order]
    new = np.r_[False, (ordered[1:] != ordered[:-1]) | (parts[1:] != parts[:-1])]
    found = np.empty(len(values), np.int64)
    found[order] = np.cumsum(new)
    return found


def _sums(group: Ints, values: Floats, groups: int = 0) -> Floats:
    return np.bincount(group, values, groups).astype(np.float64)
