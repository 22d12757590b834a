"""Rank correlations of ratings, pooled and within each emotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimate, Estimator, Scores
from harness.metrics.base import BuiltIn, cluster_sums
from harness.metrics.rating import missing_spread
from harness.stats.correlation import RankCorrelation, fisher_mean, ratio
from harness.stats.influence import rank_influence
from harness.stats.kendall import tau_b, tau_b_left_out

FEWEST = 3
"""Rows that an emotion needs for a correlation within it to say anything: two points always lie on a line."""


SMOOTH_ROWS, SMOOTH_CLUSTERS = 40, 20
"""What a correlation needs for its jackknife interval to cover as a bootstrap interval does."""
EXACT = 1e-12
"""A correlation closer than this to 1 is 1."""


class Srcc(BuiltIn):
    """Spearman's rank correlation of replies and truth, over all rows together."""

    kinds = frozenset({"rating"})
    correlation = True

    def estimator(self, scores: Scores) -> Estimator:
        # One sort for all resamples. By truth first: that is how `collapsed` leaves the rows.
        inside = scores.paired
        ranks = RankCorrelation(
            scores.truth[inside], scores.predicted[inside], scores.cluster[inside], scores.clusters
        )
        return lambda weights: ranks(weights)[0][:, 0]

    def smooth(self, scores: Scores, counts: Ints) -> bool:
        return _enough(scores, scores.paired, counts)

    def leave_one_out(self, scores: Scores, counts: Ints) -> Floats:
        everything = np.zeros(scores.n, np.int64)
        found, moved = _influence(scores, scores.paired, everything, counts)
        values: Floats = found[0] - moved[:, 0] * _without(counts)
        return values

    def missing(self, scores: Scores) -> str:
        return missing_spread(scores)


class SrccWithinEmotion(BuiltIn):
    """Spearman's correlation within each emotion, averaged over emotions by Fisher's z.

    Each emotion counts alike. One in which truth or replies are constant, or with fewer than three rows, has
    no correlation and is left out.
    """

    kinds = frozenset({"rating"})
    correlation = True
    jackknife_below = 50

    def estimator(self, scores: Scores) -> Estimator:
        inside = _any(self._varied(scores), scores.n)
        if not inside.any():
            return lambda weights: np.full(len(weights), np.nan)
        emotion = np.unique(scores.emotion[inside], return_inverse=True)[1].reshape(-1)
        ranks = RankCorrelation(
            scores.truth[inside], scores.predicted[inside], scores.cluster[inside], scores.clusters, emotion
        )

        def within(weights: Ints) -> Floats:
            correlations, sizes = ranks(weights)
            return fisher_mean(np.where(sizes >= FEWEST, correlations, np.nan), sizes)

        return within

    def smooth(self, scores: Scores, counts: Ints) -> bool:
        """With enough rows and clusters of each emotion: a rare one may come and go, which no derivative tells."""
        return all(_enough(scores, inside, counts) for inside in self._varied(scores).values())

    def leave_one_out(self, scores: Scores, counts: Ints) -> Floats:
        """By the influence of each row. An emotion whose correlation is exactly 1 keeps it."""
        inside = _any(self._varied(scores), scores.n)
        found, moved = _influence(scores, inside, scores.emotion, counts)
        weights = counts[scores.cluster[inside]].astype(np.float64)
        sizes = cluster_sums(weights[:, None], scores.emotion[inside], len(found))[:, 0]
        known = np.isfinite(found) & (sizes >= FEWEST)
        mean = fisher_mean(np.where(known, found, np.nan)[None], sizes[None])
        steep = np.where(1 - np.abs(found) > EXACT, ratio(1 - mean**2, 1 - found**2), 0.0)
        away: Floats = moved[:, known] @ steep[known] / known.sum()
        return mean - away * _without(counts)

    def estimate(self, scores: Scores, weights: Ints) -> Floats:
        # How many rows an emotion has depends on the weights: an emotion with few rows may still have a value.
        return self.estimator(scores)(weights)

    def entered(self, scores: Scores) -> Mask:
        """Rows of the emotions that have a correlation."""
        return _any(self._emotions(scores), scores.n)

    def remarks(self, scores: Scores, estimate: Estimate) -> Sequence[str]:
        known = self._emotions(scores)
        seen = np.unique(scores.emotion[scores.paired]).tolist()
        omitted = [scores.emotions[code] for code in seen if code >= 0 and code not in known]
        if not omitted or not known:
            return ()
        return (f"{', '.join(omitted)} omitted: truth or replies are constant there",)

    def missing(self, scores: Scores) -> str:
        inside = scores.paired
        if not (scores.emotion[inside] >= 0).any():
            return "the samples have no emotion"
        if all(
            len(np.unique(scores.predicted[inside & (scores.emotion == code)])) == 1
            for code in np.unique(scores.emotion[inside])
        ):
            return "each emotion has one constant"
        return "no emotion has three rows in which truth and replies both vary"

    def _emotions(self, scores: Scores) -> dict[int, Mask]:
        """Those of `_varied` that have enough rows."""
        return {code: inside for code, inside in self._varied(scores).items() if inside.sum() >= FEWEST}

    @staticmethod
    def _varied(scores: Scores) -> dict[int, Mask]:
        """Emotions in which truth and replies vary, and their rows."""
        found = {}
        for code in np.unique(scores.emotion).tolist():
            inside = scores.paired & (scores.emotion == code)
            varied = all(len(np.unique(values[inside])) > 1 for values in (scores.truth, scores.predicted))
            if code >= 0 and varied:
                found[code] = inside
        return found


class Krcc(BuiltIn):
    """Kendall's tau-b of replies and truth. A resample costs n log^2 n, so its interval is the jackknife's."""

    kinds = frozenset({"rating"})
    correlation = True
    interval = "jackknife"

    def estimator(self, scores: Scores) -> Estimator:
        inside = scores.paired
        predicted, truth, cluster = scores.predicted[inside], scores.truth[inside], scores.cluster[inside]
        return lambda weights: np.array([tau_b(predicted, truth, row[cluster] * 1.0) for row in weights])

    def leave_one_out(self, scores: Scores, counts: Ints) -> Floats:
        inside = scores.paired
        return tau_b_left_out(scores.predicted[inside], scores.truth[inside], scores.cluster[inside], counts)

    def missing(self, scores: Scores) -> str:
        return missing_spread(scores)


def _enough(scores: Scores, inside: Mask, counts: Ints) -> bool:
    """Whether there are so many rows and clusters that derivatives tell how a correlation varies."""
    cluster = scores.cluster[inside]
    return bool(counts[cluster].sum() >= SMOOTH_ROWS and counts[np.unique(cluster)].sum() >= SMOOTH_CLUSTERS)


def _without(counts: Ints) -> float:
    """How much more it is to leave a cluster out than a derivative says: for a mean, exactly this."""
    clusters = int(counts.sum())
    return clusters / (clusters - 1)


def _influence(scores: Scores, inside: Mask, segment: Ints, counts: Ints) -> tuple[Floats, Floats]:
    """The correlation in each segment, shape (segments,), and what one more of each cluster adds, (clusters, segments).

    `segment`, shape (n,), is 0 or more in the rows `inside`, which alone enter.
    """
    cluster, part = scores.cluster[inside], segment[inside]
    segments = int(part.max()) + 1
    found, moved = rank_influence(
        scores.truth[inside], scores.predicted[inside], counts[cluster].astype(np.float64), part, segments
    )
    cell = cluster * segments + part
    return found, cluster_sums(moved[:, None], cell, scores.clusters * segments).reshape(-1, segments)


def _any(masks: Mapping[int, Mask], n: int) -> Mask:
    """Rows in any of the masks, shape (n,)."""
    found = np.zeros(n, bool)
    for mask in masks.values():
        found |= mask
    return found
