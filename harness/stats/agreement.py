"""Krippendorff's alpha, from sums over units, so that all bootstrap draws come from one product.

Krippendorff, Content Analysis (2004), chapter 11: alpha = 1 - D_o / D_e, over units that two or more judges read.
"""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats
from harness.stats.correlation import ratio


def nominal_columns(readings: Floats, options: int) -> Floats:
    """`ratings_table`, shape (units, judges): codes below `options`, NaN where a judge gave none. Shape (units, 2 + options)."""
    counts = np.stack([(readings == code).sum(axis=1) for code in range(options)], axis=1).astype(np.float64)
    size = counts.sum(axis=1)
    unlike = size**2 - (counts**2).sum(axis=1)
    return _pairable(size, unlike, counts)


def ordinal_columns(readings: Floats, options: int) -> Floats:
    """`ratings_table` as for `nominal_columns`, codes in their order. Shape (units, options^2): coincidences."""
    counts = np.stack([(readings == code).sum(axis=1) for code in range(options)], axis=1).astype(np.float64)
    size = counts.sum(axis=1)[:, None, None]
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(options)
    return np.where(size >= 2, pairs / np.maximum(size - 1, 1), 0.0).reshape(len(readings), options**2)


def interval_columns(readings: Floats) -> Floats:
    """`ratings_table`, shape (units, judges): numbers, NaN where a judge gave none. Shape (units, 4)."""
    known = np.isfinite(readings)
    values = np.where(known, readings, 0.0)
    size, total, square = known.sum(axis=1).astype(np.float64), values.sum(axis=1), (values**2).sum(axis=1)
    return _pairable(size, 2 * (size * square - total**2), np.stack([total, square], axis=1))


def nominal_alpha(sums: Floats) -> Floats:
    """Alpha from sums of `nominal_columns`, shape (draws, 2 + options); NaN where all readings are alike."""
    size = sums[:, 0]
    return _alpha(size, sums[:, 1], size**2 - (sums[:, 2:] ** 2).sum(axis=1))


def ordinal_alpha(sums: Floats) -> Floats:
    """Alpha from sums of `ordinal_columns`, shape (draws, options^2); NaN where all readings are alike.

    The distance of two levels is how many readings lie between them, half of their own included, squared.
    """
    options = round(sums.shape[1] ** 0.5)
    pairs = sums.reshape(-1, options, options)
    margin = pairs.sum(axis=2)
    middle = np.cumsum(margin, axis=1) - margin / 2
    distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    observed = (pairs * distance).sum(axis=(1, 2))
    expected = (margin[:, :, None] * margin[:, None, :] * distance).sum(axis=(1, 2))
    return _alpha(margin.sum(axis=1), observed, expected)


def interval_alpha(sums: Floats) -> Floats:
    """Alpha from sums of `interval_columns`, shape (draws, 4); NaN where all readings are alike."""
    size = sums[:, 0]
    return _alpha(size, sums[:, 1], 2 * (size * sums[:, 3] - sums[:, 2] ** 2))


def _pairable(size: Floats, unlike: Floats, rest: Floats) -> Floats:
    """Size, disagreement and the rest of each unit; all 0 where fewer than two judges read it."""
    pairs = size >= 2
    disagreement = np.where(pairs, unlike / np.maximum(size - 1, 1), 0.0)
    return np.column_stack([size, disagreement, rest]) * pairs[:, None]


def _alpha(size: Floats, observed: Floats, expected: Floats) -> Floats:
    # D_o = observed / size; D_e = expected / (size (size - 1)).
    return 1 - ratio(observed * (size - 1), expected)
