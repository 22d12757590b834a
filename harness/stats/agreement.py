"""Krippendorff's alpha, computed from sums over units so that one matrix product gives all bootstrap resamples.

Krippendorff, Content Analysis (2004), chapter 11: alpha = 1 - D_o / D_e, over units that two or more raters rated.
"""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats
from harness.stats.correlation import ratio


def nominal_columns(ratings: Floats, options: int) -> Floats:
    """Sufficient statistics of nominal alpha for each unit, shape (units, 2 + options).

    `ratings` has shape (units, raters) and holds codes below `options`, NaN where a rating is missing.
    """
    counts = np.stack([(ratings == code).sum(axis=1) for code in range(options)], axis=1).astype(np.float64)
    size = counts.sum(axis=1)
    unlike = size**2 - (counts**2).sum(axis=1)
    return _pairable(size, unlike, counts)


def ordinal_columns(ratings: Floats, options: int) -> Floats:
    """Coincidences of each unit for ordinal alpha, shape (units, options^2).

    `ratings` as for `nominal_columns`, with codes in the order of the levels.
    """
    counts = np.stack([(ratings == code).sum(axis=1) for code in range(options)], axis=1).astype(np.float64)
    size = counts.sum(axis=1)[:, None, None]
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(options)
    return np.where(size >= 2, pairs / np.maximum(size - 1, 1), 0.0).reshape(len(ratings), options**2)


def interval_columns(ratings: Floats) -> Floats:
    """Sufficient statistics of interval alpha for each unit, shape (units, 4).

    `ratings` has shape (units, raters) and holds numbers, NaN where a rating is missing.
    """
    known = np.isfinite(ratings)
    values = np.where(known, ratings, 0.0)
    size, total, square = known.sum(axis=1).astype(np.float64), values.sum(axis=1), (values**2).sum(axis=1)
    return _pairable(size, 2 * (size * square - total**2), np.stack([total, square], axis=1))


def nominal_alpha(sums: Floats) -> Floats:
    """Alpha from sums of `nominal_columns`, shape (resamples, 2 + options); NaN where all ratings are equal."""
    size = sums[:, 0]
    return _alpha(size, sums[:, 1], size**2 - (sums[:, 2:] ** 2).sum(axis=1))


def ordinal_alpha(sums: Floats) -> Floats:
    """Alpha from sums of `ordinal_columns`, shape (resamples, options^2); NaN where all ratings are equal.

    The distance of two levels is the squared number of ratings between them, including half of their own.
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
    """Alpha from sums of `interval_columns`, shape (resamples, 4); NaN where all ratings are equal."""
    size = sums[:, 0]
    return _alpha(size, sums[:, 1], 2 * (size * sums[:, 3] - sums[:, 2] ** 2))


def _pairable(size: Floats, unlike: Floats, rest: Floats) -> Floats:
    """Size, disagreement and the other columns of each unit; all 0 with fewer than two ratings."""
    pairs = size >= 2
    disagreement = np.where(pairs, unlike / np.maximum(size - 1, 1), 0.0)
    return np.column_stack([size, disagreement, rest]) * pairs[:, None]


def _alpha(size: Floats, observed: Floats, expected: Floats) -> Floats:
    # D_o = observed / size; D_e = expected / (size (size - 1)).
    return 1 - ratio(observed * (size - 1), expected)
