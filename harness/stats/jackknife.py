"""The cluster jackknife: leave out one cluster at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.bootstrap import Interval
from harness.stats.weights import CELLS


def leave_one_out(estimate: Callable[[Ints], Floats], counts: Ints) -> Floats:
    """The figure without one cluster of each pattern, shape (patterns,).

    `estimate` takes weights of shape (draws, patterns); `counts`, shape (patterns,), says how many
    interchangeable clusters each pattern stands for.
    """
    patterns = len(counts)
    step = max(1, CELLS // max(patterns, 1))
    figures = []
    for start in range(0, patterns, step):
        left = np.arange(start, min(start + step, patterns))
        weights = np.repeat(counts[None, :], len(left), axis=0)
        weights[np.arange(len(left)), left] -= 1
        figures.append(estimate(weights))
    return np.concatenate(figures) if figures else np.zeros(0)


def acceleration(left_out: Floats, counts: Ints) -> float:
    """Efron's acceleration from leave-one-out figures, shape (patterns,); 0 where they do not vary."""
    kept = np.isfinite(left_out)
    figures, weights = left_out[kept], counts[kept]
    if not weights.sum():
        return 0.0
    away = np.average(figures, weights=weights) - figures
    spread = float(weights @ away**2)
    return float(weights @ away**3) / (6 * spread**1.5) if spread > 0 else 0.0


def standard_error(left_out: Floats, counts: Ints) -> float:
    """Jackknife standard error: sqrt((C - 1) / C * sum of squared deviations) over all C clusters.

    NaN where there are fewer than two clusters or a leave-one-out figure does not exist.
    """
    total = int(counts.sum())
    if total < 2 or not np.isfinite(left_out).all():
        return math.nan
    away = left_out - np.average(left_out, weights=counts)
    return math.sqrt((total - 1) / total * float(counts @ away**2))


def jackknife_interval(
    value: float, error: float, clusters: int, level: float = 0.95, *, correlation: bool = False
) -> Interval | None:
    """`value` plus and minus t (clusters - 1 degrees of freedom) times `error`; None where `error` is NaN.

    A correlation's interval is laid on Fisher's z scale, by the delta method, so that it stays in -1..1.
    """
    if not math.isfinite(error) or clusters < 2:
        return None
    from scipy.special import stdtrit

    reach = float(stdtrit(clusters - 1, (1 + level) / 2)) * error
    if not correlation:
        return value - reach, value + reach
    if abs(value) >= 1:
        return value, value
    middle, reach = math.atanh(value), reach / (1 - value**2)
    return math.tanh(middle - reach), math.tanh(middle + reach)
