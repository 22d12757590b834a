"""Paired differences: against published values, statsmodels, enumeration, and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from harness.stats.comparison import mcnemar, mcnemar_below, sign_flip
from harness.stats.paired import paired_shares


def pairs(both, lost, gained, neither):
    first = np.r_[np.ones(both + lost), np.zeros(gained + neither)].astype(bool)
    second = np.r_[np.ones(both), np.zeros(lost), np.ones(gained), np.zeros(neither)].astype(bool)
    return first, second


@pytest.mark.parametrize(
    ("table", "level", "ends"),
    [
        # Tango (1998), table III: two tests of 44 patients; the 90% interval.
        ((43, 1, 0, 0), 0.90, (-0.096, 0.037)),
        # Agresti and Min (2005): approval ratings; score interval at 95%.
        ((794, 150, 86, 570), 0.95, (-0.0588, -0.0212)),
    ],
)
def test_intervals_are_those_of_publications(table, level, ends):
    first, second = pairs(*table)
    found = paired_shares(first, second, np.arange(len(first)), level=level)
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-3)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (4, 0), (1, 6), (9, 24), (40, 31)])
def test_single_rows_have_mcnemars_test(lost, gained):
    first, second = pairs(50, lost, gained, 20)
    found = paired_shares(first, second, np.arange(len(first)))
    assert found.method == "McNemar mid-p"
    assert found.p == mcnemar(lost, gained)
    exact = reference_mcnemar([[50, lost], [gained, 20]], exact=True).pvalue
    assert found.p <= exact + 1e-12
    total = lost + gained
    expected = stats.binom.cdf(gained - 1, total, 0.5) + stats.binom.pmf(gained, total, 0.5) / 2
    assert found.p_below == pytest.approx(expected)
    assert found.p_below + found.p_above == pytest.approx(1)
    assert (found.first_only, found.second_only) == (lost, gained)


def test_mcnemar_below_is_half_where_nothing_is_discordant():
    assert mcnemar_below(0, 0) == 0.5
    assert mcnemar_below(0, 5) == pytest.approx(1 / 64)


def test_bounds_are_not_zero_without_discordant_rows():
    same = np.ones(20, bool)
    few = paired_shares(same, same, np.arange(20))
    many = paired_shares(np.ones(600, bool), np.ones(600, bool), np.arange(600))
    assert few.lower < -0.05 < many.lower < 0
    assert few.p == 1
    assert few.detectable > many.detectable > 0


def test_clusters_widen_and_whole_clusters_count_most():
    rng = np.random.default_rng(0)
    first, second = pairs(400, 60, 20, 120)
    rows = paired_shares(first, second, np.arange(600))
    scattered = paired_shares(first, second, rng.permutation(np.repeat(np.arange(100), 6)))
    whole = paired_shares(first, second, np.repeat(np.arange(100), 6))
    assert scattered.method == whole.method == "clustered score test"
    assert rows.value == scattered.value == whole.value == pytest.approx(-40 / 600)
    assert rows.high - rows.low <= scattered.high - scattered.low < whole.high - whole.low
    assert rows.p < whole.p


def test_clustered_score_test_is_close_to_the_t_test_of_cluster_means():
    rng = np.random.default_rng(5)
    first = rng.random((200, 6)) < 0.8
    second = np.where(rng.random((200, 6)) < 0.3, rng.random((200, 6)) < 0.7, first)
    found = paired_shares(first.ravel(), second.ravel(), np.repeat(np.arange(200), 6))
    expected = stats.ttest_rel(second.mean(axis=1), first.mean(axis=1))
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)
    ends = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.006)


def test_few_discordant_clusters_have_sign_flips():
    first, second = np.ones((60, 5), bool), np.ones((60, 5), bool)
    second[:5] = False
    found = paired_shares(first.ravel(), second.ravel(), np.repeat(np.arange(60), 5))
    assert found.method == "clustered score test and sign flips: the larger p"
    assert found.p >= 1 / 32, "five clusters on one side, two-sided mid-p"
    assert found.p_below >= 1 / 64


def test_a_cluster_whose_differences_cancel_counts_as_discordant():
    first = np.tile([True, False], 300)
    found = paired_shares(first, ~first, np.repeat(np.arange(100), 6))
    assert found.value == 0
    assert found.method == "clustered score test"
    assert found.first_only == found.second_only == 300


def test_one_cluster_and_no_rows_have_no_test():
    one = paired_shares(np.ones(5, bool), np.zeros(5, bool), np.zeros(5, np.int64))
    assert one.value == -1
    assert math.isnan(one.p)
    assert math.isnan(one.lower)
    assert math.isnan(paired_shares(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, np.int64)).value)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_exchanging_the_runs_exchanges_everything(rows):
    first, second, cluster = (np.array(column) for column in zip(*rows, strict=True))
    one, two = paired_shares(first, second, cluster), paired_shares(second, first, cluster)
    for a, b in (
        (one.value, -two.value),
        (one.low, -two.high),
        (one.lower, -two.upper),
        (one.p, two.p),
        (one.p_below, two.p_above),
        (one.error, two.error),
    ):
        if cluster.min() == cluster.max():
            assert math.isnan(one.p)
        else:
            assert a == pytest.approx(b, abs=1e-6)
    if cluster.min() != cluster.max():
        assert one.low - 1e-9 <= one.lower <= one.value + 1e-9
        assert one.value - 1e-9 <= one.upper <= one.high + 1e-9


def test_sign_flips_on_each_side_are_halves_of_the_whole():
    away = np.array([0.5, 0.25, 0.25, -0.25])
    both, low, high = sign_flip(away, np.ones(4, np.int64), seed=0)
    assert high < 0.5 < low
    assert low + high == pytest.approx(1)
    assert both == pytest.approx(2 * high)
    assert sign_flip(np.zeros(3), np.ones(3, np.int64), seed=0) == (1.0, 0.5, 0.5)
