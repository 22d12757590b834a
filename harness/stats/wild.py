"""The wild cluster bootstrap: test and interval of a mean that stay valid with few clusters, such as 12 models."""

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
    """Two-sided p of the hypothesis that the mean of `values`, shape (n,), such as paired differences, is `null`.

    Cameron, Gelbach and Miller (2008), with the null hypothesis imposed: the deviation of each cluster from it is
    multiplied by a random sign (or by all sign patterns, if there are at most `resamples`), or, below six clusters, by
    one of Webb's (2014) six points. The clustered t statistic is then compared with those of the resamples. NaN with
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
    """The mean of `values` minus `null`, with its p and the interval of nulls that `wild_cluster_p` does not reject.

    The interval is infinite if there are too few patterns to reject anything at this level, and NaN with fewer than
    two clusters.
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
    """Sum and number of values of each cluster."""
    codes = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    return np.bincount(codes, values).astype(np.float64), np.bincount(codes).astype(np.float64)


def _signs(clusters: int, resamples: int, seed: int) -> Floats:
    if clusters >= FEWEST and 2**clusters <= resamples:
        return np.array(list(product((1.0, -1.0), repeat=clusters)))
    rng = np.random.default_rng(seed)
    signs = rng.choice((1.0, -1.0), (resamples, clusters))
    return signs if clusters >= FEWEST else signs * rng.choice(WEBB, (resamples, clusters))


def _share_beyond(away: Floats, sizes: Floats, signs: Floats) -> float:
    """Share of resamples with a t statistic at least as extreme as that of the data.

    The data count as one resample unless all sign patterns, theirs included, are enumerated.
    """
    own = float(_statistics(away[None], sizes)[0])
    beyond = int((_statistics(signs * away, sizes) >= own * (1 - 1e-9)).sum())
    exhaustive = len(signs) == 2 ** len(sizes)
    return beyond / len(signs) if exhaustive else (beyond + 1) / (len(signs) + 1)


def _statistics(sums: Floats, sizes: Floats) -> Floats:
    """|t|, up to a constant factor, for cluster sums of shape (resamples, clusters).

    With zero error, a mean of 0 gives 0 and any other mean gives infinity.
    """
    total = np.abs(sums.sum(axis=1))
    error = np.sqrt(((sums - sums.sum(axis=1, keepdims=True) / sizes.sum() * sizes) ** 2).sum(axis=1))
    found = np.where(total > 0, math.inf, 0.0)
    np.divide(total, error, out=found, where=error > 1e-12 * total)
    return found


def _edge(p_value: Callable[[float], float], mean: float, step: float, alpha: float) -> float:
    """The first rejected null, searched from the mean in the direction of `step`, which is one standard error."""
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
