"""The interval of a weighted sum of proportions, such as a difference of mean accuracies, near 0 and 1 too."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.clustered import effective_clusters
from harness.stats.correlation import ratio
from harness.stats.intervals import proportion_interval


def contrast_interval(
    hits: Floats, rows: Floats, samples: Ints, weights: Floats, counts: Ints, level: float = 0.95
) -> tuple[float, float]:
    """The interval of `weights` @ proportions, from clustered rows.

    `hits` and `rows` have shape (clusters, k), `samples` (the distinct samples behind the rows) and `weights` (k,), and
    `counts` (clusters,) says how many clusters each one stands for. Every proportion has rows. The distances from the
    proportions to the ends of their Korn-Graubard intervals are combined as standard errors are, with the correlations by
    cluster of the proportions (Zou and Donner 2008, "Construction of confidence limits about effect measures", Statistics
    in Medicine 27). Unlike a bootstrap it does not take a proportion of 0 or 1 to be known exactly.
    """
    totals = counts @ rows
    shares = ratio(counts @ hits, totals)
    away = (hits - shares * rows) / totals
    held = counts @ (rows > 0)
    scale = np.sqrt(held / np.maximum(held - 1, 1))
    covariance = (away * counts[:, None]).T @ away * np.outer(scale, scale)
    error = np.sqrt(np.diag(covariance))
    correlation = np.where(np.outer(error, error) > 0, ratio(covariance, np.outer(error, error)), 0.0)
    np.fill_diagonal(correlation, 1.0)
    ends = np.array(
        [
            proportion_interval(share, n, variance, max(2, effective_clusters(sizes, counts)), level)[0]
            for share, n, variance, sizes in zip(
                shares.tolist(), samples.tolist(), np.diag(covariance).tolist(), rows.T, strict=True
            )
        ]
    )
    below, above = weights * (shares - ends[:, 0]), weights * (ends[:, 1] - shares)
    positive = weights > 0
    down, up = np.where(positive, below, above), np.where(positive, above, below)
    value = float(weights @ shares)
    reach = [float(np.sqrt(max(side @ correlation @ side, 0.0))) for side in (down, up)]
    return value - reach[0], value + reach[1]
