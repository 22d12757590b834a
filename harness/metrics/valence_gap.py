"""Are positive emotions generated, or recognised, better than negative ones? The gap, and its test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimate, Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import TableMetric, cluster_sums, distinct_samples
from harness.metrics.choice import mean_over_classes
from harness.results import HypothesisTest
from harness.stats.contrast import contrast_interval
from harness.stats.correlation import ratio
from harness.stats.permutation import compared, difference_test


class ValenceGap(TableMetric):
    """Mean accuracy over the positive emotions minus mean accuracy over the negative ones.

    Each emotion counts alike, however many rows it has; an emotion with none is left out. Above 0, positive
    emotions are generated (or recognised) better. Neutral and surprise are on neither side unless the options say so.
    """

    kinds = frozenset({"choice"})
    direction = "none"
    interval = "own"

    class Options(HarnessOptions):
        """Which emotions count as positive and negative."""

        positive: tuple[str, ...] = option(("happy",), "Emotions on the positive side.")
        negative: tuple[str, ...] = option(("sad", "angry", "worry"), "Emotions on the negative side.")

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2 * emotions on either side): right for each, then rows for each, positive ones first."""
        number = np.array([self._number(scores, name) for name in self._names()])
        inside = (scores.emotion[:, None] == number) & self.entered(scores)[:, None]
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
        inside: Mask = np.isin(scores.emotion, [self._number(scores, name) for name in self._names()])
        inside[inside] = compared(self._positive(scores)[inside], scores.cluster[inside])
        return inside

    def own_estimate(self, scores: Scores, counts: Ints, level: float) -> Estimate:
        sums = cluster_sums(self.columns(scores), scores.cluster, scores.clusters)
        value = float(self.from_sums(counts[None] @ sums)[0])
        hits, rows = np.split(sums, 2, axis=1)
        asked = self.entered(scores)
        known = (counts @ rows) > 0
        sides = np.arange(known.size) < len(self.options.positive)
        weights = np.where(sides, 1 / known[sides].sum(), -1 / known[~sides].sum())
        samples = [
            distinct_samples(scores, asked & (scores.emotion == self._number(scores, name)), counts)
            for name in self._names()
        ]
        low, high = contrast_interval(
            hits[:, known], rows[:, known], np.array(samples)[known], weights[known], counts, level
        )
        return Estimate(
            value, max(low, -1.0), min(high, 1.0), 0, "Korn-Graubard ends of each emotion, combined"
        )

    def missing(self, scores: Scores) -> str:
        return "it needs rows of a positive and of a negative emotion"

    def tests(self, scores: Scores, *, seed: int, resamples: int) -> Sequence[HypothesisTest]:
        """A permutation test of no difference between the sides; none where one side has no rows.

        Outcomes are permuted within clusters that have both sides: with `pair_id` as clusters, among prompts that ask for
        the same portrait with different emotions. Value and test rest on the same rows.
        """
        inside = self.entered(scores)
        found = difference_test(
            (scores.truth == scores.predicted)[inside],
            self._positive(scores)[inside],
            scores.cluster[inside],
            sample=None if scores.sample is None else scores.sample[inside],
            seed=seed,
            resamples=resamples,
        )
        if found is None:
            return ()
        column = scores.cluster_column or "sample"
        how = f"within {column}" if found.within else f"of each {column}, not paired"
        return (
            HypothesisTest(
                name="valence_gap",
                value=None,
                low=None,
                high=None,
                p=found.p,
                p_adjusted=found.p,
                n=found.n,
                clusters=found.clusters,
                method=f"permutation {how}, {resamples:,} permutations",
            ),
        )

    def _names(self) -> tuple[str, ...]:
        return (*self.options.positive, *self.options.negative)

    def _positive(self, scores: Scores) -> Mask:
        return np.isin(scores.emotion, [self._number(scores, name) for name in self.options.positive])

    @staticmethod
    def _number(scores: Scores, name: str) -> int:
        return scores.emotions.index(name) if name in scores.emotions else -2
