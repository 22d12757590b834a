"""Clustered standard error of a mean, and how many equal clusters unequal ones are worth."""

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


def effective_clusters(sizes: Floats, counts: Ints) -> int:
    """How many clusters of equal size have the precision of these: (sum of n)^2 / sum of n^2, at least two if there are.

    `sizes`, shape (patterns,), are rows of a cluster of each pattern, `counts` how many clusters have the pattern. Kish
    (1965), "Survey Sampling"; a few large clusters decide a value as a few clusters do.
    """
    total = float(counts @ sizes)
    squares = float(counts @ sizes**2)
    clusters = int(counts[sizes > 0].sum())
    return min(clusters, max(2, round(total**2 / squares))) if squares else clusters
