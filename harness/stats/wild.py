"""The wild cluster bootstrap: tests and intervals of a mean that hold with few clusters, such as 12 models."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.comparison import Difference

FEWEST = 6
"""Clusters from which signs alone make enough patterns (2^6); fewer take Webb's six points."""
WEBB = np.sqrt([0.5, 1.0, 1.5])
STEPS, FARTHEST = 40, 1e6


def wild_cluster_p(
    values: Floats, cluster: Ints, *, null: float = 0.0, seed: int = 0, resamples: int = 9_999
) -> float:
    """Two-sided p for the mean of `values`, shape (n,) (paired differences, for one), being `null`.

    Cameron, Gelbach and Miller (2008), the null hypothesis imposed: what each cluster lies away from it is
    multiplied by a random sign (all patterns of signs where there are at most `resamples`), or, below six clusters, by
    one of Webb's (2014) six points, and the clustered t statistic is compared with those of the draws. NaN with
    fewer than two clusters.
    """
    sums, sizes = _clusters(values, cluster)
    if len(sizes) < 2:
        return math.nan
    return _share_beyond(sums - sizes * null, sizes, _signs(len(sizes), resamples, seed))


def wild_cluster_mean(
    values: Floats,
    cluster: Ints,
    *,
    null: float = 0.0,
    seed: int = 0,
    resamples: int = 9_999,
    level: float = 0.95,
) -> Difference:
    """The mean of `values` less `null`, with its p and the interval of what `wild_cluster_p` does not reject.

    The interval is endless where there are too few patterns to reject anything at this level, and NaN with fewer
    than two clusters.
    """
    sums, sizes = _clusters(values, cluster)
    mean = float(values.mean()) if len(values) else math.nan
    if len(sizes) < 2:
        return Difference(mean - null, math.nan, math.nan, math.nan)
    signs = _signs(len(sizes), resamples, seed)

    def p_value(hypothesis: float) -> float:
        return _share_beyond(sums - sizes * hypothesis, sizes, signs)

    away = sums - sizes * mean
    step = math.sqrt(float(away @ away)) / len(values)
    low, high = (_edge(p_value, mean, side * step, 1 - level) for side in (-1, 1))
    return Difference(mean - null, low - null, high - null, p_value(null))


def _clusters(values: Floats, cluster: Ints) -> tuple[Floats, Floats]:
    """Sum and number of the values of each cluster."""
    codes = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    return np.bincount(codes, values).astype(np.float64), np.bincount(codes).astype(np.float64)


def _signs(clusters: int, resamples: int, seed: int) -> Floats:
    if clusters >= FEWEST and 2**clusters <= resamples:
        return np.array(list(product((1.0, -1.0), repeat=clusters)))
    rng = np.random.default_rng(seed)
    signs = rng.choice((1.0, -1.0), (resamples, clusters))
    return signs if clusters >= FEWEST else signs * rng.choice(WEBB, (resamples, clusters))


def _share_beyond(away: Floats, sizes: Floats, signs: Floats) -> float:
    """Share of the draws whose t statistic is as far out as that of the data, which count as one unless drawn."""
    own = float(_statistics(away[None], sizes)[0])
    beyond = int((_statistics(signs * away, sizes) >= own * (1 - 1e-9)).sum())
    everything = len(signs) == 2 ** len(sizes)
    return beyond / len(signs) if everything else (beyond + 1) / (len(signs) + 1)


def _statistics(sums: Floats, sizes: Floats) -> Floats:
    """|t|, up to a factor, for cluster sums of shape (draws, clusters).

    Without error a mean of 0 is no evidence, and any other is all the evidence that there can be.
    """
    total = np.abs(sums.sum(axis=1))
    error = np.sqrt(((sums - sums.sum(axis=1, keepdims=True) / sizes.sum() * sizes) ** 2).sum(axis=1))
    found = np.where(total > 0, math.inf, 0.0)
    np.divide(total, error, out=found, where=error > 1e-12 * total)
    return found


def _edge(p_value: Callable[[float], float], mean: float, step: float, alpha: float) -> float:
    """Where nulls begin to be rejected, going from the mean in the direction of `step`, one standard error."""
    if step == 0:
        return mean
    far = 1.0
    while p_value(mean + far * step) > alpha:
        far *= 2
        if far > FARTHEST:
            return math.copysign(math.inf, step)
    near = 0.0
    for _ in range(STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if p_value(mean + middle * step) > alpha else (near, middle)
    return mean + far * step
