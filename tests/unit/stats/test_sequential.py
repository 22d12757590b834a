"""Sequential tests: the formulas by hand, their level and power at any time of looking."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from harness.stats.sequential import AsymptoticSequence, Betting, cleared, clearing_test, sequential_test


def ever(test, clusters):
    # Every cluster is taken, whatever was rejected before.
    looks = [test.add(np.atleast_1d(cluster).astype(float)) for cluster in clusters]
    return any(looks)


def test_the_wealth_is_the_mean_over_bets():
    test = Betting(0.025)
    differences = [0, -1, -1, 0, -1, 1, -1, -1, -1, -1, -1]
    wealth = np.mean([np.prod([1 - bet * d for d in differences]) for bet in (0.05, 0.1, 0.2, 0.4, 0.7)])
    assert wealth < 40
    assert not ever(test, differences)
    added = 0
    while wealth < 40:
        differences.append(-1)
        added += 1
        wealth = np.mean([np.prod([1 - bet * d for d in differences]) for bet in (0.05, 0.1, 0.2, 0.4, 0.7)])
        assert test.add(np.array([-1.0])) == (wealth >= 40)
    assert added > 0
    assert test.add(np.array([1.0])), "once rejected, it stays rejected"


def test_the_asymptotic_sequence_is_the_published_formula():
    alpha, clusters = 0.025, 90
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, 0.0, 1.0], (60, 3), p=[0.45, 0.4, 0.15])
    test, rejected = AsymptoticSequence(alpha, clusters, 3), []
    for row in values:
        rejected.append(test.add(row))
    chance = -2 * math.log(2 * alpha)
    rho2 = (chance + math.log(chance) + 1) / 30
    expected = []
    for t in range(1, 61):
        sums = values[:t].sum(axis=1) / 3
        reach = math.sqrt(
            2 * (t * rho2 + 1) / (t**2 * rho2) * math.log(1 + math.sqrt(t * rho2 + 1) / (2 * alpha))
        )
        expected.append(t >= 20 and sums.mean() + sums.std() * reach < 0)
    first = expected.index(True)
    assert rejected == [False] * first + [True] * (60 - first)


def test_nothing_is_rejected_before_the_first_look():
    test = AsymptoticSequence(0.025, 400, 2)
    assert not ever(test, [np.array([-1.0, -1.0])] * 38 + [np.array([-1.0, 0.0])])
    assert test.add(np.array([-1.0, -1.0]))


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "size"), [(600, 1), (100, 6)])
def test_false_alarms_and_power_at_any_time(clusters, size):
    """Two equally good runs are hardly ever told apart, whenever one looks; a drop of 0.2 nearly always."""
    rng = np.random.default_rng(3)
    alarms = {0.0: 0, 0.2: 0}
    times = 300
    for drop in alarms:
        for _ in range(times):
            shared = rng.normal(size=clusters)[:, None]
            first, second = (
                0.5 * shared + rng.normal(size=(clusters, size)) < edge for edge in (0.9, 0.9 - 3.2 * drop)
            )
            alarms[drop] += ever(sequential_test(0.025, clusters, size), second.astype(float) - first)
    assert alarms[0.0] / times <= 0.045
    assert alarms[0.2] / times >= 0.95


@pytest.mark.parametrize(("base", "new", "least"), [(0.97, 0.92, 0.0), (0.97, 0.97, 0.8)])
def test_a_pass_is_not_given_before_differences_that_are_rare_can_have_shown(base, new, least):
    """A drop of the margin in which few people lose all their pictures is hardly ever ruled out; no drop mostly is."""
    rng = np.random.default_rng(5)
    sizes, margin, times, passed = np.full(200, 6), 0.05, 300, 0
    for _ in range(times):
        common = np.sqrt(0.5) * rng.normal(size=(200, 1)) + np.sqrt(0.5) * rng.normal(size=(200, 6))
        first, second = (
            np.sqrt(0.9) * common
            + np.sqrt(0.05) * rng.normal(size=(200, 1))
            + np.sqrt(0.05) * rng.normal(size=(200, 6))
            < edge
            for edge in map(NormalDist().inv_cdf, (base, new))
        )
        test = clearing_test(0.025, sizes, margin)
        passed += ever(test, [cleared(d, margin) for d in second.astype(float) - first])
    assert least <= passed / times <= (1 if least else 0.04)
