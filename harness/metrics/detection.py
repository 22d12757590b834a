"""How well a judge's probability of one option tells where it is true: areas under curves over all thresholds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimate, Estimator, Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import BuiltIn
from harness.metrics.choice import FEW_CLUSTERS, mean_over_classes
from harness.stats.correlation import ratio

NAMED = 5
"""Emotions that a remark names."""


class DetectionMetric(BuiltIn):
    """A value from the ranking of rows by the probability of one option, the positive one.

    A reply without probabilities ranks by what it says: 1 for the positive option, 0 for another. One that could not be
    parsed ranks last where the option is true and first where it is not, so that refusing is never rewarded. Ties count
    half. Where all rows, or none, are positive, there is no value.
    """

    kinds = frozenset({"choice"})
    uses = frozenset({"probabilities"})
    against_baselines = True
    few: ClassVar[int] = FEW_CLUSTERS
    """An option that is true, or not, in fewer clusters (of an emotion) gets a remark."""

    class Options(HarnessOptions):
        """Of which option, and over what."""

        positive: str = option("", "The option that is looked for; default: the first of two.")
        average: Literal["pooled", "macro"] = option(
            "pooled", "All rows together (pooled), or the mean over emotions of the value of each (macro)."
        )

    def estimator(self, scores: Scores) -> Estimator:
        curves = [
            _Curve(self._ranking(scores)[inside], self._positive(scores)[inside], scores.cluster[inside])
            for inside in self._segments(scores).values()
        ]
        if not curves:
            return lambda weights: np.full(len(weights), np.nan)
        return lambda weights: mean_over_classes(
            np.stack([self.area(*curve(weights)) for curve in curves], axis=1)
        )

    @staticmethod
    @abstractmethod
    def area(positive: Floats, negative: Floats) -> Floats:
        """The value, shape (resamples,), from how many rows have each probability, highest first.

        `positive` and `negative` have shape (resamples, distinct probabilities).
        """

    def entered(self, scores: Scores) -> Mask:
        """All rows; with a mean over emotions, those of the emotions that have a value."""
        inside = np.zeros(scores.n, bool)
        for mask in self._segments(scores).values():
            inside |= mask
        return inside

    def missing(self, scores: Scores) -> str:
        if self._code(scores) is None:
            name = self.options.positive
            return (
                f"{name!r} is not an option"
                if name
                else f"of {len(scores.options)} options none is the positive one"
            )
        return f"{self._named(scores)} is true in all samples, or in none" + (
            " of each emotion" if self.options.average == "macro" else ""
        )

    def remarks(self, scores: Scores, estimate: Estimate) -> Sequence[str]:
        kept = self._segments(scores)
        if self.options.average != "macro":
            rough = estimate.low is not None and any(self._rare(scores, inside) for inside in kept.values())
            what = f"{self._named(scores)} is true, or not, in fewer than {self.few} clusters"
            return [f"the interval is rough, since {what}"] if rough else []
        seen = np.unique(scores.emotion[scores.emotion >= 0]).tolist()
        omitted = [scores.emotions[code] for code in seen if code not in kept]
        rare = [scores.emotions[code] for code, inside in kept.items() if self._rare(scores, inside)]
        found = []
        if omitted:
            found.append(
                f"{_listed(omitted)} omitted: {self._named(scores)} is true in all of their samples, or in none"
            )
        if rare and estimate.low is not None:
            found.append(
                f"the interval is rough, since {self._named(scores)} is true, or not, in fewer than {self.few} clusters for "
                f"{_listed(rare)}"
            )
        return found

    def _rare(self, scores: Scores, inside: Mask) -> bool:
        positive = self._positive(scores)
        sides = (scores.cluster[inside & positive], scores.cluster[inside & ~positive])
        return min(len(np.unique(side)) for side in sides) < self.few

    def _code(self, scores: Scores) -> int | None:
        """The positive option's; None where none is."""
        if self.options.positive:
            return (
                scores.options.index(self.options.positive)
                if self.options.positive in scores.options
                else None
            )
        return 0 if len(scores.options) == 2 else None

    def _named(self, scores: Scores) -> str:
        return scores.options[self._code(scores) or 0]

    def _positive(self, scores: Scores) -> Mask:
        found: Mask = scores.truth == self._code(scores)
        return found

    def _ranking(self, scores: Scores) -> Floats:
        """What rows are ranked by, shape (n,)."""
        code = self._code(scores)
        said = np.where(scores.parsed, scores.predicted == code, np.where(self._positive(scores), -1.0, 2.0))
        if scores.probabilities is None:
            return said.astype(np.float64)
        given = scores.probabilities[:, code]
        return np.where(np.isfinite(given), given, said)

    def _segments(self, scores: Scores) -> dict[int, Mask]:
        """The rows that make one curve each, by the code of the emotion; without those of one class alone."""
        if self._code(scores) is None:
            return {}
        positive = self._positive(scores)
        return {
            code: inside
            for code, inside in self._all_segments(scores)
            if positive[inside].any() and not positive[inside].all()
        }

    def _all_segments(self, scores: Scores) -> Iterator[tuple[int, Mask]]:
        if self.options.average == "pooled":
            yield 0, np.ones(scores.n, bool)
            return
        for code in np.unique(scores.emotion[scores.emotion >= 0]).tolist():
            yield code, scores.emotion == code


class Auroc(DetectionMetric):
    """Area under the ROC curve: how often a positive row ranks above a negative one, ties half (scikit-learn's `roc_auc_score`)."""

    @staticmethod
    def area(positive: Floats, negative: Floats) -> Floats:
        """Pairs in the right order over all pairs."""
        total = negative.sum(axis=1, keepdims=True)
        below = total - np.cumsum(negative, axis=1) + negative / 2
        return ratio((positive * below).sum(axis=1), positive.sum(axis=1) * total[:, 0])


class AveragePrecision(DetectionMetric):
    """Average precision: sum of precision times gain of recall over thresholds (scikit-learn's `average_precision_score`).

    It is biased upwards where few rows are positive, and the mean over emotions averages the noise away but not the bias: 95%
    intervals of it cover 80% in simulations with 15 positive clusters for each of four emotions, 87% with 30 to 60, 90% with 120.
    """

    few = 200

    @staticmethod
    def area(positive: Floats, negative: Floats) -> Floats:
        """Mean over positive rows of the precision at their own threshold; NaN without negative rows."""
        right = np.cumsum(positive, axis=1)
        precision = np.nan_to_num(ratio(right, right + np.cumsum(negative, axis=1)))
        value = ratio((positive * precision).sum(axis=1), positive.sum(axis=1))
        return np.where(negative.sum(axis=1) > 0, value, np.nan)


class _Curve:
    """How many positive and negative rows have each distinct value, highest first, for weights of clusters."""

    def __init__(self, ranking: Floats, positive: Mask, cluster: Ints) -> None:
        order = np.argsort(-ranking, kind="stable")
        self._cluster, self._positive = cluster[order], positive[order]
        ordered = ranking[order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

    def __call__(self, weights: Ints) -> tuple[Floats, Floats]:
        rows = weights[:, self._cluster].astype(np.float64)
        add: Callable[[Floats], Floats] = lambda part: np.add.reduceat(part, self._starts, axis=1)  # noqa: E731
        return add(rows * self._positive), add(rows * ~self._positive)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
