import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from harness.stats.clustered import clustered_standard_error
from harness.stats.collapse import collapse
from harness.stats.comparison import benjamini_hochberg, holm, mcnemar, sign_flip_p
from harness.stats.correlation import RankCorrelation
from harness.stats.intervals import expanded_tail
from harness.stats.paired import paired_difference


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_p_less_half_the_chance_of_the_data(b, c):
    expected = 1.0
    if b != c:
        exact = reference_mcnemar([[5, b], [c, 7]], exact=True).pvalue
        expected = exact - stats.binom.pmf(min(b, c), b + c, 0.5)
    assert mcnemar(b, c) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("b", "c"), [(0, 4), (5, 0), (1, 5), (2, 9), (3, 3), (9, 24), (32, 21)])
@pytest.mark.parametrize("n", [60, 600])
def test_a_paired_difference_of_accuracies_is_never_surer_than_mcnemar(b, c, n):
    difference = np.r_[np.ones(c), -np.ones(b), np.zeros(n - b - c)]
    found = paired_difference(
        means(np.zeros(n)), means(difference), np.ones(n, np.int64), seed=4, resamples=4000
    )
    assert found.p >= mcnemar(b, c) - 0.01
    assert found.p == pytest.approx(mcnemar(b, c), abs=0.15 if n == 60 else 0.08)
    assert (found.low <= 0 <= found.high) == (found.p > 0.05)


def test_four_differences_in_one_direction_are_not_significant():
    """The bootstrap alone gives p = 0.04 and an interval without 0: few resamples have none of the four."""
    kinds = np.array([1.0, 0.0])
    found = paired_difference(means(np.zeros(2)), means(kinds), np.array([4, 596]), seed=0)
    assert found.p == pytest.approx(0.0625)
    assert mcnemar(0, 4) == pytest.approx(0.0625)
    assert found.low == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_sign_flips_match_enumeration(values):
    away = np.array(values, float)
    sums = [abs(away @ signs) for signs in itertools.product((1, -1), repeat=len(away))]
    edge = abs(away.sum())
    expected = np.mean([total > edge for total in sums]) + np.mean([total == edge for total in sums]) / 2
    found = sign_flip_p(away, np.ones(len(away), np.int64), seed=0)
    assert found == pytest.approx(expected if edge else 1.0, abs=1e-12)


def test_sampled_sign_flips_match_the_binomial_distribution():
    found = sign_flip_p(np.array([1.0, -1.0]), np.array([30, 15]), seed=1, resamples=40_000)
    assert found == pytest.approx(mcnemar(30, 15), abs=0.003)
    assert math.isnan(sign_flip_p(np.array([1.0, math.nan]), np.array([3, 1]), seed=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "p_values",
    [
        [0.5],
        [0.01, 0.04, 0.03, 0.005],
        [0.2, 0.2, 0.2],
        [0.0, 1.0, 0.0],
        [0.9, 0.04, 0.7, 0.01, 0.04, 0.02, 0.3],
    ],
)
def test_corrections_match_statsmodels(p_values):
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(
        benjamini_hochberg(p_values), multipletests(p_values, method="fdr_bh")[1], atol=1e-12
    )


def test_corrections_of_empty_and_invalid_input():
    assert holm([]) == []
    with pytest.raises(ValueError, match="must lie in"):
        holm([0.2, math.nan])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 4)), min_size=2, max_size=25))
def test_clustered_error_matches_the_double_sum(rows):
    values, cluster = np.array([v for v, _ in rows]), np.array([c for _, c in rows])
    away = values - values.mean()
    pairs = sum(
        away[i] * away[j]
        for i in range(len(away))
        for j in range(len(away))
        if i != j and cluster[i] == cluster[j]
    )
    n = len(values)
    expected = math.sqrt(max(values.var(ddof=1) / n + pairs / n**2, 0))
    assert clustered_standard_error(values, cluster) == pytest.approx(expected, abs=1e-7)


def test_clustered_error_matches_statsmodels():
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(20), 6)
    values = rng.normal(size=120) + rng.normal(size=20)[cluster]
    fit = sm.OLS(values, np.ones(120)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    own_terms = values.var(ddof=1) / 120 - values.var() / 120
    assert clustered_standard_error(values, cluster) ** 2 - own_terms == pytest.approx(
        fit.bse[0] ** 2, abs=1e-12
    )
    assert math.isnan(clustered_standard_error(values[:1], cluster[:1]))


def means(values):
    return lambda weights: weights @ values / weights.sum(axis=1)


def test_paired_difference_of_means():
    rng = np.random.default_rng(1)
    first = rng.normal(size=200)
    second = first + rng.normal(0.2, 0.5, size=200)
    found = paired_difference(means(first), means(second), np.ones(200, np.int64), seed=3, resamples=4000)
    expected = stats.ttest_rel(second, first).confidence_interval()
    assert found.value == pytest.approx((second - first).mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert found.p < 0.01
    assert found == paired_difference(
        means(first), means(second), np.ones(200, np.int64), seed=3, resamples=4000
    )


def test_no_difference_gives_p_of_one():
    same = np.random.default_rng(1).normal(size=50)
    found = paired_difference(means(same), means(same), np.ones(50, np.int64), seed=0, resamples=300)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_one_cluster_has_no_interval():
    found = paired_difference(means(np.ones(1)), means(np.zeros(1)), np.ones(1, np.int64), seed=0)
    assert found.value == -1
    assert math.isnan(found.low)
    assert math.isnan(found.p)


@pytest.mark.slow
def test_paired_difference_of_rank_correlations_matches_a_naive_bootstrap():
    rng = np.random.default_rng(6)
    truth = rng.normal(size=90)
    predictions = [truth + rng.normal(0, sd, 90) for sd in (2.0, 0.7)]
    cluster = np.arange(90) // 2
    collapsed = collapse([truth, *predictions], cluster)
    rows = collapsed.rows
    ranks = [
        RankCorrelation(truth[rows], prediction[rows], collapsed.cluster, 45) for prediction in predictions
    ]
    first, second = (lambda weights, r=r: r(weights)[0][:, 0] for r in ranks)
    found = paired_difference(first, second, collapsed.counts, seed=1, resamples=4000)
    expected = [stats.spearmanr(truth, prediction)[0] for prediction in predictions]
    assert found.value == pytest.approx(expected[1] - expected[0], abs=1e-12)
    naive = []
    for _ in range(1500):
        drawn = rng.integers(0, 45, 45)
        chosen = np.r_[2 * drawn, 2 * drawn + 1]
        one, two = (stats.spearmanr(truth[chosen], prediction[chosen])[0] for prediction in predictions)
        naive.append(two - one)
    tail = expanded_tail(0.025, 45)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(naive, [tail, 1 - tail])), abs=0.04)
    assert found.p < 0.01


@pytest.mark.parametrize("clusters", [8, 40])
def test_p_and_interval_of_a_paired_difference_agree(clusters):
    values = np.random.default_rng(clusters).normal(size=clusters)
    for shift in np.linspace(0, 1, 21):
        found = paired_difference(
            means(np.zeros(clusters)),
            means(values + shift),
            np.ones(clusters, np.int64),
            seed=2,
            resamples=2000,
        )
        inside = found.low <= 0 <= found.high
        assert inside == (found.p > 0.05) or abs(found.p - 0.05) < 0.005
