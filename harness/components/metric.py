"""The metric interface: how answers are scored, in a form that resamples by cluster without a loop."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from harness.arrays import Floats, Ints, Mask, Objects
from harness.components.base import Configured
from harness.deprecations import deprecated
from harness.results import HypothesisTest

Direction = Literal["higher", "lower", "none"]
ScoresColumn = Literal["probabilities", "positions", "attributes", "extra", "grades"]
Estimator = Callable[[npt.NDArray[Any]], Floats]
"""Metric values, shape (resamples,), for weights of shape (resamples, clusters).

Weights are whole numbers, of any type that holds them; resamples are contiguous in memory where there are many.
"""


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
    """Shape (n,), NaN where the reply could not be parsed."""
    cluster: Ints
    """Shape (n,): codes 0..clusters-1 of the unit of resampling (the person shown, or the prompt)."""
    emotion: Ints
    """Shape (n,): codes into `emotions`, -1 where unknown."""
    options: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    low: float = 1.0
    high: float = 5.0
    probabilities: Floats | None = field(default=None, repr=False)
    """Shape (n, options): probability of each option or level, NaN rows where there are none."""
    positions: Ints | None = field(default=None, repr=False)
    """Shape (n, options): at which position (0 first) row i was shown option k, -1 where it was not shown."""
    attributes: Mapping[str, Objects] = field(default_factory=dict, repr=False)
    """Columns of the data by name, shape (n,) each: text, or None. Filled for metrics that declare it in `uses`."""
    extra: Mapping[str, Objects] = field(default_factory=dict, repr=False)
    """What judges put into `JudgeReply.extra`, by key, shape (n,) each: None where a reply lacks it. Filled as above. A key that no reply has is absent."""
    cluster_column: str = ""
    """The column that `cluster` encodes; "" where each sample is its own cluster."""
    sample: Ints | None = field(default=None, repr=False)
    """Shape (n,): codes of what each row asks about, a sample or a pair of them; None where no two rows ask about the same.
    Repeats and both orders of a pair are several rows on one: they are no independent answers."""

    grades: Floats | None = field(default=None, repr=False)
    """Shape (n, options): how far each option is true, where the task's truth is graded; NaN where that is not known."""

    @property
    def read(self) -> Floats:
        """The earlier name of `predicted`."""
        deprecated("Scores.read")
        return self.predicted

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.truth)

    @property
    def clusters(self) -> int:
        """Number of clusters, empty ones included."""
        return int(self.cluster.max()) + 1 if self.n else 0

    @property
    def parsed(self) -> Mask:
        """Rows whose reply could be parsed, shape (n,)."""
        return ~np.isnan(self.predicted)

    @property
    def paired(self) -> Mask:
        """Rows with both a parsed reply and a truth to compare it with, shape (n,)."""
        known: Mask = ~np.isnan(self.truth)
        return self.parsed & known

    def where(self, mask: Mask) -> Scores:
        """The rows that `mask` selects, clusters renumbered from 0."""
        kept = np.unique(self.cluster[mask], return_inverse=True)[1].reshape(-1).astype(np.int64)
        return self.take(np.flatnonzero(mask), kept)

    def take(self, rows: Ints, cluster: Ints) -> Scores:
        """These rows, shape (m,), in these clusters, shape (m,)."""
        return replace(
            self,
            truth=self.truth[rows],
            predicted=self.predicted[rows],
            emotion=self.emotion[rows],
            cluster=cluster,
            sample=None if self.sample is None else self.sample[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            positions=None if self.positions is None else self.positions[rows],
            grades=None if self.grades is None else self.grades[rows],
            attributes={name: column[rows] for name, column in self.attributes.items()},
            extra={name: column[rows] for name, column in self.extra.items()},
        )


@dataclass(frozen=True)
class Estimate:
    """A metric value with its interval, the method of the interval, and notes on either."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Rows that entered."""
    method: str
    missing: str = ""
    """Why there is no value, where there is none."""
    remark: str = ""
    """What is wrong with the interval, if anything."""


class Metric(Configured, ABC):
    """One metric. A subclass writes `estimate`; everything else has a default that fits most metrics.

    The class variables say how the value is to be treated. The optional methods let a metric say which rows entered,
    why its value does not exist, what a reader should know of it, and which tests belong to it.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"choice", "rating"})
    direction: ClassVar[Direction] = "higher"
    resampled: ClassVar[bool] = True
    """False for plain counts, which get no interval."""
    interval: ClassVar[Literal["bootstrap", "jackknife", "own"]] = "bootstrap"
    """How the interval is obtained: "jackknife" where `estimate` is too slow to run on every resample, "own" where
    `own_estimate` gives it."""
    method: ClassVar[str] = "cluster bootstrap"
    """How results describe the bootstrap interval."""
    proportion: ClassVar[bool] = False
    """A share of the rows that enter. Its interval is Korn and Graubard's, which holds near 0 and 1 too."""
    jackknife_below: ClassVar[int] = 0
    """With fewer clusters than this the interval is obtained by the jackknife, where the bootstrap's is too narrow."""
    correlation: ClassVar[bool] = False
    """A correlation. Its jackknife interval is computed on Fisher's z."""
    uses: frozenset[ScoresColumn] = frozenset({"probabilities", "positions"})
    """Which optional columns of `Scores` the metric reads. Fewer make it faster; attributes and extra must be declared.
    Of the class, unless options decide: then the constructor sets it."""
    by_group: ClassVar[bool] = False
    """Reported for every group, next to the primary metric."""
    against_baselines: ClassVar[bool] = False
    """Compared with trivial baselines even where it is not the primary metric."""
    pairs_only: ClassVar[bool] = False
    """Only for answers that name one of two pictures."""
    joins_orders: ClassVar[bool] = False
    """Takes one row for each pair of pictures, made from the replies to both orders, instead of one for each reply."""
    summed: ClassVar[bool] = False
    """The value follows from sums over rows, so that one product of weights and sums serves all resamples."""
    thread_safe: ClassVar[bool] = False
    """`estimator` may be called from several threads at once."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.uses = frozenset(cls.uses)
        unknown = cls.uses - set(get_args(ScoresColumn))
        if unknown:
            raise TypeError(
                f"{cls.__name__}.uses: unknown columns {sorted(unknown)}; known: {', '.join(get_args(ScoresColumn))}"
            )
        if not isinstance(cls.kinds, Set) or not all(isinstance(kind, str) for kind in cls.kinds):
            raise TypeError(f"{cls.__name__}.kinds is no set of texts")
        if cls.direction not in get_args(Direction):
            raise TypeError(f"{cls.__name__}.direction is none of {', '.join(get_args(Direction))}")

    @abstractmethod
    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        """The value for each row of `weights`, shape (resamples, clusters): how often each cluster counts.

        A row of ones gives the value on the data as they are. NaN where a value does not exist.
        Returns shape (resamples,). Clusters that are interchangeable may be passed once, with higher weights;
        `weights` may be overwritten after the return, so do not keep it.
        """

    def entered(self, scores: Scores) -> Mask:
        """Which rows enter the value, shape (n,): all of a choice (unparsed is wrong), parsed ones with a truth of a rating."""
        return np.ones(scores.n, bool) if scores.kind == "choice" else scores.paired

    def missing(self, scores: Scores) -> str:
        """Why the value does not exist on these scores, to follow "NAME does not exist: ". Asked where rows exist."""
        return "it cannot be computed on these answers"

    def remarks(self, scores: Scores, estimate: Estimate) -> Sequence[str]:
        """What a reader of the value should know, to follow "NAME: "."""
        return ()

    def tests(self, scores: Scores, *, seed: int, resamples: int) -> Sequence[HypothesisTest]:
        """Tests that belong to this metric. They enter the Holm correction of the run."""
        return ()

    def extension(self, scores: Scores) -> BaseModel | None:
        """Fields of its own for the results, on the same rows as the value: a pydantic model, whose class is their schema.

        They are stored in `TaskResult.extensions` under the distribution and the metric's name. None for nothing.
        """
        return None

    def estimator(self, scores: Scores) -> Estimator:
        """`estimate` for these scores, prepared once for all resamples."""
        return lambda weights: checked(
            self.estimate(scores, np.ascontiguousarray(weights, np.int64)), len(weights)
        )

    def columns(self, scores: Scores) -> npt.NDArray[Any]:
        """`summed` metrics: what is summed over rows, shape (n, k)."""
        raise TypeError(f"{type(self).__name__} is summed and must define columns()")

    def from_sums(self, sums: Floats) -> Floats:
        """`summed` metrics: the value, shape (resamples,), from sums of shape (resamples, k)."""
        raise TypeError(f"{type(self).__name__} is summed and must define from_sums()")

    def prepared(self, scores: Scores, counts: Ints) -> tuple[Metric, Scores]:
        """The metric and scores to resample: this one, unless something (a fitted curve) is held fixed meanwhile.

        `counts`, shape (clusters,), are the weights that give the value on the data as they are.
        """
        return self, scores

    def own_estimate(self, scores: Scores, counts: Ints, level: float) -> Estimate:
        """Metrics with an interval of their "own": value, interval, method and remark; n is filled in.

        For values that need a correction which a resample cannot make. `counts`, shape (clusters,), says how many
        clusters each one stands for. Called where `estimate` gives a value and there are two clusters or more.
        """
        raise TypeError(f"{type(self).__name__} has an interval of its own and must define own_estimate()")

    def leave_one_out(self, scores: Scores, counts: Ints) -> Floats | None:
        """The value without one cluster of each pattern, shape (clusters,), for the jackknife; None to call `estimate`."""
        return None

    def smooth(self, scores: Scores, counts: Ints) -> bool:
        """Whether `leave_one_out` is fast and accurate here: with many rows the jackknife then replaces the bootstrap."""
        return False


def checked(values: Any, resamples: int) -> Floats:
    """An estimate as float64. Raises ValueError unless it has one value for each resample."""
    found = np.asarray(values, np.float64)
    if found.shape != (resamples,):
        raise ValueError(f"estimate returned shape {found.shape} for {resamples} resamples")
    return found


def quietly(call: Callable[[], Floats]) -> Floats:
    """Call with numpy's warnings about divisions by zero and the like off: what does not exist is NaN."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return call()
