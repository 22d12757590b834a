"""Krippendorff's alpha: published values, a naive implementation, and degenerate tables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.agreement import (
    interval_alpha,
    interval_columns,
    nominal_alpha,
    nominal_columns,
    ordinal_alpha,
    ordinal_columns,
)

_ = np.nan
# Four observers, twelve units (Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, part C).
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
).T


def alpha(ratings: np.ndarray, nominal: bool) -> float:
    if nominal:
        return float(nominal_alpha(nominal_columns(ratings, 6).sum(axis=0)[None])[0])
    return float(interval_alpha(interval_columns(ratings).sum(axis=0)[None])[0])


def naive_alpha(ratings: np.ndarray, distance: Callable[[float, float], float]) -> float:
    """1 minus observed over expected disagreement, pair by pair."""
    units = [[v for v in unit if np.isfinite(v)] for unit in ratings]
    units = [unit for unit in units if len(unit) > 1]
    pooled = [v for unit in units for v in unit]
    n = len(pooled)
    if n < 2:
        return float("nan")
    observed = sum(sum(distance(a, b) for a, b in permutations(u, 2)) / (len(u) - 1) for u in units) / n
    expected = sum(distance(a, b) for a, b in permutations(pooled, 2)) / (n * (n - 1))
    return 1 - observed / expected if expected else float("nan")


def test_published_values() -> None:
    assert alpha(PUBLISHED, nominal=True) == pytest.approx(0.743, abs=5e-4)
    assert alpha(PUBLISHED, nominal=False) == pytest.approx(0.849, abs=5e-4)


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, np.nan]), min_size=3, max_size=3),
        min_size=1,
        max_size=12,
    )
)
def test_alpha_matches_its_definition(rows: list[list[float]]) -> None:
    ratings = np.array(rows)
    for nominal, distance in ((True, lambda a, b: float(a != b)), (False, lambda a, b: (a - b) ** 2)):
        assert alpha(ratings, nominal) == pytest.approx(naive_alpha(ratings, distance), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(8))
def test_alpha_matches_the_krippendorff_package(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ratings = np.clip(rng.integers(0, 4, (30, 1)) + rng.integers(-1, 2, (30, 4)), 0, 4).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    ordinal = float(ordinal_alpha(ordinal_columns(ratings, 6).sum(axis=0)[None])[0])
    found = {"nominal": alpha(ratings, True), "interval": alpha(ratings, False), "ordinal": ordinal}
    for level, value in found.items():
        expected = krippendorff.alpha(reliability_data=ratings.T, level_of_measurement=level)
        assert value == pytest.approx(expected, abs=1e-12)


def test_perfect_and_absent_agreement() -> None:
    assert alpha(np.array([[0.0, 0.0], [3.0, 3.0]]), nominal=True) == 1.0
    assert np.isnan(alpha(np.array([[2.0, 2.0], [2.0, 2.0]]), nominal=True)), (
        "no variation: alpha is undefined"
    )
    assert np.isnan(alpha(np.array([[2.0, _], [_, 1.0]]), nominal=False)), "no unit has two ratings"
