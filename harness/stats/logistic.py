"""Fit of the 4-parameter logistic that maps predictions onto the human scale before PLCC and RMSE (VQEG)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats

ROUGH, FINE = 128, 4096
"""Maximum number of points in the search for a start and in the final fit; more are averaged over runs of similar x."""
SMALLEST, LARGEST = math.log(1e-4), math.log(1e3)
"""Bounds of log |b4| for x of unit variance: from a step to a line that is straight in double precision."""


@dataclass(frozen=True)
class Logistic:
    """y = b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|))."""

    b1: float
    b2: float
    b3: float
    b4: float

    def __call__(self, x: Floats) -> Floats:
        """The curve at x, of any shape."""
        return self.b2 + (self.b1 - self.b2) * _sigmoid((x - self.b3) / abs(self.b4))


def fit_logistic(x: Floats, y: Floats, weights: Floats | None = None) -> Logistic | None:
    """Least-squares fit of y on x, shape (n,) each; None with fewer than 4 distinct x or a constant y.

    Levenberg-Marquardt with the analytic Jacobian. The starts are the customary one (max y, min y, mean x, 0.5), its
    decreasing counterpart, and curves centred at the quartiles of x with several slopes. All are tried on a coarse
    sample of points; the best one is refined.
    """
    weights = np.ones(len(x)) if weights is None else weights
    x, y, weights = x[weights > 0], y[weights > 0], weights[weights > 0]
    if len(np.unique(x)) < 4 or len(np.unique(y)) < 2:
        return None
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    x_sd = math.sqrt(np.average((x - x_mean) ** 2, weights=weights))
    y_sd = math.sqrt(np.average((y - y_mean) ** 2, weights=weights))
    points = _means((x - x_mean) / x_sd, (y - y_mean) / y_sd, weights, FINE)
    coarse = _means((x - x_mean) / x_sd, (y - y_mean) / y_sd, weights, ROUGH)
    rough = min((_descend(start, *coarse, 40) for start in _starts(*coarse, 0.5 / x_sd)), key=_cost)[1]
    b1, b2, b3, log_b4 = _descend(rough, *points, 400)[1].tolist()
    b4 = math.exp(min(max(log_b4, SMALLEST), LARGEST))
    return Logistic(y_mean + y_sd * b1, y_mean + y_sd * b2, x_mean + x_sd * b3, x_sd * b4)


def model(parameters: Floats, x: Floats) -> tuple[Floats, Floats]:
    """The curve at x, shape (n,), and its Jacobian with respect to (b1, b2, b3, log |b4|), shape (n, 4)."""
    b1, b2, b3, log_b4 = parameters
    b4 = math.exp(min(max(log_b4, SMALLEST), LARGEST))
    z = (x - b3) / b4
    share = _sigmoid(z)
    steep = (b1 - b2) * share * (1 - share)
    inside = 1.0 if SMALLEST <= log_b4 <= LARGEST else 0.0
    return b2 + (b1 - b2) * share, np.column_stack([share, 1 - share, -steep / b4, -steep * z * inside])


def _starts(x: Floats, y: Floats, weights: Floats, customary: float) -> list[Floats]:
    top, bottom = float(y.max()), float(y.min())
    starts = [(high, low, 0.0, math.log(customary)) for high, low in ((top, bottom), (bottom, top))]
    rising = float(np.average(x * y, weights=weights)) >= 0
    high, low = (top, bottom) if rising else (bottom, top)
    starts += [
        (high, low, float(centre), math.log(scale))
        for centre in np.quantile(x, [0.25, 0.5, 0.75])
        for scale in (0.1, 0.4, 1.5)
    ]
    return [np.array(start) for start in starts]


def _descend(start: Floats, x: Floats, y: Floats, weights: Floats, most: int) -> tuple[float, Floats]:
    """Sum of squares and parameters at the minimum reached from `start`."""
    from scipy.optimize import least_squares

    root = np.sqrt(weights)

    def residuals(parameters: Floats) -> Floats:
        return root * (model(parameters, x)[0] - y)

    def jacobian(parameters: Floats) -> Floats:
        return root[:, None] * model(parameters, x)[1]

    found = least_squares(
        residuals, start, jac=jacobian, method="lm", ftol=1e-11, xtol=1e-11, gtol=1e-13, max_nfev=most
    )
    cost = float(found.cost)
    return (cost if math.isfinite(cost) else math.inf), np.asarray(found.x, np.float64)


def _cost(found: tuple[float, Floats]) -> float:
    return found[0]


def _means(x: Floats, y: Floats, weights: Floats, most: int) -> tuple[Floats, Floats, Floats]:
    """Weighted means of x and y and their total weight, over equal x or over `most` runs of similar x.

    A fit to the means over equal x is equivalent to a fit to all rows.
    """
    values, code = np.unique(x, return_inverse=True)
    code = code.reshape(-1)
    if len(values) > most:
        code = (code * most) // len(values)
    mass = np.bincount(code, weights=weights).astype(np.float64)
    return np.bincount(code, weights * x) / mass, np.bincount(code, weights * y) / mass, mass


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)), np.float64)
