"""The interval of a weighted sum of proportions: agreement with simpler intervals, and validity with few errors."""

from __future__ import annotations

import numpy as np
import pytest

from harness.stats.contrast import contrast_interval
from harness.stats.intervals import proportion_interval


def test_one_proportion_has_its_own_interval() -> None:
    hits = np.array([[1.0], [0.0], [1.0], [1.0], [0.0]])
    found = contrast_interval(hits, np.ones((5, 1)), np.array([5]), np.array([1.0]), np.ones(5, np.int64))
    share, variance = 0.6, 5 / 4 * float(((hits - 0.6) ** 2).sum()) / 25
    assert found == pytest.approx(proportion_interval(share, 5, variance, 5)[0])
    mirrored = contrast_interval(hits, np.ones((5, 1)), np.array([5]), np.array([-1.0]), np.ones(5, np.int64))
    assert mirrored == pytest.approx((-found[1], -found[0]))


def test_counts_stand_for_copies_of_clusters() -> None:
    hits, rows = np.array([[1.0, 0.0], [1.0, 1.0]]), np.ones((2, 2))
    weights, counts = np.array([1.0, -1.0]), np.array([3, 5])
    samples = np.array([8, 8])
    once = contrast_interval(hits, rows, samples, weights, counts)
    whole = contrast_interval(
        np.repeat(hits, counts, axis=0), np.ones((8, 2)), samples, weights, np.ones(8, np.int64)
    )
    assert once == pytest.approx(whole)


def test_all_right_on_one_side_is_not_certainty() -> None:
    hits = np.zeros((20, 2))
    hits[:10, 0] = 1
    hits[10:18, 1] = 1
    rows = np.repeat([[1.0, 0.0], [0.0, 1.0]], 10, axis=0)
    low, high = contrast_interval(
        hits, rows, np.array([10, 10]), np.array([1.0, -1.0]), np.ones(20, np.int64)
    )
    assert low < 0 < 0.2 < high, "10 of 10 and 8 of 10 are no evidence of a difference"


def test_coverage_with_correlated_errors() -> None:
    rng, inside = np.random.default_rng(11), 0
    for _ in range(400):
        shared = rng.normal(size=(60, 1))
        hits = (np.sqrt(0.4) * shared + np.sqrt(0.6) * rng.normal(size=(60, 4)) < 0.8416).astype(np.float64)
        low, high = contrast_interval(
            hits,
            np.ones((60, 4)),
            np.full(4, 60),
            np.array([1, -1 / 3, -1 / 3, -1 / 3]),
            np.ones(60, np.int64),
        )
        inside += low <= 0 <= high
    assert 0.93 <= inside / 400 <= 0.99
