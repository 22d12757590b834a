"""Metrics of ratings that follow from sums. Unparsed replies and rows without a truth do not enter."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimator, Scores
from harness.metrics.base import BuiltIn, TableMetric, share
from harness.stats.correlation import pearson_from_sums, ratio, slope_from_sums, variance_from_sums


class RatingMetric(TableMetric):
    """A value from sums over the rows that enter."""

    kinds = frozenset({"rating"})

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, k): 0 in rows that do not enter."""
        inside = self.entered(scores)
        columns = self.parsed_columns(scores.predicted[inside], scores.truth[inside])
        filled = np.zeros((scores.n, columns.shape[1]))
        filled[inside] = columns
        return filled

    @abstractmethod
    def parsed_columns(self, predicted: Floats, truth: Floats) -> Floats:
        """What is summed, shape (m, k), for the m rows that enter."""


class MomentMetric(RatingMetric):
    """A value from sums of (1, x, y, x^2, y^2, x * y) of predicted x and truth y, both shifted to around 0."""

    needs_spread = True
    """Whether the value needs replies that differ; all need a truth that does."""

    def parsed_columns(self, predicted: Floats, truth: Floats) -> Floats:
        """Shape (m, 6)."""
        return moments(predicted, truth)

    def missing(self, scores: Scores) -> str:
        return missing_spread(scores, self.needs_spread)


class Plcc(MomentMetric):
    """Pearson's linear correlation of replies and truth."""

    correlation = True

    def parsed_columns(self, predicted: Floats, truth: Floats) -> Floats:
        """Shape (m, 6), of values in units of their own range: squares neither overflow nor vanish."""
        return moments(_unit(predicted), _unit(truth))

    def from_sums(self, sums: Floats) -> Floats:
        return np.clip(pearson_from_sums(sums), -1.0, 1.0)


class Ccc(MomentMetric):
    """Lin's concordance correlation coefficient: how close replies are to the truth itself, not only to a line.

    2 cov(x, y) / (var x + var y + (mean x - mean y)^2), with moments over n (Lin 1989, Biometrics 45, 255-268). Replies
    that are all the same have 0; it does not exist where the truth has one value.
    """

    correlation = True
    needs_spread = False

    def parsed_columns(self, predicted: Floats, truth: Floats) -> Floats:
        """Shape (m, 7): moments around a middle of each, and how far the middles are apart, in units of the range."""
        if not len(truth):
            return np.zeros((0, 7))
        (x, middle), (y, other) = _centred(predicted), _centred(truth)
        largest = max(float(np.ptp(predicted)), float(np.ptp(truth))) or 1.0
        x, y, apart = x / largest, y / largest, np.full(len(x), (middle - other) / largest)
        return np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y, apart])

    def from_sums(self, sums: Floats) -> Floats:
        n = sums[:, 0]
        spread_x, spread_y = variance_from_sums(sums, 1, 3), variance_from_sums(sums, 2, 4)
        together = ratio(sums[:, 5], n) - ratio(sums[:, 1], n) * ratio(sums[:, 2], n)
        apart = ratio(sums[:, 1] - sums[:, 2] + sums[:, 6], n)
        value = ratio(2 * together, spread_x + spread_y + apart**2)
        return np.where(spread_y > 0, np.clip(value, -1.0, 1.0), np.nan)


class Slope(MomentMetric):
    """How much the reply rises when the truth (or the strength asked for) rises by one."""

    needs_spread = False

    def from_sums(self, sums: Floats) -> Floats:
        return slope_from_sums(sums)


class SpreadRatio(MomentMetric):
    """Standard deviation of the replies over that of the truth: below 1, the judge uses less of the scale."""

    direction = "none"
    needs_spread = False

    def from_sums(self, sums: Floats) -> Floats:
        return np.sqrt(ratio(variance_from_sums(sums, 1, 3), variance_from_sums(sums, 2, 4)))


class MeanMetric(RatingMetric):
    """The mean of `value` over the rows that enter."""

    def parsed_columns(self, predicted: Floats, truth: Floats) -> Floats:
        """Shape (m, 2): the value, 1."""
        return np.column_stack([self.value(predicted, truth), np.ones(len(predicted))])

    @abstractmethod
    def value(self, predicted: Floats, truth: Floats) -> Floats:
        """What is averaged, shape (m,)."""

    def from_sums(self, sums: Floats) -> Floats:
        return share(sums)


class MeanAbsoluteError(MeanMetric):
    """Mean of |reply - truth|."""

    direction = "lower"
    against_baselines = True

    def value(self, predicted: Floats, truth: Floats) -> Floats:
        return np.abs(predicted - truth)


class RootMeanSquareError(MeanMetric):
    """Square root of the mean of (reply - truth)^2."""

    direction = "lower"

    def value(self, predicted: Floats, truth: Floats) -> Floats:
        return (predicted - truth) ** 2

    def from_sums(self, sums: Floats) -> Floats:
        return np.sqrt(share(sums))


class Bias(MeanMetric):
    """Mean of reply - truth: above 0, the judge rates too high."""

    direction = "none"

    def value(self, predicted: Floats, truth: Floats) -> Floats:
        return predicted - truth


class MeanRating(MeanMetric):
    """Mean of the replies."""

    direction = "none"

    def value(self, predicted: Floats, truth: Floats) -> Floats:
        return predicted

    def entered(self, scores: Scores) -> Mask:
        """All that could be parsed: no truth is needed."""
        return scores.parsed


class DistinctValues(BuiltIn):
    """How many different values the judge used: one or two tell of a judge that does not grade at all."""

    direction = "none"
    resampled = False
    by_group = True
    kinds = frozenset({"rating"})

    def estimator(self, scores: Scores) -> Estimator:
        inside = scores.parsed
        predicted, cluster = scores.predicted[inside], scores.cluster[inside]

        def count(weights: Ints) -> Floats:
            return np.array([float(len(np.unique(predicted[row[cluster] > 0]))) for row in weights])

        return count

    def entered(self, scores: Scores) -> Mask:
        """All that could be parsed: no truth is needed."""
        return scores.parsed


def _unit(values: Floats) -> Floats:
    largest = float(np.ptp(values)) if len(values) else 0.0
    # The middle comes off before anything is rounded: of large numbers close to each other little else is left.
    return (values - (values.min() + values.max()) / 2) / largest if largest > 0 else values


def _centred(values: Floats) -> tuple[Floats, float]:
    """The values less the middle of their range, and that middle."""
    middle = float(values.min() + values.max()) / 2
    return values - middle, middle


def moments(x: Floats, y: Floats) -> Floats:
    """Columns (1, x, y, xx, yy, xy), shape (m, 6), with the middle of the range taken off x and y."""
    if len(x):
        x, y = x - (x.min() + x.max()) / 2, y - (y.min() + y.max()) / 2
    return np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y])


def missing_spread(scores: Scores, needs_spread: bool = True) -> str:
    """Says that the replies, or the truth, have one value only; empty where both vary."""
    inside = scores.paired
    if inside.sum() == 1:
        return "there is only one pair of reply and truth"
    if len(np.unique(scores.truth[inside])) < 2:
        return "the truth has 1 distinct value"
    if needs_spread and len(np.unique(scores.predicted[inside])) < 2:
        return "the judge gave 1 distinct value"
    return ""
