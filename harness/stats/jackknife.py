"""The cluster jackknife: standard error, t interval and acceleration from leave-one-out estimates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.intervals import Ends, t_half_width, t_interval
from harness.stats.weights import CELLS


def leave_one_out(estimate: Callable[[Ints], Floats], counts: Ints) -> Floats:
    """The estimate without one cluster of each pattern, shape (patterns,).

    `estimate` takes weights of shape (resamples, patterns); `counts`, shape (patterns,), holds the number of
    identical clusters that each pattern stands for.
    """
    patterns = len(counts)
    step = max(1, CELLS // max(patterns, 1))
    estimates = []
    for start in range(0, patterns, step):
        left = np.arange(start, min(start + step, patterns))
        weights = np.repeat(counts[None, :], len(left), axis=0)
        weights[np.arange(len(left)), left] -= 1
        estimates.append(estimate(weights))
    return np.concatenate(estimates) if estimates else np.zeros(0)


def acceleration(left_out: Floats, counts: Ints) -> float:
    """Efron's acceleration from leave-one-out estimates, shape (patterns,); 0 if they are constant."""
    kept = np.isfinite(left_out)
    estimates, weights = left_out[kept], counts[kept]
    if not weights.sum():
        return 0.0
    away = np.average(estimates, weights=weights) - estimates
    spread = float(weights @ away**2)
    return float(weights @ away**3) / (6 * spread**1.5) if spread > 0 else 0.0


def standard_error(left_out: Floats, counts: Ints) -> float:
    """Jackknife standard error: sqrt((C - 1) / C * sum of squared deviations) over all C clusters.

    NaN with fewer than two clusters or if a leave-one-out estimate is undefined.
    """
    total = int(counts.sum())
    if total < 2 or not np.isfinite(left_out).all():
        return math.nan
    away = left_out - np.average(left_out, weights=counts)
    return math.sqrt((total - 1) / total * float(counts @ away**2))


def jackknife_interval(
    value: float, error: float, clusters: int, level: float = 0.95, *, correlation: bool = False
) -> Ends | None:
    """The t interval of `value` with clusters - 1 degrees of freedom; None if `error` is NaN.

    The interval of a correlation is computed on Fisher's z scale, by the delta method, so it stays within -1..1.
    """
    if not math.isfinite(error) or clusters < 2:
        return None
    if not correlation:
        return t_interval(value, error, clusters - 1, level)
    if abs(value) >= 1:
        return value, value
    half_width = t_half_width(error, clusters - 1, level) / (1 - value**2)
    z = math.atanh(value)
    return math.tanh(z - half_width), math.tanh(z + half_width)
