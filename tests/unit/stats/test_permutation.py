"""The permutation test of a difference: exact values, validity with few errors, and what it rests on."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from harness.stats.permutation import difference_test

MATCHED = np.array([True, False, False, False])


def simulated(accuracy: float, sets: int, shared: float, seed: int) -> np.ndarray:
    """Outcomes of `sets` matched sets of four rows, correlated within a set, shape (4 * sets,)."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    latent = np.sqrt(shared) * rng.normal(size=(sets, 1)) + np.sqrt(1 - shared) * rng.normal(size=(sets, 4))
    return (latent < norm.ppf(accuracy)).ravel()


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("sets", [15, 100])
def test_false_positives_stay_below_the_level(accuracy: float, sets: int) -> None:
    positive, cluster = np.tile(MATCHED, sets), np.repeat(np.arange(sets), 4)
    found = [
        difference_test(simulated(accuracy, sets, 0.3, seed), positive, cluster, seed=seed, resamples=500)
        for seed in range(300)
    ]
    assert np.mean([test is not None and test.p < 0.05 for test in found]) < 0.085


def test_it_matches_full_enumeration() -> None:
    right = np.array([True, False, True, True, True, False, False])
    positive = np.array([True, False, True, False, False, True, False])
    cluster = np.array([0, 0, 1, 1, 1, 2, 2])
    sets = [np.flatnonzero(cluster == c) for c in range(3)]

    def statistic(outcome: np.ndarray) -> float:
        return float(
            np.mean([outcome[s][positive[s]].mean() - outcome[s][~positive[s]].mean() for s in sets])
        )

    values = []
    for first in permutations(right[sets[0]]):
        for second in permutations(right[sets[1]]):
            for third in permutations(right[sets[2]]):
                values.append(statistic(np.concatenate([first, second, third])))
    exact = np.mean(np.abs(values) >= abs(statistic(right)) - 1e-9)
    found = difference_test(right, positive, cluster, seed=1, resamples=40_000)
    assert found is not None
    assert found.p == pytest.approx(exact, abs=0.01)


def test_incomplete_sets_do_not_enter() -> None:
    right = np.array([True, False, True, True, False])
    positive = np.array([True, False, True, True, False])
    found = difference_test(right, positive, np.array([0, 0, 1, 1, 2]), seed=0, resamples=100)
    assert found is not None
    assert (found.clusters, found.n, found.within) == (1, 2, True)


def test_without_matched_sets_whole_clusters_are_permuted() -> None:
    right = np.repeat([True, False], 20)
    found = difference_test(right, right.copy(), np.arange(40), seed=0, resamples=1000)
    assert found is not None
    assert (found.within, found.clusters, found.n) == (False, 40, 40)
    assert found.p == pytest.approx(1 / 1001)


def test_one_side_alone_has_no_test() -> None:
    assert difference_test(np.ones(4, bool), np.ones(4, bool), np.arange(4), seed=0) is None
    assert difference_test(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, np.int64), seed=0) is None
