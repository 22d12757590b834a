"""The expected calibration error without its bias, and its interval, from sums by cluster."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.stats.intervals import t_half_width

NOISE = 4_000
"""How often the noise of the gaps is simulated."""
STEPS, LARGEST = 40, 4.0
"""Bisections, and the largest factor on the gaps that is searched for."""


@dataclass(frozen=True)
class CalibrationError:
    """An expected calibration error with its interval."""

    plain: float
    """The binned value as it is usually given, biased upwards."""
    value: float
    low: float
    high: float
    p: float
    """The chance of a plain value at least as large from a calibrated judge with the same confidences."""


def calibration_error(
    gaps: Floats, sizes: Floats, counts: Ints, variances: Floats, squares: float, *, level: float = 0.95
) -> CalibrationError | None:
    """Debias sum_b |d_b|, with d_b the sum over the rows of bin b of right - confidence, divided by all rows.

    `gaps`, shape (patterns, bins), holds these sums by cluster, `sizes`, shape (patterns,), the rows of each cluster;
    pattern i stands for `counts[i]` clusters. `variances`, shape (bins,), is the sum over rows of confidence *
    (1 - confidence), `squares` that of (right - confidence)^2. None with fewer than two clusters or no rows.

    Chance alone makes each |d_b| larger (Kumar, Liang and Ma 2019, "Verified uncertainty calibration", section 4). The
    true gaps are modelled as f * d_b. Given f, the plain value is that of f * d_b plus normal noise with the clustered
    covariance of d; its variances are at least those of a calibrated judge (consistency resampling: Broecker and Smith
    2007), times the design effect. The debiased value has the f for which the plain value is the expected one; the
    lower end has the f for which so large a value has probability (1 - level) / 2 (test inversion: Carpenter 1999), and
    is 0 where a calibrated judge would exceed it more often. The upper end is the plain value plus its t half-width
    with the signs of the gaps held fixed: it keeps the bias, because mixed signs hide how far noise may cancel gaps.
    """
    n, clusters = float(counts @ sizes), int(counts.sum())
    if clusters < 2 or n <= 0:
        return None
    gap = counts @ gaps / n
    away = (gaps - sizes[:, None] * gap) / n
    covariance = clusters / (clusters - 1) * (away * counts[:, None]).T @ away
    plain = float(np.abs(gap).sum())
    noise = _noise(covariance, variances / n**2 * _design_effect(gaps, counts, squares))

    def simulated(factor: float) -> Floats:
        return np.asarray(np.abs(factor * gap + noise).sum(axis=1), np.float64)

    tail = (1 - level) / 2
    value = plain * _smallest(lambda factor: float(simulated(factor).mean()) >= plain)
    low = plain * _smallest(lambda factor: float((simulated(factor) >= plain).mean()) >= tail)
    signs = np.sign(gap)
    error = math.sqrt(max(float(signs @ covariance @ signs), 0.0))
    high = min(plain + t_half_width(error, clusters - 1, level), 1.0)
    p = float(((simulated(0) >= plain).sum() + 1) / (NOISE + 1))
    return CalibrationError(plain, min(value, high), min(low, value), high, p)


def _design_effect(gaps: Floats, counts: Ints, squares: float) -> float:
    """How much larger rows of one cluster make the variance of the gaps than independent rows would; at least 1."""
    return max(1.0, float(counts @ (gaps**2).sum(axis=1)) / squares) if squares > 0 else 1.0


def _noise(covariance: Floats, least: Floats) -> Floats:
    """Normal noise, shape (NOISE, bins), with this covariance, the variances raised to `least`. Always the same."""
    own = np.sqrt(np.diag(covariance))
    scale = np.divide(1.0, own, out=np.zeros_like(own), where=own > 0)
    correlation = covariance * scale * scale[:, None]
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    normal = np.random.default_rng(0).normal(size=(NOISE, len(own)))
    mixed = (normal * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(mixed * np.sqrt(np.maximum(own**2, least)), np.float64)


def _smallest(reached: Callable[[float], bool]) -> float:
    """The smallest factor, 0 to `LARGEST`, at which `reached` holds; it holds from there on."""
    if reached(0.0):
        return 0.0
    low, high = 0.0, LARGEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
