"""Fit of the 4-parameter logistic that maps predictions onto the human scale before PLCC and RMSE (VQEG)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats

ROUGH, FINE = 128, 4096
"""Maximum number of points in the search for starts and in the final fit; more are averaged over runs of similar x."""
FLATTEST, STEEPEST = math.log(1e-5), math.log(1e4)
"""Bounds of log 1/|b4| for x of unit variance: from a line to a step, to 1e-9 of the spread of y."""
TAIL = 35.0
"""How many |b4| the centre b3 may lie beyond the data: a curve further out is the exponential function to exp(-35)."""
STARTS = 4


@dataclass(frozen=True)
class Logistic:
    """y = b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|))."""

    b1: float
    b2: float
    b3: float
    b4: float

    def __call__(self, x: Floats) -> Floats:
        """The curve at x, of any shape."""
        z, height = (x - self.b3) / abs(self.b4), self.b1 - self.b2
        # From the nearer asymptote: of a curve whose centre is far away, the other one may be huge.
        return np.asarray(
            np.where(z > 0, self.b1 - height * _sigmoid(-z), self.b2 + height * _sigmoid(z)), np.float64
        )


def fit_logistic(x: Floats, y: Floats, weights: Floats | None = None) -> Logistic | None:
    """Least-squares fit of y on x, shape (n,) each; None with fewer than 4 distinct x or a constant y.

    Given b3 and b4 the curve is linear in b1 and b2, so only these two are searched (variable projection: Golub and
    Pereyra 1973), with the sigmoid standardised over the data. Nearly straight or exponential data then have a finite
    optimum, which the four parameters reach only at infinity. A grid on a coarse sample of points gives the starts; each
    is refined by Levenberg-Marquardt, and the best one is taken.
    """
    weights = np.ones(len(x)) if weights is None else weights
    x, y, weights = x[weights > 0], y[weights > 0], weights[weights > 0]
    if len(np.unique(x)) < 4 or len(np.unique(y)) < 2:
        return None
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    x_sd = math.sqrt(np.average((x - x_mean) ** 2, weights=weights))
    y_sd = math.sqrt(np.average((y - y_mean) ** 2, weights=weights))
    scaled = (x - x_mean) / x_sd, (y - y_mean) / y_sd, weights
    points, coarse = _Points(*_means(*scaled, FINE)), _Points(*_means(*scaled, ROUGH))
    found = [_descend(start, points) for start in _starts(coarse)]
    slope, centre = min([*found, (FLATTEST, 0.0)], key=points.cost)
    b1, b2, b3, b4 = points.curve(slope, centre)
    return Logistic(
        float(y_mean + y_sd * b1), float(y_mean + y_sd * b2), float(x_mean + x_sd * b3), float(x_sd * b4)
    )


class _Points:
    """Points of mean 0 and variance 1, and the best curve through them for a slope and a centre.

    `slope` is log 1/|b4|. `centre`, -1 to 1, places b3 between the ends of where it matters: `TAIL` |b4| beyond the data.
    Values outside of their bounds mean the bound.
    """

    def __init__(self, x: Floats, y: Floats, weights: Floats) -> None:
        self.x, self.weights = x, weights / weights.sum()
        self.y_mean = float(self.weights @ y)
        self.y = y - self.y_mean
        self.reach = float(np.abs(x).max())
        self.root = np.sqrt(self.weights)

    def place(self, slope: float, centre: float) -> tuple[float, float]:
        """b3 and b4."""
        b4 = math.exp(-min(max(slope, FLATTEST), STEEPEST))
        return min(max(centre, -1.0), 1.0) * (self.reach + TAIL * b4), b4

    def basis(self, slope: float, centre: float) -> tuple[Floats, float, float]:
        """The sigmoid, standardised, with its mean and standard deviation; less 1 if its centre is below 0, where a small
        distance from 1 would be lost in rounding."""
        b3, b4 = self.place(slope, centre)
        z = (self.x - b3) / b4
        values = _sigmoid(z) if centre >= 0 else -_sigmoid(-z)
        mean = float(self.weights @ values)
        sd = math.sqrt(float(self.weights @ (values - mean) ** 2))
        return (values - mean) / sd if sd > 0 else np.zeros(len(z)), mean, sd

    def residuals(self, at: Floats) -> Floats:
        """Weighted residuals of the best curve, shape (points,)."""
        values = self.basis(*at.tolist())[0]
        return np.asarray(self.root * (self.y - (self.weights * values) @ self.y * values), np.float64)

    def cost(self, at: tuple[float, float]) -> float:
        """Sum of their squares."""
        left = self.residuals(np.array(at))
        return float(left @ left)

    def curve(self, slope: float, centre: float) -> tuple[float, float, float, float]:
        """b1 to b4 of the best curve."""
        values, mean, sd = self.basis(slope, centre)
        height = float((self.weights * values) @ self.y) / sd if sd > 0 else 0.0
        near = self.y_mean - height * mean
        ends = (near + height, near) if centre >= 0 else (near, near - height)
        return *ends, *self.place(slope, centre)


def _starts(points: _Points) -> list[tuple[float, float]]:
    """The best points of a grid, at most one for each slope."""
    best = []
    for scale in (30.0, 8.0, 3.0, 1.5, 0.8, 0.4, 0.2, 0.1, 0.03):
        slope, edge = -math.log(scale), points.reach + TAIL * scale
        inside = np.quantile(points.x, np.linspace(0.02, 0.98, 13)) / edge
        outside = (points.reach + scale * np.array([1, 4, 12, TAIL])) / edge
        centres = [*inside.tolist(), *outside.tolist(), *(-outside).tolist()]
        best.append(min(((slope, centre) for centre in centres), key=points.cost))
    return sorted(best, key=points.cost)[:STARTS]


def _descend(start: tuple[float, float], points: _Points) -> tuple[float, float]:
    """Slope and centre at the minimum reached from `start`."""
    from scipy.optimize import least_squares

    found = least_squares(
        points.residuals,
        start,
        method="lm",
        x_scale=(1.0, 0.1),
        ftol=1e-14,
        xtol=1e-12,
        gtol=1e-14,
        max_nfev=300,
    )
    slope, centre = found.x.tolist()
    return slope, centre


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
    """1 / (1 + exp(-z)), with full relative precision where it is small."""
    from scipy.special import expit

    return np.asarray(expit(z), np.float64)
