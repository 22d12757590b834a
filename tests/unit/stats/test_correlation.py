import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats.correlation import (
    RankCorrelation,
    Scratch,
    cumulate,
    fisher_mean,
    pearson_from_sums,
    ratio,
)
from harness.stats.kendall import tau_b, tau_b_left_out

values = st.one_of(st.integers(0, 4).map(float), st.floats(-5, 5).map(lambda x: round(x, 3)))
tables = st.lists(st.tuples(values, values, st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40)


def quiet(function, *arguments):
    """scipy's result without its warning about constant input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*arguments)[0]) if len(arguments[0]) > 1 else float("nan")


def same(found, expected, tolerance=1e-9):
    return np.isclose(found, expected, rtol=0, atol=tolerance, equal_nan=True)


def columns(table):
    x, y, weight, cluster = (np.array(column) for column in zip(*table, strict=True))
    return x, y, weight.astype(np.int64), np.unique(cluster, return_inverse=True)[1]


@settings(max_examples=100, deadline=None)
@given(tables)
def test_weighted_spearman_equals_spearman_of_repeated_rows(table):
    x, y, weight, _ = columns(table)
    rows = np.arange(len(x))
    found, total = RankCorrelation(x, y, rows, len(x))(weight[None])
    assert total[0, 0] == weight.sum()
    assert same(found[0, 0], quiet(stats.spearmanr, np.repeat(x, weight), np.repeat(y, weight)))


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(1, 4))
def test_spearman_within_segments_and_clusters(table, resamples):
    x, y, segment, cluster = columns(table)
    segment = np.unique(segment, return_inverse=True)[1]
    clusters = cluster.max() + 1
    weights = np.random.default_rng(resamples).integers(0, 4, (resamples, clusters))
    found, _ = RankCorrelation(x, y, cluster, clusters, segment)(weights)
    for resample in range(resamples):
        repeat = weights[resample][cluster]
        for number in range(segment.max() + 1):
            inside = segment == number
            expected = quiet(
                stats.spearmanr, np.repeat(x[inside], repeat[inside]), np.repeat(y[inside], repeat[inside])
            )
            assert same(found[resample, number], expected)


@pytest.mark.parametrize("n", [1500, 6000])
def test_spearman_of_many_rows_in_single_precision_is_exact(n):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n), rng.normal(size=n).round(1)
    weights = rng.poisson(1, (3, n))
    found, _ = RankCorrelation(x, y, np.arange(n), n)(weights)
    for resample in range(3):
        expected = stats.spearmanr(np.repeat(x, weights[resample]), np.repeat(y, weights[resample]))[0]
        assert found[resample, 0] == pytest.approx(expected, abs=1e-12)


def test_repeated_pairs_are_merged():
    rng = np.random.default_rng(2)
    x, y, cluster = rng.integers(0, 4, 500) * 1.0, rng.integers(0, 3, 500) * 1.0, rng.integers(0, 9, 500)
    weights = rng.integers(0, 3, (5, 9))
    found, total = RankCorrelation(x, y, cluster, 9)(weights)
    for resample in range(5):
        repeat = weights[resample][cluster]
        assert total[resample, 0] == repeat.sum()
        assert found[resample, 0] == pytest.approx(
            stats.spearmanr(np.repeat(x, repeat), np.repeat(y, repeat))[0], abs=1e-12
        )


@pytest.mark.parametrize("entries", [1, 255, 256, 257, 1000])
def test_running_sums(entries):
    counts = np.random.default_rng(0).integers(0, 9, (entries, 3)).astype(float)
    np.testing.assert_array_equal(cumulate(counts, Scratch()), np.cumsum(counts, axis=0))


@settings(max_examples=100, deadline=None)
@given(tables)
def test_weighted_tau_b_equals_tau_b_of_repeated_rows(table):
    x, y, weight, _ = columns(table)
    assert same(
        tau_b(x, y, weight.astype(float)), quiet(stats.kendalltau, np.repeat(x, weight), np.repeat(y, weight))
    )


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(1, 3))
def test_tau_b_without_each_cluster(table, copies):
    x, y, _, cluster = columns(table)
    counts = np.random.default_rng(copies).integers(1, copies + 1, cluster.max() + 1)
    found = tau_b_left_out(x, y, cluster, counts)
    for number in range(len(counts)):
        left = (counts - (np.arange(len(counts)) == number))[cluster]
        assert same(found[number], quiet(stats.kendalltau, np.repeat(x, left), np.repeat(y, left)))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=2, max_size=12), st.integers(0, 99))
def test_pearson_from_sums(x, seed):
    x = np.array(x)
    y = np.random.default_rng(seed).uniform(-1, 1, len(x))
    sums = np.array([[len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y]])
    if len(np.unique(x)) > 1 and x.std() > 1e-4:
        assert same(pearson_from_sums(sums)[0], stats.pearsonr(x, y)[0], 1e-6)
    elif len(np.unique(x)) == 1:
        assert np.isnan(pearson_from_sums(sums)[0])


def test_fisher_mean():
    sizes = np.array([[20.0, 20.0]])
    expected = np.tanh((np.arctanh(0.2) + np.arctanh(0.8)) / 2)
    assert fisher_mean(np.array([[0.2, 0.8]]), sizes)[0] == pytest.approx(expected, abs=1e-12)
    assert fisher_mean(np.array([[0.2, np.nan]]), sizes)[0] == pytest.approx(0.2, abs=1e-12)
    assert np.isnan(fisher_mean(np.array([[np.nan, np.nan]]), sizes)[0])


def test_fisher_mean_of_perfect_correlations():
    sizes = np.array([[20.0, 20.0]])
    assert fisher_mean(np.array([[1.0, 1.0]]), sizes)[0] == 1
    assert fisher_mean(np.array([[-1.0, -1.0]]), sizes)[0] == -1
    assert fisher_mean(np.array([[-1.0, 1.0]]), sizes)[0] == pytest.approx(0, abs=1e-12)
    mixed = fisher_mean(np.array([[1.0, 0.0]]), sizes)[0]
    assert 0.9 < mixed < 1


def test_ratio_is_nan_for_zero_denominators():
    found = ratio(np.array([1.0, 0.0, 4.0, 1.0]), np.array([0.0, 0.0, 2.0, np.nan]))
    assert found[2] == 2
    assert np.isnan(found[[0, 1, 3]]).all()
