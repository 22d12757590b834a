"""Power analysis: power, smallest detectable difference and required sample size. All tests are two-sided.

A power function takes a signed difference and the number of samples of each of the two runs (the same samples if the
test is paired), and returns the probability that the test detects it. Samples within a cluster are correlated: divide
n by `design_effect` first to get the effective sample size.
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
    """1 + (m - 1) ICC: the factor by which clusters of mean size m raise the required n (Kish 1965). At least 1."""
    return max(1.0, 1 + (cluster_size - 1) * icc)


def proportions(difference: float, n: float, baseline: float, alpha: float = 0.05) -> float:
    """Power of the z test of two independent proportions, `baseline` and `baseline + difference`, n rows each.

    The variance is pooled under the null hypothesis but not under the alternative (Fleiss 1981). 0 if the second
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
    """Power of McNemar's test on n samples, a share `discordant` of which only one run gets right (Connor 1987).

    0 if the difference exceeds that share, which is impossible.
    """
    if abs(difference) > discordant:
        return 0.0
    own = math.sqrt(max(discordant - difference**2, 0.0) / n)
    return _normal_power(difference, math.sqrt(discordant / n), own, alpha)


def sd_of_differences(sd: float, correlation: float) -> float:
    """Standard deviation of the difference of two answers of standard deviation `sd`, correlated by `correlation`."""
    return sd * math.sqrt(2 * (1 - correlation))


def means(difference: float, n: float, sd: float, alpha: float = 0.05, *, paired: bool = False) -> float:
    """Power of the t test of two means of n rows each. `sd` refers to the rows, or if paired to their differences.

    0 with fewer than two rows.
    """
    if n < 2:
        return 0.0
    from scipy.special import nctdtr, stdtrit

    freedom = n - 1 if paired else 2 * n - 2
    away = abs(difference) / sd * math.sqrt(n if paired else n / 2)
    edge = float(stdtrit(freedom, 1 - alpha / 2))
    # scipy returns NaN where the far tail underflows.
    far = float(nctdtr(freedom, away, -edge))
    return 1 - float(nctdtr(freedom, away, edge)) + (far if math.isfinite(far) else 0.0)


def correlations(
    difference: float, n: float, baseline: float, alpha: float = 0.05, *, kind: Correlation = "spearman"
) -> float:
    """Power to distinguish a correlation of `baseline` from `baseline + difference`, n independent rows each.

    On Fisher's z scale, with the variances of Bonett and Wright (2000): (1 + r^2 / 2) / (n - 3) for Spearman,
    1 / (n - 3) for Pearson, 0.437 / (n - 4) for Kendall. 0 if n is too small or either correlation lies outside -1..1.
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
    """Probability of an estimate beyond the critical values, if its standard error is `null` under the null hypothesis
    and `own` under a true difference of `away`."""
    edge = NORMAL.inv_cdf(1 - alpha / 2) * null
    if own <= 0:
        return float(abs(away) > edge)
    return NORMAL.cdf((abs(away) - edge) / own) + NORMAL.cdf((-abs(away) - edge) / own)


def smallest_difference(
    power: Callable[[float], float], largest: float, wanted: float = 0.8, tolerance: float = 1e-12
) -> float | None:
    """The smallest difference that is detected with power `wanted`; `power` takes a signed difference.

    Bisects between 0 and `largest`, whose sign gives the direction. None if even the largest has too little power.
    """
    if power(largest) < wanted:
        # A difference up to the very end of the scale may be impossible; just short of it, it is not.
        largest *= 1 - 1e-9
        if power(largest) < wanted:
            return None
    low, high = 0.0, 1.0
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle * largest) >= wanted else (middle, high)
    return high * largest


def samples_needed(power: Callable[[float], float], wanted: float = 0.8) -> int | None:
    """The smallest n for which `power(n)` reaches `wanted`; None if no n up to about `LARGEST_N` does."""
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
