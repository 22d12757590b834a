"""Metrics of choices. A reply that could not be read is wrong."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Mask
from harness.components.metric import Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import TableMetric, share
from harness.stats.correlation import ratio


def classes(scores: Scores) -> int:
    """How many options there are."""
    return len(scores.options)


class ClassMetric(TableMetric):
    """A figure from, for each class, how often it was read rightly, was true, and was read.

    These three make three blocks of as many columns as there are options.
    """

    kinds = frozenset({"choice"})

    def columns(self, scores: Scores) -> npt.NDArray[np.bool_]:
        """Shape (n, 3 * classes): whether it is right, true and read, for each class."""
        number = np.arange(classes(scores))
        true, predicted = scores.truth[:, None] == number, scores.predicted[:, None] == number
        return np.hstack([true & predicted, true, predicted])

    def from_sums(self, sums: Floats) -> Floats:
        right, true, predicted = np.split(sums, 3, axis=1)
        return self.from_classes(right, true, predicted)

    @abstractmethod
    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """The figure from counts by class, shape (draws, classes) each."""


class Accuracy(ClassMetric):
    """Share of replies that are right."""

    proportion = True

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """Right over all."""
        return ratio(right.sum(axis=1), true.sum(axis=1))


class Fidelity(Accuracy):
    """Emotion fidelity: share of pictures that are read as the emotion asked for."""


class BalancedAccuracy(ClassMetric):
    """Mean of the shares right in each class that occurs (scikit-learn's `balanced_accuracy_score`)."""

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """Mean recall over the classes that are true somewhere."""
        return _mean(ratio(right, true))


class MacroF1(ClassMetric):
    """Mean F1 over the classes that are true or read somewhere (scikit-learn's `f1_score`, macro)."""

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """Mean of 2 right / (true + read)."""
        return _mean(ratio(2 * right, true + predicted))


class Kappa(ClassMetric):
    """Cohen's kappa: agreement beyond what the two distributions of answers give by chance.

    Unparsed is a class of its own that is never true. Does not exist where truth and replies are one and
    the same class throughout.
    """

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """(observed - expected) / (1 - expected)."""
        total = true.sum(axis=1)
        observed = ratio(right.sum(axis=1), total)
        expected = ratio((true * predicted).sum(axis=1), total**2)
        return ratio(observed - expected, 1 - expected)

    def missing(self, scores: Scores) -> str:
        return super().missing(scores) if not scores.n else "truth and replies are the same class throughout"


class UnparsedRate(TableMetric):
    """Share of replies that could not be read."""

    direction = "lower"
    proportion = True

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2): unparsed, all."""
        return np.column_stack([np.isnan(scores.predicted), np.ones(scores.n)]).astype(np.float64)

    def from_sums(self, sums: Floats) -> Floats:
        """Unparsed over all."""
        return share(sums)

    def entered(self, scores: Scores) -> Mask:
        """All rows."""
        return np.ones(scores.n, bool)


class ValenceGap(TableMetric):
    """Mean accuracy over the positive emotions less mean accuracy over the negative ones.

    Each emotion counts alike, however many rows it has; an emotion with none is left out. Above 0, positive
    emotions are drawn (or read) better. Neutral and surprise are on neither side unless the options say so.
    """

    kinds = frozenset({"choice"})
    direction = "none"

    class Options(HarnessOptions):
        """Which emotions count as positive and negative."""

        positive: tuple[str, ...] = option(("happy",), "Emotions on the positive side.")
        negative: tuple[str, ...] = option(("sad", "angry", "worry"), "Emotions on the negative side.")

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2 * emotions on either side): right for each, then rows for each, positive ones first."""
        number = np.array([self._number(scores, name) for name in self._names()])
        inside = scores.emotion[:, None] == number
        right = scores.truth == scores.predicted
        return np.hstack([inside & right[:, None], inside]).astype(np.float64)

    def from_sums(self, sums: Floats) -> Floats:
        """Positive less negative."""
        positive, negative = self.sides(sums)
        return positive - negative

    def sides(self, sums: Floats) -> tuple[Floats, Floats]:
        """Mean accuracy of the positive and of the negative emotions, shape (draws,) each."""
        shares = ratio(*np.split(sums, 2, axis=1))
        count = len(self.options.positive)
        return _mean(shares[:, :count]), _mean(shares[:, count:])

    def entered(self, scores: Scores) -> Mask:
        """Rows of the emotions on either side."""
        return np.isin(scores.emotion, [self._number(scores, name) for name in self._names()])

    def missing(self, scores: Scores) -> str:
        return "it needs rows of a positive and of a negative emotion"

    def _names(self) -> tuple[str, ...]:
        return (*self.options.positive, *self.options.negative)

    @staticmethod
    def _number(scores: Scores, name: str) -> int:
        return scores.emotions.index(name) if name in scores.emotions else -2


def _mean(values: Floats) -> Floats:
    """Mean over the last axis of what exists, NaN where nothing does."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
