"""Whether a judge's probabilities mean what they say. Replies without probabilities do not enter."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Estimate, Scores
from harness.components.options import HarnessOptions, option
from harness.metrics.base import TableMetric, cluster_sums, share
from harness.stats.calibration import calibration_error


class CalibrationMetric(TableMetric):
    """A value from the probability of each option or level, and which of them is true.

    For a rating the level nearest to the truth is taken for the true one (halves go up).
    """

    direction = "lower"
    uses = frozenset({"probabilities"})

    def entered(self, scores: Scores) -> Mask:
        """Rows with a reply that could be parsed, a truth, and probabilities."""
        if scores.probabilities is None:
            return np.zeros(scores.n, bool)
        known: Mask = scores.paired & np.isfinite(scores.probabilities).all(axis=1)
        return known

    def missing(self, scores: Scores) -> str:
        return "the judge gave no probabilities"


class ExpectedCalibrationError(CalibrationMetric):
    """Mean distance between confidence and accuracy over bins of like confidence (Guo et al. 2017, eq. 5), debiased.

    Confidence is the probability of the predicted option; for a rating, of the likeliest level, which is right where it
    is the true one. Bins are ((b - 1) / bins, b / bins]. The binned value is biased upwards, since chance alone gives
    each bin a distance. Results show the value without this bias (`harness.stats.calibration`), the method names the
    binned one, and the interval reaches 0 unless a calibrated judge would hardly give as much.
    """

    interval = "own"

    class Options(HarnessOptions):
        """How confidences are binned."""

        bins: int = option(15, "How many bins of equal width.", ge=1)

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, bins + 1): right less confidence in the bin of each row, and 1; 0 where a row does not enter."""
        inside = np.flatnonzero(self.entered(scores))
        columns = np.zeros((scores.n, self.options.bins + 1))
        bin_, confidence, right = self._binned(scores)
        columns[inside, bin_] = right - confidence
        columns[inside, -1] = 1.0
        return columns

    def from_sums(self, sums: Floats) -> Floats:
        """The binned value: sum over bins of |right - confidence|, over the rows."""
        return share(np.column_stack([np.abs(sums[:, :-1]).sum(axis=1), sums[:, -1]]))

    def own_estimate(self, scores: Scores, counts: Ints, level: float) -> Estimate:
        sums = cluster_sums(self.columns(scores), scores.cluster, scores.clusters)
        inside = self.entered(scores)
        copies = counts[scores.cluster[inside]].astype(np.float64)
        bin_, confidence, right = self._binned(scores)
        found = calibration_error(
            sums[:, :-1],
            sums[:, -1],
            counts,
            np.bincount(bin_, copies * confidence * (1 - confidence), self.options.bins).astype(np.float64),
            float(copies @ (right - confidence) ** 2),
            level=level,
        )
        binned = float(self.from_sums(counts[None] @ sums)[0])
        if found is None:
            return Estimate(binned, None, None, 0, "none: one cluster, not debiased")
        remark = ""
        if found.low == 0:
            remark = (
                f"does not show miscalibration: a calibrated judge gives as much with probability {found.p:.2g} "
                f"({binned:.3f} before debiasing)"
            )
        method = f"debiased, test inversion by cluster; binned value {binned:.4f}"
        return Estimate(found.value, found.low, found.high, 0, method, remark=remark)

    def _binned(self, scores: Scores) -> tuple[Ints, Floats, Floats]:
        """Bin, confidence, and 1 where right, of the rows that enter; shape (m,) each."""
        inside, bins = self.entered(scores), self.options.bins
        if not inside.any():
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        # Not copied where all rows enter: there may be very many.
        chances = _chances(scores) if inside.all() else _chances(scores)[inside]
        predicted = (
            scores.predicted[inside].astype(np.int64) if scores.kind == "choice" else chances.argmax(axis=1)
        )
        confidence = chances[np.arange(len(predicted)), predicted]
        edges = np.linspace(0, 1, bins + 1)
        bin_ = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
        return bin_, confidence, (predicted == true_codes(scores)[inside]).astype(np.float64)


class Brier(CalibrationMetric):
    """Mean over rows of the squared distance between the probabilities and the truth, summed over the options.

    Brier (1950): from 0 to 2 (for two options twice scikit-learn's `brier_score_loss`).
    """

    def columns(self, scores: Scores) -> Floats:
        """Shape (n, 2): the loss, 1; 0 where a row does not enter."""
        inside = self.entered(scores)
        columns = np.zeros((scores.n, 2))
        if inside.any():
            chances = _chances(scores)[inside]
            true = np.eye(chances.shape[1])[true_codes(scores)[inside]]
            columns[inside] = np.column_stack([((chances - true) ** 2).sum(axis=1), np.ones(len(chances))])
        return columns

    def from_sums(self, sums: Floats) -> Floats:
        return share(sums)


def true_codes(scores: Scores) -> Ints:
    """Column of the true option, or of the level nearest to the truth, shape (n,); 0 where there is no truth."""
    truth = np.nan_to_num(scores.truth)
    if scores.kind == "choice":
        return truth.astype(np.int64)
    last = _chances(scores).shape[1] - 1
    step = (scores.high - scores.low) / max(last, 1)
    nearest: Ints = np.clip(np.floor((truth - scores.low) / step + 0.5), 0, last).astype(np.int64)
    return nearest


def _chances(scores: Scores) -> Floats:
    assert scores.probabilities is not None
    return scores.probabilities
