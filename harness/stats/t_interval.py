"""Student's t interval of an estimate with a known standard error."""

from __future__ import annotations

import math


def t_interval(value: float, error: float, freedom: int, level: float = 0.95) -> tuple[float, float]:
    """`value` plus and minus its t half-width; NaN with fewer than one degree of freedom."""
    half_width = t_half_width(error, freedom, level)
    return value - half_width, value + half_width


def t_half_width(error: float, freedom: int, level: float = 0.95) -> float:
    """The two-sided critical value of t times the standard error; NaN with fewer than one degree of freedom."""
    if freedom < 1:
        return math.nan
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2)) * error
