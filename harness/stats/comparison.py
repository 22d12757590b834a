"""Sign-flip and McNemar's tests of paired runs, and corrections for multiple tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints
from harness.stats.beta import fair_binomial_cdf
from harness.stats.weights import CELLS

ENUMERATED = 12
"""Up to this many clusters with a difference, all patterns of signs are enumerated."""
TIE = 1e-9
"""Relative difference below which two sums are equal."""


@dataclass(frozen=True)
class Difference:
    """Difference between two estimates on the same samples, with its interval and two-sided p value.

    NaN where an estimate is undefined or there are fewer than two clusters.
    """

    value: float
    low: float
    high: float
    p: float


def sign_flip_p(away: Floats, counts: Ints, *, seed: int, resamples: int = 10_000) -> float:
    """Two-sided mid-p of the hypothesis that differences are symmetric about 0, as `sign_flip` gives it."""
    return sign_flip(away, counts, seed=seed, resamples=resamples)[0]


def sign_flip(
    away: Floats, counts: Ints, *, seed: int, resamples: int = 10_000
) -> tuple[float, float, float]:
    """Mid-p of the hypothesis that differences are symmetric about 0: two-sided, and that of a sum so low, and so high.

    `away`, shape (patterns,), holds the difference of each cluster; pattern i stands for `counts[i]` clusters. Under
    the hypothesis each sign is as likely as the other (Fisher's randomisation of paired samples, 1935). Sums equal to
    that of the data count half (Lancaster 1961). All signs are enumerated where at most `ENUMERATED` clusters differ.
    NaN if a difference is undefined.
    """
    if not np.isfinite(away).all():
        return math.nan, math.nan, math.nan
    differ = np.abs(away) > TIE * np.abs(away).max(initial=0.0)
    away, counts = away[differ], counts[differ]
    observed, slack = float(counts @ away), TIE * float(counts @ np.abs(away))
    total = int(counts.sum())
    if not total:
        return 1.0, 0.5, 0.5
    if total <= ENUMERATED:
        signs = 1.0 - 2.0 * (np.arange(1 << total)[:, None] >> np.arange(total) & 1)
        sums = signs @ np.repeat(away, counts)
        own = 0
    else:
        rng, step = np.random.default_rng((seed % 2**64, total)), max(1, CELLS // len(counts))
        sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
        sums = np.concatenate(
            [(counts - 2 * rng.binomial(counts, 0.5, (size, len(counts)))) @ away for size in sizes]
        )
        own = 1
    two_sided = _mid_p(np.abs(sums), abs(observed), slack, own) if abs(observed) > slack else 1.0
    return two_sided, _mid_p(-sums, -observed, slack, own), _mid_p(sums, observed, slack, own)


def _mid_p(sums: npt.NDArray[Any], edge: float, slack: float, own: int) -> float:
    """Share of sums beyond `edge`, those equal to it half; `own` counts the data as one of them."""
    beyond = int((sums > edge + slack).sum())
    equal = int((sums >= edge - slack).sum()) - beyond
    return (beyond + (equal + own) / 2) / (len(sums) + own)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided mid-p of McNemar's test, from the numbers of samples that only one of the two runs got right.

    The exact p minus half the probability of the data on either side (Fagerland, Lydersen and Laake 2013). Only for
    samples that are independent: one answer in each cluster. 1 where the numbers are equal.
    """
    total = only_first + only_second
    if only_first == only_second:
        return 1.0
    fewer = min(only_first, only_second)
    return fair_binomial_cdf(fewer - 1, total) + fair_binomial_cdf(fewer, total)


def mcnemar_below(successes: int, failures: int) -> float:
    """One-sided mid-p of so few successes, where each discordant sample is a success with probability one half.

    Half the probability of the data, plus that of fewer successes. 0.5 where nothing is discordant.
    """
    total = successes + failures
    return (fair_binomial_cdf(successes - 1, total) + fair_binomial_cdf(successes, total)) / 2


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p values, in input order. Controls the family-wise error rate."""
    ordered, order = _sorted(p_values)
    adjusted = np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))
    return _restore(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg adjusted p values, in input order. Controls the false discovery rate."""
    ordered, order = _sorted(p_values)
    adjusted = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    return _restore(np.minimum.accumulate(adjusted[::-1])[::-1], order)


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
