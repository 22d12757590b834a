"""How small a difference a comparison can find, and how many samples it takes. All tests are two-sided.

A power function takes a signed difference and how many samples each of the two runs has (the same ones where they
are paired), and returns the chance that the test finds it. Samples of a cluster are worth less than as many
independent ones: divide n by `design_effect` first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal

NORMAL = NormalDist()
LARGEST_N = 10**12
Correlation = Literal["spearman", "pearson", "kendall"]


def design_effect(cluster_size: float, icc: float) -> float:
    """1 + (m - 1) ICC: how many times more samples clusters of mean size m take (Kish 1965). At least 1."""
    return max(1.0, 1 + (cluster_size - 1) * icc)


def proportions(difference: float, n: float, baseline: float, alpha: float = 0.05) -> float:
    """Power of the z test of two independent proportions, `baseline` and `baseline + difference`, n rows each.

    The variance is pooled under the hypothesis and not under the alternative (Fleiss 1981). 0 where the second
    proportion lies outside 0..1.
    """
    other = baseline + difference
    if not 0 <= other <= 1:
        return 0.0
    middle = (baseline + other) / 2
    null = math.sqrt(2 * middle * (1 - middle) / n)
    own = math.sqrt((baseline * (1 - baseline) + other * (1 - other)) / n)
    return _normal_power(difference, null, own, alpha)


def paired_proportions(difference: float, n: float, discordant: float, alpha: float = 0.05) -> float:
    """Power of McNemar's test on n samples of which a share `discordant` is right in one run only (Connor 1987).

    0 where the difference is larger than that share, which cannot be.
    """
    if abs(difference) > discordant:
        return 0.0
    own = math.sqrt(max(discordant - difference**2, 0.0) / n)
    return _normal_power(difference, math.sqrt(discordant / n), own, alpha)


def means(difference: float, n: float, sd: float, alpha: float = 0.05, *, paired: bool = False) -> float:
    """Power of the t test of two means of n rows each. `sd` is that of the rows; where paired, of their differences.

    0 with fewer than two rows.
    """
    if n < 2:
        return 0.0
    from scipy.special import nctdtr, stdtrit

    freedom = n - 1 if paired else 2 * n - 2
    away = abs(difference) / sd * math.sqrt(n if paired else n / 2)
    edge = float(stdtrit(freedom, 1 - alpha / 2))
    # The far tail: what is not a number there is too small to be one.
    far = float(nctdtr(freedom, away, -edge))
    return 1 - float(nctdtr(freedom, away, edge)) + (far if math.isfinite(far) else 0.0)


def correlations(
    difference: float, n: float, baseline: float, alpha: float = 0.05, *, kind: Correlation = "spearman"
) -> float:
    """Power to tell a correlation of `baseline` from one of `baseline + difference`, n independent rows each.

    On Fisher's z scale, with the variances of Bonett and Wright (2000): (1 + r^2 / 2) / (n - 3) for Spearman,
    1 / (n - 3) for Pearson, 0.437 / (n - 4) for Kendall. 0 where n is too small, or either is not within -1..1.
    """
    other = baseline + difference
    if n <= (4 if kind == "kendall" else 3) or not (-1 < baseline < 1 and -1 < other < 1):
        return 0.0
    error = math.sqrt(sum(_z_variance(r, n, kind) for r in (baseline, other)))
    return _normal_power(math.atanh(other) - math.atanh(baseline), error, error, alpha)


def _z_variance(r: float, n: float, kind: Correlation) -> float:
    if kind == "spearman":
        return (1 + r * r / 2) / (n - 3)
    return 1 / (n - 3) if kind == "pearson" else 0.437 / (n - 4)


def _normal_power(away: float, null: float, own: float, alpha: float) -> float:
    """Chance to land beyond the critical values, for an estimate whose error is `null` if there is no difference
    and `own` if there is one of `away`."""
    edge = NORMAL.inv_cdf(1 - alpha / 2) * null
    if own <= 0:
        return float(abs(away) > edge)
    return NORMAL.cdf((abs(away) - edge) / own) + NORMAL.cdf((-abs(away) - edge) / own)


def smallest_difference(
    power: Callable[[float], float], largest: float, wanted: float = 0.8, tolerance: float = 1e-12
) -> float | None:
    """The difference of least size that `power` (of a signed difference) finds with the chance `wanted`.

    Sought between 0 and `largest`, whose sign is the direction; None where even the largest is not found.
    """
    if power(largest) < wanted:
        # At the very end of a scale the difference itself may be impossible: just before it, it is not.
        largest *= 1 - 1e-9
        if power(largest) < wanted:
            return None
    low, high = 0.0, 1.0
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle * largest) >= wanted else (middle, high)
    return high * largest


def samples_needed(power: Callable[[float], float], wanted: float = 0.8) -> int | None:
    """The least n with which `power` (of n) reaches `wanted`; None where no n up to a million million does."""
    high = 2
    while power(high) < wanted:
        high *= 2
        if high > LARGEST_N:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= wanted else (middle, high)
    return high if power(low) < wanted else low
