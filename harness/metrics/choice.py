"""Metrics of choices. An unparsed reply is wrong."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Mask
from harness.components.metric import Estimate, Scores
from harness.metrics.base import TableMetric, share
from harness.stats.correlation import ratio

FEW_CLUSTERS = 20
"""A class that fewer clusters have gets a remark: intervals cover less than 93% in simulations with a rare class."""


def classes(scores: Scores) -> int:
    """How many options there are."""
    return len(scores.options)


class ClassMetric(TableMetric):
    """A value from, for each class, how often it was predicted correctly, was true, and was predicted.

    These three make three blocks of as many columns as there are options.
    """

    kinds = frozenset({"choice"})

    def columns(self, scores: Scores) -> npt.NDArray[Any]:
        """Shape (n, 3 * classes): whether it is right, true and predicted, for each class."""
        number = np.arange(classes(scores))
        true, predicted = scores.truth[:, None] == number, scores.predicted[:, None] == number
        return np.hstack([true & predicted, true, predicted])

    def from_sums(self, sums: Floats) -> Floats:
        right, true, predicted = np.split(sums, 3, axis=1)
        return self.from_classes(right, true, predicted)

    @abstractmethod
    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """The value from counts by class, shape (resamples, classes) each."""

    def least_favourable(self, sums: Floats, unparsed: int) -> Floats | None:
        """How so many unparsed replies, as wrong ones, must name the classes to give the least value: shares, shape (classes,).

        `sums` are those of `columns` over all rows. None where no reply costs as much as any wrong one.
        """
        return None


class WorstClasses(ClassMetric):
    """A metric with each unparsed reply divided over the classes as `least_favourable` says, which stays fixed."""

    def __init__(self, metric: ClassMetric, shares: Floats) -> None:
        super().__init__()
        self.metric, self.shares = metric, shares

    def columns(self, scores: Scores) -> Floats:
        columns = self.metric.columns(scores).astype(np.float64)
        columns[:, 2 * classes(scores) :] += ~scores.parsed[:, None] * self.shares
        return columns

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        return self.metric.from_classes(right, true, predicted)


class Accuracy(ClassMetric):
    """Share of replies that are right."""

    proportion = True

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        return ratio(right.sum(axis=1), true.sum(axis=1))


class Fidelity(Accuracy):
    """Emotion fidelity: share of pictures recognised as the requested emotion."""


class ClassMeanMetric(ClassMetric):
    """A mean over the classes, which a class with few rows decides as much as any other."""

    def remarks(self, scores: Scores, estimate: Estimate) -> Sequence[str]:
        clusters = {
            name: len(np.unique(scores.cluster[scores.truth == code]))
            for code, name in enumerate(scores.options)
        }
        rare = [f"{name} ({count})" for name, count in clusters.items() if 0 < count < FEW_CLUSTERS]
        if estimate.low is None or not rare:
            return ()
        return (
            f"the interval is rough, since these are true in fewer than {FEW_CLUSTERS} clusters: {', '.join(rare)}",
        )


class BalancedAccuracy(ClassMeanMetric):
    """Mean of the shares right in each class that occurs (scikit-learn's `balanced_accuracy_score`)."""

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """Mean recall over the classes that are true somewhere."""
        return mean_over_classes(ratio(right, true))


class MacroF1(ClassMeanMetric):
    """Mean F1 over the classes that are true somewhere (scikit-learn's `f1_score`, macro, with these `labels`).

    Predicting a class that is never true counts against the classes that are: it adds no class of its own.
    """

    def from_classes(self, right: Floats, true: Floats, predicted: Floats) -> Floats:
        """Mean of 2 right / (true + predicted)."""
        return mean_over_classes(np.where(true > 0, ratio(2 * right, true + predicted), np.nan))

    def least_favourable(self, sums: Floats, unparsed: int) -> Floats:
        """Sum of 2 r / (s + x) is least where s + x is proportional to sqrt(r) in every class with x above 0."""
        right, true, predicted = np.split(sums, 3)
        size, root = true + predicted, np.sqrt(right)
        order = np.argsort(ratio(size, root), kind="stable")
        # The classes that are filled are the first in this order: as many as reach a common level.
        level = ratio(np.cumsum(size[order]) + unparsed, np.cumsum(root[order]))
        filled = np.nanmin(level) if np.isfinite(level).any() else 0.0
        added = np.clip(filled * root - size, 0.0, None)
        total = added.sum()
        shares: Floats = added / total if total > 0 else np.full(len(size), 1 / len(size))
        return shares


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

    def least_favourable(self, sums: Floats, unparsed: int) -> Floats:
        """The class that is true most often adds most to the expected agreement."""
        _, true, _ = np.split(sums, 3)
        shares: Floats = np.eye(len(true))[true.argmax()]
        return shares

    def missing(self, scores: Scores) -> str:
        return super().missing(scores) if not scores.n else "truth and replies are the same class throughout"


class UnparsedRate(TableMetric):
    """Share of replies that could not be parsed."""

    direction = "lower"
    proportion = True

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2): unparsed, all."""
        return np.column_stack([np.isnan(scores.predicted), np.ones(scores.n)]).astype(np.float64)

    def from_sums(self, sums: Floats) -> Floats:
        return share(sums)

    def entered(self, scores: Scores) -> Mask:
        return np.ones(scores.n, bool)


def mean_over_classes(values: Floats) -> Floats:
    """Mean over the last axis of what exists, NaN where nothing does."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
