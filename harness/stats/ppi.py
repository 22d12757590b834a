"""Prediction-powered inference: the mean human label, estimated from few labels and many judge predictions.

Angelopoulos, Bates, Fannjiang, Jordan and Zrnic (2023), "Prediction-powered inference", Science 382; Angelopoulos,
Duchi and Zrnic (2023), "PPI++: Efficient prediction-powered inference" (the weight). The estimate is unbiased for the
mean human label however poor the judge is, provided that the labelled samples are a random subset of all samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.intervals import t_half_width, t_interval


@dataclass(frozen=True)
class PpiMean:
    """A mean with its t interval; `error` and interval are NaN with fewer than two labelled samples or clusters."""

    value: float
    low: float
    high: float
    error: float
    weight: float
    """Weight of the predictions: 0 is the mean of the labels alone, 1 is plain PPI."""
    labelled: int
    unlabelled: int
    moments: Moments
    level: float

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class Moments:
    """Cluster-robust variances and covariance of the means that make up the estimate."""

    label: float
    """Variance of the mean label."""
    both: float
    """Covariance of the mean label with (mean labelled prediction - mean unlabelled prediction)."""
    prediction: float
    """Variance of (mean labelled prediction - mean unlabelled prediction)."""
    clusters: int
    """Clusters with at least one label."""
    share: float = 1.0
    """Share of all samples that can have a label: the others are known to be 0."""
    shared: float = 0.0
    """Variance of that share."""
    label_shared: float = 0.0
    """Covariance of the mean label with that share."""
    prediction_shared: float = 0.0
    """Covariance of (mean labelled prediction - mean unlabelled prediction) with that share."""

    def overall(self, weight: float, mean: float) -> float:
        """Variance of share * estimate, by the delta method, where the estimate is `mean`."""
        both = self.share * mean * (self.label_shared - weight * self.prediction_shared)
        return max(self.share**2 * self.variance(weight) + 2 * both + mean**2 * self.shared, 0.0)

    def variance(self, weight: float) -> float:
        """Variance of the estimate with this weight."""
        return max(self.label - 2 * weight * self.both + weight**2 * self.prediction, 0.0)

    @property
    def best(self) -> float:
        """The weight within 0..1 that minimises the variance; 0 if all predictions are equal."""
        return min(max(self.both / self.prediction, 0.0), 1.0) if self.prediction > 0 else 0.0


def ppi_mean(
    labels: Floats,
    predictions: Floats,
    unlabelled: Floats,
    *,
    weight: float | None = None,
    cluster: Ints | None = None,
    unlabelled_cluster: Ints | None = None,
    zero_cluster: Ints | None = None,
    level: float = 0.95,
) -> PpiMean:
    """Mean label over all samples: weight * mean(unlabelled) + mean(labels - weight * predictions), with a t interval.

    `labels` and `predictions`, shape (n,), are the human labels and the judge's predictions of the labelled samples;
    `unlabelled`, shape (N,), the judge's predictions of the samples without a label. All are finite. `weight` None
    takes the weight of least variance (PPI++), 1 is plain PPI. `cluster` and `unlabelled_cluster`, shapes (n,) and
    (N,), hold cluster codes; the error then adds the products of all pairs within a cluster, as
    `clustered_standard_error` does. Raises ValueError if there are no labels.

    `zero_cluster`, shape (M,), holds the cluster codes of samples that are known to be 0, such as pictures that were not
    delivered. The mean is then over them too: the share of the other samples times their mean. How large that share is
    varies as well, and by the delta method its variance, and its covariance with the mean, are part of the error.
    """
    n = len(labels)
    if not n:
        raise ValueError("there are no labels")
    moments = _moments(labels, predictions, unlabelled, cluster, unlabelled_cluster, zero_cluster)
    if not len(unlabelled):
        weight = 0.0
    elif weight is None:
        weight = moments.best if moments.clusters > 1 else 0.0
    rest = weight * np.mean(unlabelled) if len(unlabelled) else 0.0
    mean = float(np.mean(labels - weight * predictions) + rest)
    value = moments.share * mean
    error = math.sqrt(moments.overall(weight, mean)) if moments.clusters > 1 else math.nan
    low, high = t_interval(value, error, moments.clusters - 1, level)
    return PpiMean(value, low, high, error, weight, n, len(unlabelled), moments, level)


def labels_needed(mean: PpiMean, width: float, *, judge: bool = True) -> int | None:
    """How many more of the unlabelled samples must be labelled for an interval of this `width`.

    Assumes the best weight, and that new labels vary like the existing ones. With `judge=False`, the number needed
    without the judge's predictions. None if labelling every sample is not enough or the variance is unknown.
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
    """Expected interval width with n labels, everything else unchanged."""
    found, everything = mean.moments, mean.labelled + mean.unlabelled
    variance = found.label * mean.labelled
    if judge and found.prediction > 0 and found.both > 0:
        # With per-sample moments s and c: prediction = s (1 / n + 1 / N), both = c / n. The best weight saves
        # c^2 / s (N / (n + N)) / n.
        spread = found.prediction / (1 / mean.labelled + 1 / mean.unlabelled)
        saved = (found.both * mean.labelled) ** 2 / spread
        variance -= min(saved, variance) * (everything - n) / everything
    clusters = max(2, round(found.clusters * n / mean.labelled))
    # What the share of samples that can have a label adds does not depend on how many have one.
    fixed = max(mean.error**2 - found.share**2 * found.variance(mean.weight), 0.0)
    error = math.sqrt(found.share**2 * variance / n + fixed)
    return 2 * t_half_width(error, clusters - 1, mean.level)


def _moments(
    labels: Floats,
    predictions: Floats,
    unlabelled: Floats,
    cluster: Ints | None,
    unlabelled_cluster: Ints | None,
    zero_cluster: Ints | None,
) -> Moments:
    n, rest = len(labels), len(unlabelled)
    own = np.arange(n) if cluster is None else cluster
    elsewhere = np.arange(rest) + (int(own.max()) + 1) if unlabelled_cluster is None else unlabelled_cluster
    zeros = np.zeros(0, np.int64) if zero_cluster is None else zero_cluster
    codes = np.unique(np.r_[own, elsewhere, zeros], return_inverse=True)[1].reshape(-1)
    total = len(codes)
    share = (n + rest) / total
    # What each row adds to the mean label, to the difference of the mean predictions, and to the share.
    label = np.r_[(labels - labels.mean()) / n, np.zeros(rest + len(zeros))]
    prediction = np.r_[
        (predictions - predictions.mean()) / n,
        -(unlabelled - unlabelled.mean()) / rest if rest else unlabelled,
        np.zeros(len(zeros)),
    ]
    shared = np.r_[np.full(n + rest, 1 - share), np.full(len(zeros), -share)] / total
    bessel = np.r_[np.full(n, n / max(n - 1, 1)), np.full(rest, rest / max(rest - 1, 1)), np.ones(len(zeros))]

    def covariance(one: Floats, two: Floats, correction: Floats | float = bessel) -> float:
        together = np.bincount(codes, one) @ np.bincount(codes, two)
        return float(together - one @ two + (one * correction) @ two)

    return Moments(
        max(covariance(label, label), 0.0),
        covariance(label, prediction),
        max(covariance(prediction, prediction), 0.0),
        len(np.unique(own)),
        share,
        max(covariance(shared, shared, total / max(total - 1, 1)), 0.0),
        covariance(label, shared),
        covariance(prediction, shared),
    )
