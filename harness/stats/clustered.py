"""Clustered standard error of a mean, and the exact bound of a proportion."""

from __future__ import annotations

import math

import numpy as np

from harness.arrays import Floats, Ints


def clustered_standard_error(values: Floats, cluster: Ints) -> float:
    """Clustered standard error of the mean of `values`, shape (n,).

    SE^2 = SE_CLT^2 + n^-2 * sum over clusters of sum over i != j of (s_i - mean)(s_j - mean), with
    SE_CLT^2 the variance (divisor n - 1) over n (Miller 2024, "Adding Error Bars to Evals"). NaN below two
    rows; 0 if negative correlation within clusters makes the sum negative.
    """
    n = len(values)
    if n < 2:
        return math.nan
    away = values - values.mean()
    sums = np.bincount(cluster, weights=away)
    squares = float(away @ away)
    variance = squares / (n - 1) / n + (float(sums @ sums) - squares) / n**2
    return math.sqrt(max(variance, 0.0))


def exact_bound(clusters: int, level: float = 0.95) -> float:
    """Lower end of the exact (Clopper-Pearson) interval of a proportion of 1 in `clusters` trials.

    One minus it is the upper end for a proportion of 0. Used where all bootstrap resamples are equal, so that
    20 correct out of 20 does not get an interval of zero width.
    """
    return float(((1 - level) / 2) ** (1 / clusters))
