"""Two runs on the same samples, and several tests at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.bootstrap import percentile_interval
from harness.stats.weights import cluster_weights

MANY_PAIRED = 50
"""Clusters from which on differences are not widened: where both runs often agree, their p is cautious without that."""


@dataclass(frozen=True)
class Difference:
    """A difference between two figures on the same samples, with its interval and two-sided p value.

    NaN where a figure does not exist, or where there are fewer than two clusters.
    """

    value: float
    low: float
    high: float
    p: float


def paired_difference(
    first: Callable[[Ints], Floats],
    second: Callable[[Ints], Floats],
    counts: Ints,
    *,
    seed: int,
    resamples: int = 10_000,
    level: float = 0.95,
    width: int = 0,
) -> Difference:
    """`second` less `first`, by a cluster bootstrap that gives both the same draws.

    Both take weights of shape (draws, patterns) and return shape (draws,); the patterns are clusters of both
    runs' rows together (`harness.stats.collapse`), each standing for `counts[.]` of them. p comes from twice the
    share of draws on the far side of 0, the data themselves counted as one draw, so never 0. Interval and p make
    up for how few clusters there are, below `MANY_PAIRED` (`harness.stats.bootstrap.expanded_tail`).
    """
    value = float((second(counts[None]) - first(counts[None]))[0])
    if not math.isfinite(value) or counts.sum() < 2:
        return Difference(value, math.nan, math.nan, math.nan)
    found = np.concatenate(
        [second(weights) - first(weights) for weights in cluster_weights(counts, resamples, seed, width)]
    )
    clusters = int(counts.sum()) if counts.sum() < MANY_PAIRED else 0
    low, high = percentile_interval(found, level, clusters) or (math.nan, math.nan)
    found = found[np.isfinite(found)]
    tail = min(int((found <= 0).sum()), int((found >= 0).sum()))
    return Difference(value, low, high, _expanded_p(min(1.0, 2 * (tail + 1) / (len(found) + 1)), clusters))


def _expanded_p(p: float, clusters: int) -> float:
    """The p value at which intervals widened by `expanded_tail` begin to leave out 0."""
    if p >= 1 or not clusters:
        return min(p, 1.0)
    from scipy.special import stdtr

    z = NormalDist().inv_cdf(p / 2)
    return 2 * float(stdtr(clusters - 1, z * math.sqrt((clusters - 1) / clusters)))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test, from how many samples only one of the two got right."""
    total = only_first + only_second
    if not total:
        return 1.0
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_first, only_second), total, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p values, in the order given: controls the chance of any false claim among them."""
    ordered, order = _sorted(p_values)
    raised = np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))
    return _restore(raised, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg adjusted p values, in the order given: controls the share of false discoveries."""
    ordered, order = _sorted(p_values)
    scaled = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    return _restore(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _sorted(p_values: Sequence[float]) -> tuple[Floats, Ints]:
    values = np.asarray(p_values, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p values must lie in 0..1")
    order = np.argsort(values, kind="stable")
    return values[order], order


def _restore(values: Floats, order: Ints) -> list[float]:
    result = np.empty(len(values))
    result[order] = np.minimum(values, 1.0)
    return [float(value) for value in result]
