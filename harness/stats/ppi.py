"""Prediction-powered inference: a mean over people's labels, sharpened by a judge's readings of more samples.

Angelopoulos, Bates, Fannjiang, Jordan and Zrnic (2023), "Prediction-powered inference", Science 382; Angelopoulos,
Duchi and Zrnic (2023), "PPI++: Efficient prediction-powered inference" (the weight). The mean is unbiased for what
people would say whatever the judge does, as long as the labelled samples are drawn from the same ones as the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints


@dataclass(frozen=True)
class PpiMean:
    """A mean with its interval; `error` and interval are NaN with fewer than two labels or clusters of them."""

    value: float
    low: float
    high: float
    error: float
    weight: float
    """How far the judge is relied on: 0 is the mean of the labels alone, 1 is plain PPI."""
    labelled: int
    unlabelled: int
    moments: Moments
    level: float

    @property
    def width(self) -> float:
        """From low to high."""
        return self.high - self.low


@dataclass(frozen=True)
class Moments:
    """Variances of the means that make up the estimate, clusters accounted for."""

    label: float
    """Variance of the mean label."""
    both: float
    """Covariance of the mean label with (mean reading where labelled - mean reading elsewhere)."""
    prediction: float
    """Variance of (mean reading where labelled - mean reading elsewhere)."""
    clusters: int
    """Clusters that have a label."""

    def variance(self, weight: float) -> float:
        """Of the estimate with this weight."""
        return max(self.label - 2 * weight * self.both + weight**2 * self.prediction, 0.0)

    @property
    def best(self) -> float:
        """The weight of least variance within 0..1; 0 for a judge that reads the same everywhere."""
        return min(max(self.both / self.prediction, 0.0), 1.0) if self.prediction > 0 else 0.0


def ppi_mean(
    labels: Floats,
    ratings_table: Floats,
    others: Floats,
    *,
    weight: float | None = None,
    cluster: Ints | None = None,
    other_cluster: Ints | None = None,
    level: float = 0.95,
) -> PpiMean:
    """Mean label over all samples: weight * mean(others) + mean(labels - weight * readings), with a t interval.

    `labels` and `ratings_table`, shape (n,), are what people and the judge say of the labelled samples; `others`, shape
    (N,), what the judge says of those without a label. All are finite. `weight` None takes the one of least
    variance (PPI++), 1 is plain PPI. `cluster` and `other_cluster`, shapes (n,) and (N,), number the clusters; the
    error then adds the products of all pairs within a cluster, as `clustered_standard_error` does.
    """
    n = len(labels)
    if not n:
        raise ValueError("there are no labels")
    moments = _moments(labels, ratings_table, others, cluster, other_cluster)
    if not len(others):
        weight = 0.0
    elif weight is None:
        weight = moments.best if moments.clusters > 1 else 0.0
    value = float(
        np.mean(labels - weight * ratings_table) + (weight * np.mean(others) if len(others) else 0.0)
    )
    error = math.sqrt(moments.variance(weight)) if moments.clusters > 1 else math.nan
    reach = _quantile(moments.clusters, level) * error
    return PpiMean(value, value - reach, value + reach, error, weight, n, len(others), moments, level)


def labels_needed(mean: PpiMean, width: float, *, judge: bool = True) -> int | None:
    """How many more labels bring the interval to `width`, if they are given to samples that have none yet.

    The best weight is assumed, and that further labels vary as those at hand do; without `judge`, what the labels
    alone would take. None where not even a label for every sample is enough, or where the variance is not known.
    """
    everything = mean.labelled + mean.unlabelled
    if not math.isfinite(mean.error) or not width > 0:
        return None
    low, high = mean.labelled, everything
    if _width(mean, low, judge) <= width:
        return 0
    if _width(mean, high, judge) > width:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _width(mean, middle, judge) <= width else (middle, high)
    return high - mean.labelled


def _width(mean: PpiMean, n: int, judge: bool) -> float:
    """Of the interval with n labels, all else being as it is."""
    found, everything = mean.moments, mean.labelled + mean.unlabelled
    variance = found.label * mean.labelled
    if judge and found.prediction > 0 and found.both > 0:
        # Of one sample: reading = s (1 / n + 1 / N), both = c / n; the best weight saves c^2 / s (N / (n + N)) / n.
        spread = found.prediction / (1 / mean.labelled + 1 / mean.unlabelled)
        saved = (found.both * mean.labelled) ** 2 / spread
        variance -= min(saved, variance) * (everything - n) / everything
    clusters = max(2, round(found.clusters * n / mean.labelled))
    return 2 * _quantile(clusters, mean.level) * math.sqrt(variance / n)


def _moments(
    labels: Floats, ratings_table: Floats, others: Floats, cluster: Ints | None, other_cluster: Ints | None
) -> Moments:
    n, rest = len(labels), len(others)
    own = np.arange(n) if cluster is None else cluster
    elsewhere = np.arange(rest) + (int(own.max()) + 1) if other_cluster is None else other_cluster
    codes = np.unique(np.r_[own, elsewhere], return_inverse=True)[1].reshape(-1)
    # What each row adds to the mean label, and to the difference of mean readings.
    label = np.r_[(labels - labels.mean()) / n, np.zeros(rest)]
    prediction = np.r_[
        (ratings_table - ratings_table.mean()) / n, -(others - others.mean()) / rest if rest else others
    ]
    fewer = np.r_[np.full(n, n / max(n - 1, 1)), np.full(rest, rest / max(rest - 1, 1))]

    def covariance(one: Floats, two: Floats) -> float:
        together = np.bincount(codes, one) @ np.bincount(codes, two)
        return float(together - one @ two + (one * fewer) @ two)

    return Moments(
        max(covariance(label, label), 0.0),
        covariance(label, prediction),
        max(covariance(prediction, prediction), 0.0),
        len(np.unique(own)),
    )


def _quantile(clusters: int, level: float) -> float:
    if clusters < 2:
        return math.nan
    from scipy.special import stdtrit

    return float(stdtrit(clusters - 1, (1 + level) / 2))
