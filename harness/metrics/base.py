"""What the built-in metrics share: preparation that serves all resamples, and reasons for missing values."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimator, Metric, Scores
from harness.stats.correlation import ratio


class BuiltIn(Metric):
    """A metric that is prepared once for its scores and then run on many resamples."""

    uses = frozenset()
    thread_safe = True

    @abstractmethod
    def estimator(self, scores: Scores) -> Estimator:
        """`estimate` for these scores, sorted and tabulated once."""

    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        if not self.entered(scores).any():
            return np.full(len(weights), np.nan)
        return self.estimator(scores)(weights)


class TableMetric(BuiltIn):
    """A value that follows from sums over rows: sums by cluster serve all resamples in one product."""

    summed = True

    @abstractmethod
    def columns(self, scores: Scores) -> npt.NDArray[Any]:
        """What is summed, shape (n, k)."""

    @abstractmethod
    def from_sums(self, sums: Floats) -> Floats:
        """The value, shape (resamples,), from sums of shape (resamples, k)."""

    def estimator(self, scores: Scores) -> Estimator:
        table = cluster_sums(self.columns(scores), scores.cluster, scores.clusters)
        return lambda weights: self.from_sums(weights @ table)

    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        # For one set of weights no sums by cluster are needed: there may be very many clusters.
        if len(weights) != 1 or not self.entered(scores).any():
            return super().estimate(scores, weights)
        counts = weights[0][scores.cluster]
        return self.from_sums(
            np.array([[(column * counts).sum() for column in self.columns(scores).T]], np.float64)
        )


def distinct_samples(scores: Scores, inside: Mask, counts: Ints) -> int:
    """How many samples the rows `inside` ask about: repeats of one sample say no more than it does."""
    cluster = scores.cluster[inside]
    if scores.sample is not None:
        cluster = np.unique(np.stack([cluster, scores.sample[inside]]), axis=1)[0]
    return int(counts @ np.bincount(cluster, minlength=len(counts)))


def cluster_sums(columns: npt.NDArray[Any], cluster: Ints, clusters: int) -> Floats:
    """Sums of each column over the rows of each cluster, shape (clusters, k), from shape (n, k)."""
    sums = [np.bincount(cluster, weights=column, minlength=clusters) for column in columns.T]
    return np.stack(sums, axis=1) if sums else np.zeros((clusters, 0))


def share(columns: Floats) -> Floats:
    """First column over second: the value of metrics that are a mean."""
    return ratio(columns[:, 0], columns[:, 1])


def missing_rows(scores: Scores) -> str:
    """Says that there are no rows, or none that could be parsed and compared; empty otherwise."""
    if not scores.n:
        return "nothing was answered"
    if scores.kind == "choice":
        return ""
    if not scores.parsed.any():
        return "no reply could be parsed"
    return "" if scores.paired.any() else "no sample has a truth to compare the replies with"
