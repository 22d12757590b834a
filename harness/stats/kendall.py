"""Kendall's tau-b for weighted rows and its leave-one-cluster-out values, in O(n log^2 n)."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.correlation import ratio


def tau_b(x: Floats, y: Floats, weights: Floats) -> float:
    """Kendall's tau-b of x and y, shape (n,), where row i occurs `weights[i]` times; NaN if x or y is constant."""
    return float(
        _tau(_concordance(x, y, weights) @ weights / 2, weights.sum(), _tied(x, weights), _tied(y, weights))
    )


def tau_b_left_out(x: Floats, y: Floats, cluster: Ints, counts: Ints) -> Floats:
    """tau-b without one cluster of each pattern, shape (patterns,).

    x, y and cluster have shape (n,); `counts`, shape (patterns,), holds the number of clusters each pattern stands
    for. Pairs with a left-out row are subtracted from the sum over all pairs, pairs within the cluster only once.
    """
    patterns = len(counts)
    weights = counts[cluster].astype(np.float64)
    score = _concordance(x, y, weights)
    lost = np.bincount(cluster, weights=score, minlength=patterns).astype(np.float64)
    rows = np.bincount(cluster, minlength=patterns).astype(np.float64)
    if len(cluster) and rows.max() > 1:
        lost = lost - np.bincount(cluster, weights=_within(x, y, cluster), minlength=patterns) / 2
    x_ties, y_ties = (_tied_left_out(values, cluster, weights, patterns) for values in (x, y))
    return _tau(score @ weights / 2 - lost, weights.sum() - rows, x_ties, y_ties)


def _tau(score: Floats, total: Floats, x_ties: Floats, y_ties: Floats) -> Floats:
    pairs = total * (total - 1) / 2
    spread = np.sqrt(np.maximum(pairs - x_ties, 0.0)) * np.sqrt(np.maximum(pairs - y_ties, 0.0))
    return np.clip(ratio(np.asarray(score), np.asarray(spread)), -1.0, 1.0)


def _concordance(x: Floats, y: Floats, weights: Floats) -> Floats:
    """For each row, the weight of the rows concordant with it minus the weight of the discordant ones."""
    x_code, x_weight = _codes(x, weights)
    y_code, y_weight = _codes(y, weights)
    _, both_weight = _codes((x_code * (len(x) + 1) + y_code).astype(np.float64), weights)
    concordant = _below(x_code, y_code, weights) + _below(-x_code, -y_code, weights)
    comparable: Floats = weights.sum() - x_weight - y_weight + both_weight
    return 2 * concordant - comparable


def _within(x: Floats, y: Floats, cluster: Ints) -> Floats:
    """Concordance of each row with the rows of one copy of its own cluster.

    The cluster code is the leading key of x and, negated, of y, so no two rows of different clusters are concordant.
    """
    ones = np.ones(len(x))
    x_code, y_code = _codes(x, ones)[0], _codes(y, ones)[0]
    width = len(x) + 1
    x_key, y_key = cluster * width + x_code, -cluster * width + y_code
    concordant = _below(x_key, y_key, ones) + _below(-x_key, -y_key, ones)
    x_same, y_same = _codes(x_key.astype(np.float64), ones)[1], _codes(y_key.astype(np.float64), ones)[1]
    cells = np.unique(np.column_stack([x_key, y_key]), axis=0, return_inverse=True)[1].reshape(-1)
    both_same, size = np.bincount(cells)[cells], np.bincount(cluster)[cluster]
    return 2 * concordant - (size - x_same - y_same + both_same)


def _codes(values: Floats, weights: Floats) -> tuple[Ints, Floats]:
    """Code of each value in ascending order, and the weight of all rows with that value."""
    code = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return code, np.bincount(code, weights=weights)[code].astype(np.float64)


def _tied(values: Floats, weights: Floats) -> Floats:
    totals = np.bincount(np.unique(values, return_inverse=True)[1].reshape(-1), weights=weights)
    return np.asarray((totals * (totals - 1) / 2).sum())


def _tied_left_out(values: Floats, cluster: Ints, weights: Floats, patterns: int) -> Floats:
    """Pairs tied in `values` without one cluster of each pattern."""
    code = np.unique(values, return_inverse=True)[1].reshape(-1)
    totals = np.bincount(code, weights=weights)
    width = len(totals)
    cells, own = np.unique(cluster * width + code, return_counts=True)
    before = totals[cells % width]
    after = before - own
    lost = (before * (before - 1) - after * (after - 1)) / 2
    left: Floats = (totals * (totals - 1) / 2).sum() - np.bincount(cells // width, lost, patterns)
    return left


def _below(x: Ints, y: Ints, weights: Floats) -> Floats:
    """For each row, the weight of the rows with both a strictly smaller x and a strictly smaller y.

    A bottom-up merge sort that handles all blocks of a level at once: in the order of x, each row of a block's right
    half counts the rows of the left half that have a smaller y.
    """
    order = np.lexsort((-y, x))
    code = np.unique(y[order], return_inverse=True)[1].reshape(-1)
    weight = weights[order]
    height, position = int(code.max()) + 1 if len(code) else 1, np.arange(len(code))
    found, width = np.zeros(len(code)), 1
    while width < len(code):
        block, left = position // (2 * width), (position // width) % 2 == 0
        merged = np.argsort((block * height + code) * 2 + left, kind="stable")
        running = np.r_[0.0, np.cumsum(np.where(left, weight, 0.0)[merged])]
        before = running[:-1] - running[2 * width * block[merged]]
        found[merged] += np.where(left[merged], 0.0, before)
        width *= 2
    result = np.empty(len(code))
    result[order] = found
    return result
