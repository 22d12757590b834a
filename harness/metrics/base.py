"""What the built-in metrics share: preparation that serves all draws, and words for what is missing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Metric, Scores
from harness.stats.correlation import ratio
from harness.stats.jackknife import leave_one_out

Estimator = Callable[[npt.NDArray[Any]], Floats]
"""Figures, shape (draws,), for weights of shape (draws, clusters): a metric made ready for certain scores.

Weights are whole numbers, of any type that holds them; draws lie side by side in memory where there are many.
"""


class BuiltIn(Metric):
    """A metric that is made ready once for its scores and then run on many draws."""

    uses_probabilities: ClassVar[bool] = False
    uses_positions: ClassVar[bool] = False
    per_group: ClassVar[bool] = False
    """Shown for every group, beside the primary metric."""
    proportion: ClassVar[bool] = False
    """A share of rows: 0 and 1 get an exact interval, since no draw differs from them."""
    correlation: ClassVar[bool] = False
    reflected: ClassVar[bool] = False
    """A figure of 0 or more that chance only raises, on draws too: they are reflected about it (basic interval)."""
    method: ClassVar[str] = "cluster bootstrap"

    @abstractmethod
    def estimator(self, scores: Scores) -> Estimator:
        """`estimate` for these scores, sorted and tabled once."""

    def resampled_form(self, scores: Scores, counts: Ints) -> tuple[BuiltIn, Scores]:
        """The metric and scores that run on the draws: its own, but for one that holds something fixed meanwhile.

        `counts`, shape (clusters,), are the weights that give the figure on the data as they are.
        """
        return self, scores

    def left_out(self, scores: Scores, counts: Ints) -> Floats:
        """The figure without one cluster of each pattern, shape (clusters,), for the jackknife."""
        return leave_one_out(self.estimator(scores), counts)

    def smooth(self, scores: Scores, counts: Ints) -> bool:
        """Whether `left_out` follows from derivatives, quickly and well: with many rows it serves instead of few draws."""
        return False

    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        if not self.entered(scores).any():
            return np.full(len(weights), np.nan)
        return self.estimator(scores)(weights)

    def entered(self, scores: Scores) -> Mask:
        """Which rows enter the figure, shape (n,)."""
        return entered(scores)

    def missing(self, scores: Scores) -> str:
        """Why the figure does not exist on these scores, as the end of "NAME does not exist: ..."."""
        return missing_rows(scores) or "it cannot be computed on these answers"


def uses(metric: Metric, what: Literal["probabilities", "positions"]) -> bool:
    """Whether a metric uses `probabilities` or `positions`: a plugin's may use whatever `Scores` offers."""
    return bool(getattr(metric, f"uses_{what}", not isinstance(metric, BuiltIn)))


class TableMetric(BuiltIn):
    """A figure that follows from sums over rows: sums by cluster serve all draws in one product."""

    @abstractmethod
    def columns(self, scores: Scores) -> npt.NDArray[Any]:
        """What is summed, shape (n, k)."""

    @abstractmethod
    def from_sums(self, sums: Floats) -> Floats:
        """The figure, shape (draws,), from sums of shape (draws, k)."""

    def estimator(self, scores: Scores) -> Estimator:
        """One product of weights and sums by cluster."""
        table = cluster_sums(self.columns(scores), scores.cluster, scores.clusters)
        return lambda weights: self.from_sums(weights @ table)

    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        """See `Metric.estimate`. For one draw no sums by cluster are made: there may be very many clusters."""
        if len(weights) != 1 or not self.entered(scores).any():
            return super().estimate(scores, weights)
        counts = weights[0][scores.cluster]
        return self.from_sums(
            np.array([[(column * counts).sum() for column in self.columns(scores).T]], np.float64)
        )


def cluster_sums(columns: npt.NDArray[Any], cluster: Ints, clusters: int) -> Floats:
    """Sums of each column over the rows of each cluster, shape (clusters, k), from shape (n, k)."""
    sums = [np.bincount(cluster, weights=column, minlength=clusters) for column in columns.T]
    return np.stack(sums, axis=1) if sums else np.zeros((clusters, 0))


def share(columns: Floats) -> Floats:
    """First column over second: the figure of metrics that are a mean."""
    return ratio(columns[:, 0], columns[:, 1])


def parsed(scores: Scores) -> Mask:
    """Rows whose reply could be read, shape (n,)."""
    return ~np.isnan(scores.predicted)


def paired(scores: Scores) -> Mask:
    """Rows that have both a reply that could be read and a truth to hold it against, shape (n,)."""
    known: Mask = ~np.isnan(scores.truth)
    return parsed(scores) & known


def entered(scores: Scores) -> Mask:
    """Rows that enter a metric by default: all for a choice (unparsed is wrong), `paired` for a rating."""
    return np.ones(scores.n, bool) if scores.kind == "choice" else paired(scores)


def missing_rows(scores: Scores) -> str:
    """Says that there are no rows, or none that could be read; empty otherwise."""
    if not scores.n:
        return "nothing was answered"
    if scores.kind == "choice":
        return ""
    if not parsed(scores).any():
        return "no reply could be read"
    return "" if paired(scores).any() else "no sample has a truth to hold the replies against"
