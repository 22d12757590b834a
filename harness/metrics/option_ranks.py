"""How well a judge's probabilities rank the options. Needs log-probabilities: a single answer ranks nothing but itself."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from harness.arrays import Floats, Mask
from harness.components.metric import Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import TableMetric, share


class OptionRanking(TableMetric):
    """The mean over rows of how well the options are ranked; 0 for a row without probabilities, such as a refusal."""

    kinds = frozenset({"choice"})
    uses = frozenset({"probabilities"})
    against_baselines = True

    @abstractmethod
    def values(self, scores: Scores, ranking: Floats) -> Floats:
        """The value of each row, shape (n,), for options ranked by `ranking`, shape (n, options), the highest first."""

    @abstractmethod
    def chances(self, scores: Scores) -> Floats:
        """The value of each row, shape (n,), in expectation over all orders of the options."""

    @abstractmethod
    def grades(self, scores: Scores) -> Floats:
        """How far each option is true, shape (n, options), NaN where that is not known."""

    def graded(self, scores: Scores) -> Mask:
        """Rows whose truth ranks the options, shape (n,)."""
        return np.ones(scores.n, bool)

    def entered(self, scores: Scores) -> Mask:
        """Rows whose truth ranks the options, if any reply has probabilities."""
        if not self._known(scores).any():
            return np.zeros(scores.n, bool)
        return self.graded(scores)

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2): the value, 1; 0 where a row does not enter."""
        inside, known = self.entered(scores), self._known(scores)
        columns = np.column_stack([np.zeros(scores.n), inside.astype(np.float64)])
        used = np.flatnonzero(inside & known)
        if len(used):
            part = scores.take(used, scores.cluster[used])
            assert part.probabilities is not None, "some reply has probabilities"
            columns[used, 0] = self.values(part, part.probabilities)
        return columns

    def from_sums(self, sums: Floats) -> Floats:
        return share(sums)

    def missing(self, scores: Scores) -> str:
        return "no sample has grades" if self._known(scores).any() else "the judge gave no probabilities"

    def by_chance(self, scores: Scores) -> float | None:
        """What a judge that ranks at random has in expectation."""
        return _mean(self.chances(scores)) if scores.n else None

    def by_frequency(self, scores: Scores) -> float | None:
        """What a judge has that ranks the options by how far they are true on average, whatever it sees."""
        if not scores.n:
            return None
        grades = self.grades(scores)
        known = np.isfinite(grades)
        average = np.where(known, grades, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return _mean(self.values(scores, np.where(shown(scores), average, -1.0)))

    @staticmethod
    def _known(scores: Scores) -> Mask:
        if scores.probabilities is None:
            return np.zeros(scores.n, bool)
        return np.asarray(np.isfinite(scores.probabilities).all(axis=1), bool)


class TopKAccuracy(OptionRanking):
    """Share of rows whose true option is among the k likeliest (scikit-learn's `top_k_accuracy_score`).

    Of options that are equally likely, the later in the task's order counts as likelier, as there.
    """

    proportion = True

    class Options(HarnessOptions):
        """How many options count."""

        k: int = option(3, "How many of the likeliest options count.", ge=1)

    def values(self, scores: Scores, ranking: Floats) -> Floats:
        true = scores.truth.astype(np.int64)
        mine = ranking[np.arange(len(ranking)), true][:, None]
        later = np.arange(ranking.shape[1]) > true[:, None]
        ahead = ((ranking > mine) | ((ranking == mine) & later)).sum(axis=1)
        return np.where(ahead < self.options.k, 1.0, 0.0)

    def chances(self, scores: Scores) -> Floats:
        return np.asarray(np.minimum(self.options.k / shown(scores).sum(axis=1), 1.0), np.float64)

    def grades(self, scores: Scores) -> Floats:
        """1 for the true option."""
        return one_hot(scores)


class Ndcg(OptionRanking):
    """Normalised discounted cumulative gain of the options ranked by probability, ties averaged (scikit-learn's `ndcg_score`).

    Gains are the grades of the task's truth, or 1 for the true option where it has none. Options without a grade are not
    ranked, and neither are samples without a grade above 0: there, nothing ranks the options.
    """

    uses = frozenset({"probabilities", "grades"})

    class Options(HarnessOptions):
        """How much of the ranking counts."""

        k: int | None = option(None, "How many of the likeliest options count; default: all.", ge=1)

    def values(self, scores: Scores, ranking: Floats) -> Floats:
        grades, discounts = self.grades(scores), self._discounts(scores)
        known = np.isfinite(grades)
        gains = np.where(known, grades, 0.0)
        order = np.argsort(np.where(known, -ranking, np.inf), axis=1, kind="stable")
        ordered = np.take_along_axis(np.where(known, ranking, -np.inf), order, axis=1)
        found = (np.take_along_axis(gains, order, axis=1) * _averaged(discounts, ordered)).sum(axis=1)
        return np.asarray(found / self._ideal(gains, discounts), np.float64)

    def chances(self, scores: Scores) -> Floats:
        grades, discounts = self.grades(scores), self._discounts(scores)
        known = np.isfinite(grades).sum(axis=1)
        gains = np.nan_to_num(grades)
        mean_discount = np.cumsum(discounts)[known - 1] / known
        return np.asarray(gains.sum(axis=1) * mean_discount / self._ideal(gains, discounts), np.float64)

    def grades(self, scores: Scores) -> Floats:
        """The grades of the truth; 1 for the true option where the task has none."""
        if scores.grades is None:
            return one_hot(scores)
        return scores.grades

    def graded(self, scores: Scores) -> Mask:
        """Rows with two grades or more, one of them above 0 and none below."""
        grades = self.grades(scores)
        known = np.isfinite(grades)
        gains = np.where(known, grades, 0.0)
        found: Mask = (known.sum(axis=1) > 1) & (gains > 0).any(axis=1) & (gains >= 0).all(axis=1)
        return found

    def _discounts(self, scores: Scores) -> Floats:
        """Shape (options,)."""
        place = np.arange(len(scores.options))
        return np.where(place < (self.options.k or len(place)), 1 / np.log2(place + 2.0), 0.0)

    @staticmethod
    def _ideal(gains: Floats, discounts: Floats) -> Floats:
        return np.asarray(-np.sort(-gains, axis=1) @ discounts, np.float64)


def one_hot(scores: Scores) -> Floats:
    """1 for the true option of each row, shape (n, options)."""
    return np.where(scores.truth[:, None] == np.arange(len(scores.options)), 1.0, 0.0)


def shown(scores: Scores) -> Mask:
    """Which options each row was shown, shape (n, options): all, unless the scores say otherwise."""
    if scores.positions is None:
        return np.ones((scores.n, len(scores.options)), bool)
    return scores.positions >= 0


def _averaged(discounts: Floats, ordered: Floats) -> Floats:
    """The discount of each place, shape (n, options), averaged over places of equal value; values fall along each row."""
    places = np.arange(ordered.shape[1])
    new = np.column_stack([np.ones(len(ordered), bool), ordered[:, 1:] != ordered[:, :-1]])
    first = np.maximum.accumulate(np.where(new, places, 0), axis=1)
    ends = np.column_stack([new[:, 1:], np.ones(len(ordered), bool)])
    last = np.minimum.accumulate(np.where(ends, places, len(places))[:, ::-1], axis=1)[:, ::-1]
    total = np.concatenate([[0.0], np.cumsum(discounts)])
    return np.asarray((total[last + 1] - total[first]) / (last + 1 - first), np.float64)


def _mean(values: Floats) -> float:
    """The same whatever the order of rows."""
    return float(np.sort(values).mean())
