"""Paired comparison of two runs, McNemar's test, and corrections for multiple tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.intervals import percentile_interval
from harness.stats.weights import cluster_weights

MANY_PAIRED = 50
"""From this many clusters on, intervals of differences are not widened: the bootstrap p is already conservative then."""


@dataclass(frozen=True)
class Difference:
    """Difference between two estimates on the same samples, with its interval and two-sided p value.

    NaN where an estimate is undefined or there are fewer than two clusters.
    """

    value: float
    low: float
    high: float
    p: float


def paired_difference(
    first: Callable[[Ints], Floats],
    second: Callable[[Ints], Floats],
    counts: Ints,
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
    width: int = 0,
) -> Difference:
    """`second` minus `first`, by a paired cluster bootstrap that gives both the same resamples.

    Both take weights of shape (resamples, patterns) and return shape (resamples,). The patterns are distinct clusters
    of the two runs' joined rows (`harness.stats.collapse`); pattern i stands for `counts[i]` clusters. p is twice the
    share of resamples on the far side of 0, with the data counted as one resample, so it is never 0. Below
    `MANY_PAIRED` clusters, interval and p are corrected for their number (`harness.stats.intervals.expanded_tail`).
    """
    value = float((second(counts[None]) - first(counts[None]))[0])
    if not math.isfinite(value) or counts.sum() < 2:
        return Difference(value, math.nan, math.nan, math.nan)
    found = np.concatenate(
        [second(weights) - first(weights) for weights in cluster_weights(counts, resamples, seed, width)]
    )
    clusters = int(counts.sum()) if counts.sum() < MANY_PAIRED else 0
    low, high = percentile_interval(found, level, clusters) or (math.nan, math.nan)
    found = found[np.isfinite(found)]
    tail = min(int((found <= 0).sum()), int((found >= 0).sum()))
    return Difference(value, low, high, _expanded_p(min(1.0, 2 * (tail + 1) / (len(found) + 1)), clusters))


def _expanded_p(p: float, clusters: int) -> float:
    """The p value consistent with an interval widened by `expanded_tail`: the interval excludes 0 if p < 1 - level."""
    if p >= 1 or not clusters:
        return min(p, 1.0)
    from scipy.special import stdtr

    z = NormalDist().inv_cdf(p / 2)
    return 2 * float(stdtr(clusters - 1, z * math.sqrt((clusters - 1) / clusters)))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test, from the numbers of samples that only one of the two runs got right."""
    total = only_first + only_second
    if not total:
        return 1.0
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_first, only_second), total, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p values, in input order. Controls the family-wise error rate."""
    ordered, order = _sorted(p_values)
    adjusted = np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))
    return _restore(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg adjusted p values, in input order. Controls the false discovery rate."""
    ordered, order = _sorted(p_values)
    adjusted = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    return _restore(np.minimum.accumulate(adjusted[::-1])[::-1], order)


def _sorted(p_values: Sequence[float]) -> tuple[Floats, Ints]:
    values = np.asarray(p_values, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p values must lie in 0..1")
    order = np.argsort(values, kind="stable")
    return values[order], order


def _restore(values: Floats, order: Ints) -> list[float]:
    result = np.empty(len(values))
    result[order] = np.minimum(values, 1.0)
    return [float(value) for value in result]
