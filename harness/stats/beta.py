"""The beta distribution, for exact intervals of proportions and quantiles of Student's t, without importing scipy.

Importing scipy takes longer than scoring a choice does.
"""

from __future__ import annotations

import math

_TINY = 1e-300
_PRECISION = 1e-14


def beta_cdf(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0.

    Continued fraction of DLMF 8.17.22, evaluated by Lentz's method.
    """
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(b, a, 1.0 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    ratio, product = 0.0, 1.0
    fraction, step = 1.0, 0
    while step < 10_000:
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        ratio = 1.0 + term * ratio
        ratio = 1.0 / (ratio if abs(ratio) > _TINY else _TINY)
        product = 1.0 + term / product
        product = product if abs(product) > _TINY else _TINY
        change = ratio * product
        fraction *= change
        step += 1
        if step > 1 and abs(change - 1.0) < _PRECISION:
            break
    value = math.exp(front) * (fraction - 1.0) / a
    return min(max(value, 0.0), 1.0)


def beta_quantile(a: float, b: float, p: float) -> float:
    """The x with I_x(a, b) = p, by Newton's method kept within a shrinking bracket."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    for _ in range(200):
        excess = beta_cdf(a, b, x) - p
        low, high = (x, high) if excess < 0 else (low, x)
        log_density = front + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x)
        density = math.exp(min(log_density, 700.0))
        step = excess / density if density > 0 else math.inf
        new = x - step
        if not low < new < high:
            new = (low + high) / 2
        if abs(new - x) <= _PRECISION * max(new, 1e-8):
            return new
        x = new
    return x


def t_quantile_two_sided(freedom: float, level: float) -> float:
    """The t with probability `level` between -t and t."""
    x = beta_quantile(freedom / 2, 0.5, 1 - level)
    return math.sqrt(freedom * (1 - x) / x)


def t_cdf(t: float, freedom: float) -> float:
    """Probability of a smaller Student's t (DLMF 8.17 with the tail of t)."""
    if math.isinf(t):
        return float(t > 0)
    tail = beta_cdf(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2
    return 1 - tail if t > 0 else tail


def fair_binomial_cdf(successes: int, trials: int) -> float:
    """Probability of at most so many successes, each with probability one half."""
    if successes < 0:
        return 0.0
    return 1.0 if successes >= trials else beta_cdf(trials - successes, successes + 1, 0.5)
