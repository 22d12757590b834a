"""Permutation tests of differences between two sides or several groups, within matched sets or between whole clusters.

Under the null hypothesis the outcomes of a matched set are exchangeable between its rows (Good 2005, "Permutation, Parametric
and Bootstrap Tests of Hypotheses", chapter 3), so the test is valid however few errors there are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints, Mask

TIE = 1e-9
"""Differences closer than this to the observed one count as equal to it."""
ENOUGH = 100
"""An omnibus test stops at so many permutations that are as extreme as the data: its p is then 10% uncertain."""
WORK, FEWEST = 30_000_000, 499
"""Limits of an omnibus test: permutations times units times groups, and the fewest permutations."""
MANY = 20_000
"""From so many units on, sums by group are drawn from the normal distribution with the moments of permutations."""
BLOCK = 1 << 21
"""Labels that are permuted at a time."""


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
    right: Mask,
    positive: Mask,
    cluster: Ints,
    *,
    seed: int,
    resamples: int = 10_000,
    sample: Ints | None = None,
) -> PermutationTest | None:
    """Test whether the share of `right` rows is the same on the positive and on the negative side.

    All arrays have shape (n,). `sample` says which rows are about one sample, where several are: they are permuted together,
    and the statistic is then the difference of the pooled shares. Otherwise the statistic is the mean over matched sets (clusters with rows on both sides) of the
    difference of their shares; other clusters do not enter. Where most rows are in clusters with one side, these clusters
    enter alone, and are permuted between the sides as wholes. None where a side has no rows. The observed arrangement
    counts as one permutation, so p is never 0.
    """
    used = compared(positive, cluster)
    right, positive, cluster = right[used], positive[used], cluster[used]
    sample = None if sample is None else sample[used]
    clusters = int(cluster.max()) + 1 if len(cluster) else 0
    size = [np.bincount(cluster[side], minlength=clusters) for side in (positive, ~positive)]
    hits = [np.bincount(cluster[side & right], minlength=clusters) for side in (positive, ~positive)]
    rng = np.random.default_rng((seed % 2**64, len(right)))
    complete = (size[0] > 0) & (size[1] > 0)
    if complete.any():
        a, b = size[0][complete], size[1][complete]
        if sample is not None:
            p = _together(right, positive, cluster, sample, seed, resamples)
            return PermutationTest(p, int((a + b).sum()), int(complete.sum()), within=True)
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


def _together(right: Mask, positive: Mask, cluster: Ints, sample: Ints, seed: int, resamples: int) -> float:
    first, unit = np.unique(sample, return_index=True, return_inverse=True)[1:]
    code = unit.reshape(-1)
    hits, rows = np.bincount(code, right.astype(np.float64)), np.bincount(code).astype(np.float64)
    side, stratum = positive[first].astype(np.int64), np.unique(cluster[first], return_inverse=True)[1]
    found = omnibus_test(
        np.column_stack([hits, rows]),
        rows,
        lambda parts: parts[:, 0] / parts[:, 1],
        side,
        stratum.reshape(-1),
        seed=seed,
        resamples=resamples,
    )
    return 1.0 if found is None else found.p


def compared(positive: Mask, cluster: Ints) -> Mask:
    """The rows, shape (n,), that a difference between sides rests on: those in clusters with both sides, or the others.

    The others if they are more and have both sides: the two kinds of clusters are permuted in different ways. `positive`
    and `cluster` have shape (n,).
    """
    clusters = int(cluster.max()) + 1 if len(cluster) else 0
    here = [np.bincount(cluster[side], minlength=clusters) > 0 for side in (positive, ~positive)]
    complete: Mask = (here[0] & here[1])[cluster]
    if not complete.any():
        return np.ones(len(cluster), np.bool_)
    others = positive[~complete]
    return ~complete if 2 * len(others) > len(complete) and others.any() and not others.all() else complete


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


@dataclass(frozen=True)
class OmnibusTest:
    """The p value of equal values in all groups, and how many permutations it took."""

    p: float
    permutations: int
    normal: bool = False
    """Whether sums by group came from the normal limit of permutations."""


def omnibus_test(
    sums: Floats,
    rows: Floats,
    value: Callable[[Floats], Floats],
    group: Ints,
    stratum: Ints,
    *,
    seed: int,
    resamples: int = 10_000,
) -> OmnibusTest | None:
    """Test whether a value that follows from sums over units is the same in all groups.

    `sums`, shape (units, k), are what `value` turns into values, shape (m,) from (m, k); `rows`, `group` (codes from 0)
    and `stratum` have shape (units,). Groups are permuted between the units of a stratum. The statistic is the sum over
    groups of the squared distance of the group's value from their mean, both weighted by rows. None where fewer than
    two groups have a value. Permutations end early where p is clearly large (Besag and Clifford 1991, "Sequential Monte
    Carlo p-values", Biometrika 78, 301-304, which is valid at any level), and are fewer where units are very many.
    From `MANY` units on, the sums of a group are as good as normal (Hoeffding 1951, "A combinatorial central limit
    theorem").
    """
    groups, table = int(group.max()) + 1, np.column_stack([sums, rows])

    def statistic(parts: Sequence[Floats]) -> Floats:
        with np.errstate(all="ignore"):
            values = np.stack([value(part[:, :-1]) for part in parts])
        return _spread(values, np.stack([part[:, -1] for part in parts]))

    def spread(labels: npt.NDArray[np.integer[Any]]) -> Floats:
        return statistic([(labels == code).astype(np.float64) @ table for code in range(groups)])

    observed = float(spread(group[None])[0])
    if math.isnan(observed):
        return None
    rng = np.random.default_rng((seed % 2**64, len(group), groups))
    if len(group) >= MANY:
        found = statistic(_limit(table, group, stratum, rng, resamples))
        extreme = int((~(found < observed * (1 - TIE))).sum())
        return OmnibusTest((extreme + 1) / (resamples + 1), resamples, normal=True)
    most = min(resamples, max(FEWEST, WORK // (len(group) * groups)))
    step, extreme, done = max(1, BLOCK // len(group)), 0, 0
    while done < most:
        found = spread(_relabelled(group, stratum, rng, min(step, most - done)))
        # An arrangement in which a group has no value counts as extreme.
        hits = extreme + np.cumsum(~(found < observed * (1 - TIE)))
        if hits[-1] >= ENOUGH:
            done += int(np.searchsorted(hits, ENOUGH)) + 1
            return OmnibusTest(ENOUGH / done, done)
        extreme, done = int(hits[-1]), done + len(found)
    return OmnibusTest((extreme + 1) / (done + 1), done)


def _limit(
    table: Floats, group: Ints, stratum: Ints, rng: np.random.Generator, resamples: int
) -> list[Floats]:
    """Sums by group of units permuted within strata, (resamples, k) for each group, in the normal limit.

    In a stratum of N units with n_g of group g, the sum of group g has the mean n_g times the mean of all units, and
    those of g and h the covariance (N n_g [g = h] - n_g n_h) / (N (N - 1)) times the sum of squares about the mean.
    """
    groups, k = int(group.max()) + 1, table.shape[1]
    _, stratum = np.unique(stratum, return_inverse=True)
    size = np.bincount(stratum)
    counts = np.bincount(stratum * groups + group, minlength=len(size) * groups).reshape(-1, groups)
    mean = np.stack([np.bincount(stratum, weights=column) for column in table.T], axis=1) / size[:, None]
    away = table - mean[stratum]
    # Strata with the same numbers of each group share a factor.
    kinds, kind = np.unique(counts, axis=0, return_inverse=True)
    row_kind = kind.reshape(-1)[stratum]
    order = np.argsort(row_kind, kind="stable")
    ends = np.cumsum(np.bincount(row_kind, minlength=len(kinds)))
    covariance = np.zeros((groups * k, groups * k))
    for held, end, start in zip(kinds.astype(np.float64), ends, [0, *ends], strict=False):
        total = held.sum()
        if total > 1:
            part = away[order[start:end]]
            factor = (total * np.diag(held) - np.outer(held, held)) / (total * (total - 1))
            covariance += np.kron(factor, part.T @ part)
    squares, axes = np.linalg.eigh(covariance)
    drawn = rng.standard_normal((resamples, groups * k)) @ (axes * np.sqrt(np.maximum(squares, 0.0))).T
    drawn += (counts.T @ mean).reshape(-1)
    return [drawn[:, code * k : (code + 1) * k] for code in range(groups)]


def _spread(values: Floats, rows: Floats) -> Floats:
    """The statistic, shape (m,), from values and rows of shape (groups, m). NaN with fewer than two values."""
    known = np.isfinite(values)
    weight, filled = np.where(known, rows, 0.0), np.where(known, values, 0.0)
    with np.errstate(all="ignore"):
        mean = (weight * filled).sum(axis=0) / weight.sum(axis=0)
        found: Floats = (weight * (filled - mean) ** 2).sum(axis=0)
    return np.where(known.sum(axis=0) > 1, found, np.nan)


def _relabelled(
    group: Ints, stratum: Ints, rng: np.random.Generator, resamples: int
) -> npt.NDArray[np.int16]:
    """Groups permuted within each stratum, shape (resamples, units). Strata of equal size are permuted together."""
    labels = np.empty((resamples, len(group)), np.int16)
    order = np.argsort(stratum, kind="stable")
    _, first, sizes = np.unique(stratum[order], return_index=True, return_counts=True)
    for size in np.unique(sizes).tolist():
        units = order[first[sizes == size][:, None] + np.arange(size)]
        block = np.broadcast_to(group[units].astype(np.int16), (resamples, *units.shape)).copy()
        labels[:, units.ravel()] = rng.permuted(block, axis=2).reshape(resamples, -1)
    return labels
