"""Sequential tests that are valid at any time: one may look after every cluster, and stop once a hypothesis is rejected.

Both tests reject the hypothesis that the mean of differences is 0 or more. Differences come in a uniformly random order
of clusters; in an order that is stratified, or that depends on the answers, the level does not hold.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.paired import ASSUMED_ICC

BETS = np.array([0.05, 0.1, 0.2, 0.4, 0.7])
"""The shares of the wealth that are bet; below 0.95, so that no wealth is ever lost at once."""
FIRST_LOOK, FIRST_SHARE = 20, 10
"""An asymptotic sequence rejects nothing before so many clusters, and before this fraction (1 / 10) of all."""
OPTIMISED = 3
"""An asymptotic sequence is tightest after this fraction (1 / 3) of all clusters."""


class SequentialTest(Protocol):
    """A test that is told of one cluster after the other."""

    def add(self, differences: Floats) -> bool:
        """Take the differences of the next cluster, shape (rows,), in -1..1; whether the hypothesis is rejected by now.

        Once rejected, it stays so.
        """


class Betting:
    """For clusters of one row: the wealth of a gambler who bets on negative differences.

    Under the hypothesis the wealth, K_t = sum_j w_j prod_i (1 - lambda_j d_i) with equal w and `BETS` as lambda, is a
    supermartingale that starts at 1, so it ever reaches 1 / alpha with probability alpha at most (Ville). Waudby-Smith
    and Ramdas (2024), "Estimating means of bounded random variables by betting", J. R. Stat. Soc. B 86.
    """

    def __init__(self, alpha: float) -> None:
        self._edge = -math.log(alpha)
        self._logs = np.zeros(len(BETS))
        self.rejected = False

    def add(self, differences: Floats) -> bool:
        for d in differences.tolist():
            self._logs += np.log1p(-BETS * d)
        top = float(self._logs.max())
        wealth = top + math.log(float(np.exp(self._logs - top).mean()))
        self.rejected = self.rejected or wealth >= self._edge
        return self.rejected


class AsymptoticSequence:
    """For clusters of several rows: a confidence sequence of the mean of cluster sums, with their estimated variance.

    Rejects where its upper end is below 0. Its level holds asymptotically, from `FIRST_LOOK` clusters on. Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences",
    Ann. Stat. 52, with the parameter rho that makes it tightest after a third of the clusters.
    """

    def __init__(self, alpha: float, clusters: int, largest: int, least: float = 0.0) -> None:
        """`clusters`: how many there are in all; `largest`: the rows of the largest one; `least`: of the variance of
        the sums divided by `largest`, for differences that are rare: the first clusters may hold none."""
        self._alpha, self._largest, self._least = alpha, largest, least
        self._first = max(FIRST_LOOK, clusters / FIRST_SHARE)
        chance = -2 * math.log(2 * alpha)
        self._rho2 = (chance + math.log(chance) + 1) / max(clusters / OPTIMISED, 1.0)
        self._count = 0
        self._sum = self._squares = 0.0
        self.rejected = False

    def add(self, differences: Floats) -> bool:
        value = float(differences.sum()) / self._largest
        self._count += 1
        self._sum += value
        self._squares += value**2
        t = self._count
        if t >= self._first:
            mean = self._sum / t
            spread = math.sqrt(max(self._squares / t - mean**2, self._least))
            inside = t * self._rho2 + 1
            reach = math.sqrt(
                2 * inside / (t**2 * self._rho2) * math.log(1 + math.sqrt(inside) / (2 * self._alpha))
            )
            self.rejected = self.rejected or mean + spread * reach < 0
        return self.rejected


def sequential_test(alpha: float, clusters: int, largest: int, least: float = 0.0) -> SequentialTest:
    """The test for so many clusters of at most `largest` rows, at the level `alpha` (below 0.5)."""
    return Betting(alpha) if largest == 1 else AsymptoticSequence(alpha, clusters, largest, least)


def clearing_test(alpha: float, sizes: Ints, margin: float) -> SequentialTest:
    """The test of a drop by `margin` or more, for clusters of so many rows: it takes `cleared(d, margin)`.

    Where a drop by the margin is the truth, the variance is at least that of rows that are all equal or lost, with
    `ASSUMED_ICC` within clusters. The observed one is far smaller as long as no cluster differed yet.
    """
    largest = int(sizes.max(initial=1))
    rows: Floats = sizes * (1 + (sizes - 1) * ASSUMED_ICC)
    share = min(margin, 1.0)
    least = float(rows.mean()) * share * (1 - share) / (largest * (1 + margin)) ** 2 if len(sizes) else 0.0
    return sequential_test(alpha, len(sizes), largest, least)


def cleared(differences: Floats, margin: float) -> Floats:
    """Differences turned round a drop by `margin`, in -1..1: their mean is 0 or more if the drop is so large."""
    turned: Floats = -(differences + margin) / (1 + margin)
    return turned
