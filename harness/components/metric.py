"""The metric interface: how answers are scored, in a form that resamples by cluster without a loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints
from harness.components.base import Configured

Direction = Literal["higher", "lower", "none"]


@dataclass(frozen=True)
class Scores:
    """The answered questions of one task: n rows, one for each reply (unparsed ones included, failed ones not).

    For a choice, `truth` and `predicted` hold codes into `options` as float64, and an unparsed reply is NaN.
    For a rating they hold values on the scale, and an unparsed reply is NaN.
    """

    kind: Literal["choice", "rating"]
    truth: Floats
    """Shape (n,). NaN only in a rating whose sample has no label: such a row has no truth to compare with."""
    predicted: Floats
    """Shape (n,), NaN where the reply could not be read."""
    cluster: Ints
    """Shape (n,): codes 0..clusters-1 of the unit that is resampled (the person drawn, or the prompt)."""
    emotion: Ints
    """Shape (n,): codes into `emotions`, -1 where unknown."""
    options: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    low: float = 1.0
    high: float = 5.0
    probabilities: Floats | None = field(default=None, repr=False)
    """Shape (n, options): probability of each option or level, NaN rows where there are none."""
    positions: Ints | None = field(default=None, repr=False)
    """Shape (n, options): at which place (0 first) row i was shown option k, -1 where it was not shown."""

    @property
    def read(self) -> Floats:
        """The earlier name of `predicted`."""
        return self.predicted

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.truth)

    @property
    def clusters(self) -> int:
        """Number of clusters, empty ones included."""
        return int(self.cluster.max()) + 1 if self.n else 0

    def where(self, mask: npt.NDArray[np.bool_]) -> Scores:
        """The rows that `mask` selects, clusters numbered anew from 0."""
        kept = np.unique(self.cluster[mask], return_inverse=True)[1].reshape(-1).astype(np.int64)
        probabilities = None if self.probabilities is None else self.probabilities[mask]
        positions = None if self.positions is None else self.positions[mask]
        return replace(
            self,
            truth=self.truth[mask],
            predicted=self.predicted[mask],
            cluster=kept,
            emotion=self.emotion[mask],
            probabilities=probabilities,
            positions=positions,
        )


class Metric(Configured, ABC):
    """One figure. A subclass sets the class variables and writes `estimate`."""

    kinds: ClassVar[frozenset[str]] = frozenset({"choice", "rating"})
    direction: ClassVar[Direction] = "higher"
    resampled: ClassVar[bool] = True
    """False for plain counts, which get no interval."""
    interval: ClassVar[Literal["bootstrap", "jackknife"]] = "bootstrap"
    """How the interval is had: "jackknife" where `estimate` is too slow to run on every draw."""

    @abstractmethod
    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        """The figure for each row of `weights`, shape (draws, clusters): how often each cluster counts.

        A row of ones gives the figure on the data as they are. NaN where a figure does not exist.
        Returns shape (draws,). Clusters that are interchangeable may be passed once, with higher weights;
        `weights` may be overwritten after the return, so do not keep it.
        """
