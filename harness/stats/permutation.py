"""Permutation tests of a difference between two sides, within matched sets of rows or between whole clusters.

Under the null hypothesis the outcomes of a matched set are exchangeable between its rows (Good 2005, "Permutation, Parametric
and Bootstrap Tests of Hypotheses", chapter 3), so the test is valid however few errors there are.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, Mask

TIE = 1e-9
"""Differences closer than this to the observed one count as equal to it."""


@dataclass(frozen=True)
class PermutationTest:
    """A two-sided p value, with what it rests on."""

    p: float
    n: int
    """Rows that entered."""
    clusters: int
    """Matched sets, or clusters where none has rows on both sides."""
    within: bool
    """Whether outcomes were permuted within matched sets."""


def difference_test(
    right: Mask, positive: Mask, cluster: Ints, *, seed: int, resamples: int = 10_000
) -> PermutationTest | None:
    """Test whether the share of `right` rows is the same on the positive and on the negative side.

    All arrays have shape (n,). The statistic is the mean over matched sets (clusters with rows on both sides) of the
    difference of their shares; other clusters do not enter. Where no cluster has both sides, whole clusters are permuted
    between the sides. None where a side has no rows. The observed arrangement counts as one permutation, so p is
    never 0.
    """
    clusters = int(cluster.max()) + 1 if len(cluster) else 0
    size = [np.bincount(cluster[side], minlength=clusters) for side in (positive, ~positive)]
    hits = [np.bincount(cluster[side & right], minlength=clusters) for side in (positive, ~positive)]
    rng = np.random.default_rng((seed % 2**64, len(right)))
    complete = (size[0] > 0) & (size[1] > 0)
    if complete.any():
        a, b = size[0][complete], size[1][complete]
        observed = float((hits[0][complete] / a - hits[1][complete] / b).mean())
        found = _within(a, b, (hits[0] + hits[1])[complete], rng, resamples)
        rows = int((a + b).sum())
        return PermutationTest(_two_sided(observed, found), rows, int(complete.sum()), within=True)
    used = (size[0] + size[1]) > 0
    if not size[0].any() or not size[1].any():
        return None
    shares = (hits[0] + hits[1])[used] / (size[0] + size[1])[used]
    first = size[0][used] > 0
    observed = float(shares[first].mean() - shares[~first].mean())
    found = _between(shares, int(first.sum()), rng, resamples)
    return PermutationTest(
        _two_sided(observed, found), int((size[0] + size[1]).sum()), int(used.sum()), within=False
    )


def _within(a: Ints, b: Ints, hits: Ints, rng: np.random.Generator, resamples: int) -> Floats:
    """Mean differences with outcomes permuted within sets of `a` and `b` rows, shape (resamples,).

    Sets with equal numbers are drawn together: how many of them get 0, 1, ... hits on the first side is multinomial.
    """
    total = np.zeros(resamples)
    for (first, second, count), sets in Counter(
        zip(a.tolist(), b.tolist(), hits.tolist(), strict=True)
    ).items():
        possible = np.arange(max(0, count - second), min(first, count) + 1)
        difference = possible / first - (count - possible) / second
        chances = _hypergeometric(first, second, count, possible)
        total += rng.multinomial(sets, chances, size=resamples) @ difference
    return total / len(a)


def _hypergeometric(first: int, second: int, count: int, possible: Ints) -> Floats:
    """Chances of `possible` hits among `first` rows if `count` of all rows are hits, shape (k,)."""

    def log_choose(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    logs = np.array([log_choose(first, k) + log_choose(second, count - k) for k in possible.tolist()])
    chances = np.exp(logs - logs.max())
    normalised: Floats = chances / chances.sum()
    return normalised


def _between(shares: Floats, first: int, rng: np.random.Generator, resamples: int) -> Floats:
    """Differences of mean shares with `first` clusters chosen at random for the first side, shape (resamples,)."""
    values, counts = np.unique(shares, return_counts=True)
    chosen = rng.multivariate_hypergeometric(counts, first, size=resamples, method="marginals")
    found: Floats = chosen @ values / first - (counts - chosen) @ values / (len(shares) - first)
    return found


def _two_sided(observed: float, found: Floats) -> float:
    extreme = int((np.abs(found) >= abs(observed) - TIE).sum())
    return (extreme + 1) / (len(found) + 1)
