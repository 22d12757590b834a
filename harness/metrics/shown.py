"""Balanced accuracy, also where each sample is shown options of its own."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.components.metric import Scores
from harness.components.options import HarnessOptions, option
from harness.metrics import choice
from harness.metrics.base import cluster_sums
from harness.metrics.choice import classes, mean_over_classes
from harness.stats.correlation import ratio


class BalancedAccuracy(choice.BalancedAccuracy):
    """Mean of the shares right in each class that occurs (scikit-learn's `balanced_accuracy_score`).

    With `within = "shown"`, the mean over each class among each set of options that it was shown with. So among two
    options a judge that always prefers one of them has 0.5, however often that one is right: what a judge can
    gain by knowing which options are true more often, without looking at the picture, is taken away.
    """

    proportion = True
    """A mean of shares. With few errors the bootstrap covers 0.90 to 0.93 in simulations, this interval 0.94 to 0.98."""

    class Options(HarnessOptions):
        """What is balanced."""

        within: Literal["all", "shown"] = option(
            "all", "Balance over the classes (all), or within each set of options shown (shown)."
        )

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if self.options.within == "shown":
            self.uses = frozenset({"positions"})

    def columns(self, scores: Scores) -> Mask:
        """Shape (n, 2 * cells): whether it is right and true, for each class among each set of options shown."""
        if self.options.within == "all":
            return super().columns(scores)
        if scores.positions is None:
            kinds, kind = np.ones((1, classes(scores)), bool), np.zeros(scores.n, np.int64)
        else:
            kinds, kind = np.unique(scores.positions >= 0, axis=0, return_inverse=True)
        cell = kind.reshape(-1) * classes(scores) + scores.truth.astype(np.int64)
        true = cell[:, None] == np.arange(len(kinds) * classes(scores))
        return np.hstack([true & (scores.predicted == scores.truth)[:, None], true])

    def from_sums(self, sums: Floats) -> Floats:
        """Mean recall over the cells that are true somewhere."""
        if self.options.within == "all":
            return super().from_sums(sums)
        right, true = np.split(sums, 2, axis=1)
        return mean_over_classes(ratio(right, true))

    def leave_one_out(self, scores: Scores, counts: Ints) -> Floats:
        sums = cluster_sums(self.columns(scores), scores.cluster, len(counts))
        return self.from_sums(counts @ sums - sums)
