"""Are positive emotions generated, or recognised, better than negative ones? The gap, and its test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.arrays import Floats, Mask
from harness.components.metric import Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import TableMetric, cluster_sums
from harness.metrics.choice import mean_over_classes
from harness.results import HypothesisTest
from harness.stats.comparison import paired_difference
from harness.stats.correlation import ratio


class ValenceGap(TableMetric):
    """Mean accuracy over the positive emotions minus mean accuracy over the negative ones.

    Each emotion counts alike, however many rows it has; an emotion with none is left out. Above 0, positive
    emotions are generated (or recognised) better. Neutral and surprise are on neither side unless the options say so.
    """

    kinds = frozenset({"choice"})
    direction = "none"
    matched_by = "pair_id"

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
        positive, negative = self.sides(sums)
        return positive - negative

    def sides(self, sums: Floats) -> tuple[Floats, Floats]:
        """Mean accuracy of the positive and of the negative emotions, shape (resamples,) each."""
        shares = ratio(*np.split(sums, 2, axis=1))
        count = len(self.options.positive)
        return mean_over_classes(shares[:, :count]), mean_over_classes(shares[:, count:])

    def entered(self, scores: Scores) -> Mask:
        return np.isin(scores.emotion, [self._number(scores, name) for name in self._names()])

    def missing(self, scores: Scores) -> str:
        return "it needs rows of a positive and of a negative emotion"

    def tests(self, scores: Scores, *, seed: int, resamples: int) -> Sequence[HypothesisTest]:
        """Positive minus negative with its p value; none where one side has no rows.

        With `pair_id` as clusters, rows that ask for the same portrait with different emotions are resampled together.
        """
        if not scores.n:
            return ()
        sums = cluster_sums(self.columns(scores), scores.cluster, scores.clusters)
        found = paired_difference(
            lambda weights: self.sides(weights @ sums)[1],
            lambda weights: self.sides(weights @ sums)[0],
            np.ones(scores.clusters, np.int64),
            seed=seed,
            resamples=resamples,
            width=scores.n,
        )
        if not np.isfinite(found.p):
            return ()
        units = f"paired by {self.matched_by}" if scores.cluster_column == self.matched_by else "not paired"
        return (
            HypothesisTest(
                name="valence_gap",
                value=found.value,
                low=found.low,
                high=found.high,
                p=found.p,
                p_adjusted=found.p,
                n=int(self.entered(scores).sum()),
                clusters=scores.clusters,
                method=f"cluster bootstrap, {units}, {resamples:,} resamples",
            ),
        )

    def _names(self) -> tuple[str, ...]:
        return (*self.options.positive, *self.options.negative)

    @staticmethod
    def _number(scores: Scores, name: str) -> int:
        return scores.emotions.index(name) if name in scores.emotions else -2
