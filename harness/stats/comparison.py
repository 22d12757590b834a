"""Paired comparison of two runs, sign-flip and McNemar's tests, and corrections for multiple tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.intervals import percentile_interval
from harness.stats.jackknife import leave_one_out
from harness.stats.weights import CELLS, cluster_weights

MANY_PAIRED = 50
"""From this many clusters on, intervals of differences are not widened: the bootstrap p is already conservative then."""
ENUMERATED = 12
"""Up to this many clusters with a difference, all patterns of signs are enumerated."""
TIE = 1e-9
"""Relative difference below which two sums are equal."""


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
    of the two runs' joined rows (`harness.stats.collapse`); pattern i stands for `counts[i]` clusters.

    p is the larger of two. The first is twice the share of resamples on the far side of 0, with the data counted as one
    resample; below `MANY_PAIRED` clusters, it and the interval are corrected for their number
    (`harness.stats.intervals.expanded_tail`). It is too small where few clusters differ: resamples without any of 4
    differences are rare, but 4 differences have the same sign by chance in 1 of 8 cases. The second is `sign_flip_p`
    of each cluster's share in the difference, which is McNemar's mid-p where clusters are single right or wrong answers.
    Where only the second keeps 0, the interval is extended to it. With more patterns than resamples there is no second.
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
    p = _expanded_p(min(1.0, 2 * (tail + 1) / (len(found) + 1)), clusters)
    if len(counts) <= resamples:
        left_out = leave_one_out(lambda weights: second(weights) - first(weights), counts)
        away = value + (int(counts.sum()) - 1) * (np.average(left_out, weights=counts) - left_out)
        flipped = sign_flip_p(away, counts, seed=seed, resamples=resamples)
        if flipped > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        p = p if math.isnan(flipped) else max(p, flipped)
    return Difference(value, low, high, p)


def sign_flip_p(away: Floats, counts: Ints, *, seed: int, resamples: int = 10_000) -> float:
    """Two-sided mid-p of the hypothesis that differences are symmetric about 0.

    `away`, shape (patterns,), holds the difference of each cluster; pattern i stands for `counts[i]` clusters. Under
    the hypothesis each sign is as likely as the other (Fisher's randomisation of paired samples, 1935). Sums equal to
    that of the data count half (Lancaster 1961). All signs are enumerated where at most `ENUMERATED` clusters differ.
    NaN if a difference is undefined.
    """
    if not np.isfinite(away).all():
        return math.nan
    differ = np.abs(away) > TIE * np.abs(away).max(initial=0.0)
    away, counts = away[differ], counts[differ]
    edge, slack = abs(float(counts @ away)), TIE * float(counts @ np.abs(away))
    if edge <= slack:
        return 1.0
    total = int(counts.sum())
    if total <= ENUMERATED:
        signs = 1.0 - 2.0 * (np.arange(1 << total)[:, None] >> np.arange(total) & 1)
        sums, own = signs @ np.repeat(away, counts), 0
    else:
        rng, step = np.random.default_rng((seed % 2**64, total)), max(1, CELLS // len(counts))
        sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
        sums = np.concatenate(
            [(counts - 2 * rng.binomial(counts, 0.5, (size, len(counts)))) @ away for size in sizes]
        )
        own = 1
    beyond = int((np.abs(sums) > edge + slack).sum())
    equal = int((np.abs(sums) >= edge - slack).sum()) - beyond
    return (beyond + (equal + own) / 2) / (len(sums) + own)


def _expanded_p(p: float, clusters: int) -> float:
    """The p value consistent with an interval widened by `expanded_tail`: the interval excludes 0 if p < 1 - level."""
    if p >= 1 or not clusters:
        return min(p, 1.0)
    from scipy.special import stdtr

    z = NormalDist().inv_cdf(p / 2)
    return 2 * float(stdtr(clusters - 1, z * math.sqrt((clusters - 1) / clusters)))


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided mid-p of McNemar's test, from the numbers of samples that only one of the two runs got right.

    The exact p minus half the probability of the data on either side (Fagerland, Lydersen and Laake 2013). Only for
    samples that are independent: one answer in each cluster. 1 where the numbers are equal.
    """
    total = only_first + only_second
    if only_first == only_second:
        return 1.0
    from scipy.special import bdtr

    fewer = min(only_first, only_second)
    below = float(bdtr(fewer - 1, total, 0.5)) if fewer else 0.0
    return below + float(bdtr(fewer, total, 0.5))


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
