"""The permutation test of a difference: exact values, validity with few errors, and what it rests on."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from harness.stats.permutation import ENOUGH, difference_test, omnibus_test

MATCHED = np.array([True, False, False, False])


def simulated(accuracy: float, sets: int, shared: float, seed: int) -> np.ndarray:
    """Outcomes of `sets` matched sets of four rows, correlated within a set, shape (4 * sets,)."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    latent = np.sqrt(shared) * rng.normal(size=(sets, 1)) + np.sqrt(1 - shared) * rng.normal(size=(sets, 4))
    return (latent < norm.ppf(accuracy)).ravel()


@pytest.mark.slow
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
    found = difference_test(right, right.copy(), np.array([0, 0, 1, 0, 2]), seed=0, resamples=100)
    assert found is not None
    assert (found.clusters, found.n, found.within) == (1, 3, True)


def test_few_complete_sets_do_not_replace_many_others() -> None:
    right = np.array([True, False, *[True, False] * 10])
    found = difference_test(right, right.copy(), np.array([0, 0, *range(1, 21)]), seed=0, resamples=100)
    assert found is not None
    assert (found.clusters, found.n, found.within) == (20, 20, False)
    one_sided = np.array([True, False, *[True] * 10])
    found = difference_test(one_sided, one_sided, np.array([0, 0, *range(1, 11)]), seed=0, resamples=100)
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


def share(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / sums[:, 1]


def omnibus(
    right: np.ndarray, group: np.ndarray, stratum: np.ndarray, seed: int, resamples: int = 400
) -> float:
    sums = np.column_stack([right, np.ones(len(right))])
    found = omnibus_test(sums, sums[:, 1], share, group, stratum, seed=seed, resamples=resamples)
    assert found is not None
    return found.p


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [0.6, 0.95])
@pytest.mark.parametrize("between", [False, True])
def test_false_positives_of_the_omnibus_test_stay_below_the_level(accuracy: float, between: bool) -> None:
    """Clusters of four rows, correlated by 0.3: groups differ within them, or are whole clusters."""
    ps = []
    for seed in range(300):
        right = simulated(accuracy, 30, 0.3, seed).astype(float)
        if between:
            sums = np.column_stack([right.reshape(30, 4).sum(axis=1), np.full(30, 4.0)])
            found = omnibus_test(
                sums, sums[:, 1], share, np.arange(30) % 3, np.zeros(30, int), seed=seed, resamples=400
            )
            assert found is not None
            ps.append(found.p)
        else:
            ps.append(omnibus(right, np.tile([0, 1, 2, 0], 30), np.repeat(np.arange(30), 4), seed))
    assert np.mean(np.array(ps) < 0.05) < 0.085


def test_the_omnibus_test_of_two_groups_matches_full_enumeration() -> None:
    right, group = np.array([1.0, 1, 0, 1, 0, 0, 1]), np.array([0, 0, 1, 0, 1, 1, 1])

    def spread(labels: np.ndarray) -> float:
        shares = [right[labels == g].mean() for g in (0, 1)]
        return 3 * (shares[0] - 4 / 7) ** 2 + 4 * (shares[1] - 4 / 7) ** 2

    exact = np.mean([spread(np.array(p)) >= spread(group) - 1e-9 for p in permutations(group)])
    # Ends at 100 extreme permutations; a mean over seeds estimates p to about 0.01.
    found = [omnibus(right, group, np.zeros(7, int), seed, 4000) for seed in range(40)]
    assert np.mean(found) == pytest.approx(exact, abs=0.015)


def test_groups_are_permuted_within_strata_alone() -> None:
    """People differ much, and each has one group only twice: between people there is nothing to test."""
    right, person = np.repeat([1.0, 0.0], 20), np.repeat(np.arange(2), 20)
    group = np.tile([0, 1], 20)
    assert omnibus(right, group, person, 1) == 1.0
    assert omnibus(right, np.repeat([0, 1], 20), np.zeros(40, int), 1) < 0.01


def test_the_omnibus_test_ends_early_where_p_is_large_and_needs_two_values() -> None:
    right = np.tile([1.0, 0.0], 200)
    sums = np.column_stack([right, np.ones(400)])
    found = omnibus_test(sums, sums[:, 1], share, np.repeat([0, 1], 200), np.zeros(400, int), seed=1)
    assert found is not None
    assert (found.p, found.permutations) == (1.0, ENOUGH)
    strong = omnibus_test(sums, sums[:, 1], share, np.tile([0, 1], 200), np.zeros(400, int), seed=1)
    assert strong is not None
    assert (strong.p, strong.permutations) == (pytest.approx(1 / 10_001), 10_000)
    empty = np.column_stack([right, np.tile([1.0, 0.0], 200)])
    assert omnibus_test(empty, sums[:, 1], share, np.tile([0, 1], 200), np.zeros(400, int), seed=1) is None


@pytest.mark.parametrize("within", [False, True])
def test_very_many_units_have_the_same_p_by_the_normal_limit(
    monkeypatch: pytest.MonkeyPatch, within: bool
) -> None:
    rng = np.random.default_rng(5)
    right = (rng.random(2000) < 0.8).astype(float)
    group = rng.integers(0, 3, 2000)
    right[(group == 0) & (rng.random(2000) < 0.09)] = 0.0
    stratum = np.repeat(np.arange(400), 5) if within else np.zeros(2000, int)
    sums = np.column_stack([right, np.ones(2000)])
    found = []
    for many in (20_000, 1_000):
        monkeypatch.setattr("harness.stats.permutation.MANY", many)
        test = omnibus_test(sums, sums[:, 1], share, group, stratum, seed=1)
        assert test is not None
        found.append(test)
    assert [test.normal for test in found] == [False, True]
    assert 0.0005 < found[1].p < 0.2
    assert found[1].p == pytest.approx(found[0].p, rel=0.3)


def test_copies_of_a_sample_are_no_evidence() -> None:
    rng = np.random.default_rng(3)
    cluster, positive = np.repeat(np.arange(60), 2), np.tile([True, False], 60)
    rejected = {1: 0, 5: 0}
    for number in range(200):
        right = rng.random(120) < 0.8
        for copies in rejected:
            found = difference_test(
                *(np.repeat(part, copies) for part in (right, positive, cluster)),
                seed=number,
                resamples=499,
                sample=np.repeat(np.arange(120), copies) if copies > 1 else None,
            )
            assert found is not None
            assert (found.n, found.clusters, found.within) == (120 * copies, 60, True)
            rejected[copies] += found.p <= 0.05
    assert max(rejected.values()) <= 20, "5% of 200, and chance"
