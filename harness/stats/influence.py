"""What one more row does to a rank correlation: its derivative by the weight of each row."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.correlation import ratio


def rank_influence(
    x: Floats, y: Floats, weights: Floats, segment: Ints, segments: int
) -> tuple[Floats, Floats]:
    """Spearman's correlation in each segment, shape (segments,), and its derivative by each row's weight, (n,).

    x, y, weights (how often each row counts) and segment have shape (n,), without NaN. NaN where x or y is constant
    in the segment. With midranks around their mean u and v, sums of equal weights t, N rows, S = sum(w u v) and
    A = (N^3 - sum(t^3)) / 12, the correlation is S / sqrt(A B); one more row i adds u_i v_i to S and half a rank to
    all rows above it, so that dS = u_i v_i - R(x_i) - R(y_i), where R(x) is the sum of w v over rows below x and half
    of those equal to it, and dA = (N^2 - t^2) / 4 (Hampel's influence function, with ties).
    """
    size = _sums(segment, weights, segments)
    (u, tied_x), (v, tied_y) = (_midranks(values, weights, segment, size) for values in (x, y))
    spread_x, spread_y = (
        np.maximum(size**3 - _sums(segment, weights * tied**2, segments), 0) / 12 for tied in (tied_x, tied_y)
    )
    root = np.sqrt(spread_x * spread_y)
    found = np.clip(ratio(_sums(segment, weights * u * v, segments), root), -1.0, 1.0)
    moved = u * v - _below(x, weights * v, segment) - _below(y, weights * u, segment)
    share_x, share_y = (
        ratio((size[segment] ** 2 - tied**2) / 4, spread[segment])
        for tied, spread in ((tied_x, spread_x), (tied_y, spread_y))
    )
    return found, ratio(moved, root[segment]) - found[segment] / 2 * (share_x + share_y)


def _midranks(values: Floats, weights: Floats, segment: Ints, size: Floats) -> tuple[Floats, Floats]:
    """Midranks around their mean in each segment, and how many rows have the same value; shape (n,) both."""
    run = _runs(values, segment)
    tied = _sums(run, weights)
    before = np.cumsum(size) - size
    middle = np.cumsum(tied) - tied / 2
    return middle[run] - (before + size / 2)[segment], tied[run]


def _below(values: Floats, summed: Floats, segment: Ints) -> Floats:
    """Sums over rows of lower value in the same segment and half of those of the same, shape (n,).

    `summed` adds up to 0 in each segment, so that those before it make no difference.
    """
    run = _runs(values, segment)
    total = _sums(run, summed)
    middle: Floats = (np.cumsum(total) - total / 2)[run]
    return middle


def _runs(values: Floats, segment: Ints) -> Ints:
    """Numbers of the distinct values, segment by segment in ascending order, shape (n,)."""
    order = np.lexsort((values, segment))
    ordered, parts = values[order], segment[order]
    new = np.r_[False, (ordered[1:] != ordered[:-1]) | (parts[1:] != parts[:-1])]
    found = np.empty(len(values), np.int64)
    found[order] = np.cumsum(new)
    return found


def _sums(group: Ints, values: Floats, groups: int = 0) -> Floats:
    return np.bincount(group, values, groups).astype(np.float64)
