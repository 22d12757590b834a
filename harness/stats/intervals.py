"""Confidence intervals: percentile (widened for few clusters) and BCa from bootstrap resamples, and Student's t."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats
from harness.stats.beta import beta_quantile, t_quantile_two_sided

MANY = 200
"""From this many clusters on, plain percentile intervals have their nominal coverage."""

Ends = tuple[float, float]


def percentile_interval(resamples: Floats, level: float = 0.95, clusters: int = 0) -> Ends | None:
    """The percentile interval of the finite resamples; None if fewer than half of them are finite.

    `clusters`, the number of clusters resampled, widens it as `expanded_tail` describes.
    """
    found = resamples[np.isfinite(resamples)]
    if not len(found) or 2 * len(found) < len(resamples):
        return None
    tail = expanded_tail((1 - level) / 2, clusters)
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def expanded_tail(tail: float, clusters: int) -> float:
    """The tail probability to cut off the resamples of C = `clusters` clusters for a nominal `tail`.

    Percentile intervals are too narrow for few clusters: the bootstrap variance has divisor C instead of C - 1, and z
    takes the place of t. The expanded percentile interval corrects both, with z = sqrt(C / (C - 1)) t (Hesterberg
    2015, "What teachers should know about the bootstrap", section 5). Returns `tail` unchanged from `MANY` clusters
    on, where the correction is negligible, and below two.
    """
    if not 2 <= clusters < MANY:
        return tail
    normal = NormalDist()
    return normal.cdf(math.sqrt(clusters / (clusters - 1)) * t_quantile(tail, clusters - 1))


def t_quantile(p: float, freedom: int) -> float:
    """Quantile of Student's t, expanded around the normal quantile (Abramowitz and Stegun 26.7.5).

    The relative error at 2.5% is below 1e-4 from 8 degrees of freedom on, below 2% at 3. Avoids scipy, which is slow
    to import.
    """
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def bca_interval(resamples: Floats, value: float, acceleration: float, level: float = 0.95) -> Ends | None:
    """The bias-corrected and accelerated interval (Efron 1987) around `value`.

    `acceleration` comes from `harness.stats.jackknife.acceleration`. None if fewer than half of the resamples are
    finite, or if all of them lie on one side of `value`, so that the bias cannot be estimated.
    """
    found = resamples[np.isfinite(resamples)]
    if not len(found) or 2 * len(found) < len(resamples):
        return None
    below = (np.mean(found < value) + np.mean(found <= value)) / 2
    if not 0 < below < 1:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + normal.inv_cdf(tail)
        scale = 1 - acceleration * shifted
        if scale <= 0:
            return None
        ends.append(normal.cdf(bias + shifted / scale))
    low, high = np.quantile(found, ends)
    return float(low), float(high)


def proportion_interval(
    share: float, n: int, variance: float, clusters: int, level: float = 0.95
) -> tuple[Ends, float]:
    """Korn and Graubard's interval of a proportion from clustered rows, and its effective sample size.

    Clopper and Pearson's exact interval with the number of independent rows that would give `variance` (that of the
    share, by cluster), reduced for the degrees of freedom with which it is known, and never above `n` (Korn and Graubard
    1998, "Confidence intervals for proportions with small expected number of positive counts", Survey Methodology 24).
    Where the share is 0 or 1 the variance is not known, and rows count as independent, as they do with a single
    exception. At least two clusters.
    """
    tail = (1 - level) / 2
    independent = share * (1 - share) / variance if variance > 0 else float(n)
    penalty = (_t(n - 1, level) / _t(clusters - 1, level)) ** 2
    effective = max(1.0, min(float(n), independent * penalty))
    hits = share * effective
    low = beta_quantile(hits, effective - hits + 1, tail) if share > 0 else 0.0
    high = beta_quantile(hits + 1, effective - hits, 1 - tail) if share < 1 else 1.0
    return (low, high), effective


def _t(freedom: int, level: float) -> float:
    # The expansion is accurate to 1e-6 from 30 degrees of freedom on, and much faster.
    return t_quantile_two_sided(freedom, level) if freedom < 30 else -t_quantile((1 - level) / 2, freedom)


def t_interval(value: float, error: float, freedom: float, level: float = 0.95) -> Ends:
    """`value` plus and minus its t half-width; NaN with fewer than one degree of freedom."""
    half_width = t_half_width(error, freedom, level)
    return value - half_width, value + half_width


def t_half_width(error: float, freedom: float, level: float = 0.95) -> float:
    """The two-sided critical value of t times the standard error; NaN with fewer than one degree of freedom."""
    if freedom < 1:
        return math.nan
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2)) * error
