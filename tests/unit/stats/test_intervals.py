import numpy as np
import pytest
from scipy import stats

from harness.stats.intervals import (
    bca_interval,
    expanded_tail,
    percentile_interval,
    t_quantile,
)
from harness.stats.jackknife import acceleration, jackknife_interval, leave_one_out, standard_error
from harness.stats.weights import cluster_weights


def test_percentile_interval_ignores_resamples_that_are_not_finite():
    resamples = np.r_[np.arange(101.0), [np.nan] * 20, [np.inf]]
    assert percentile_interval(resamples, 0.9) == pytest.approx((5.0, 95.0))
    assert percentile_interval(np.r_[1.0, [np.nan] * 3]) is None
    assert percentile_interval(np.zeros(0)) is None


@pytest.mark.parametrize(("freedom", "tolerance"), [(3, 2e-2), (8, 1e-4), (30, 1e-6), (500, 1e-9)])
def test_t_quantiles_match_scipy(freedom, tolerance):
    for p in (0.025, 0.05, 0.9):
        assert t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=tolerance)


def test_expanded_percentile_interval_of_a_mean_matches_its_t_interval():
    data = np.random.default_rng(2).normal(size=12)
    resamples = np.concatenate([w @ data / 12 for w in cluster_weights(np.ones(12, np.int64), 40_000, 1)])
    found = percentile_interval(resamples, clusters=12)
    assert found == pytest.approx(stats.t.interval(0.95, 11, data.mean(), stats.sem(data)), abs=0.05)
    assert percentile_interval(resamples)[0] > found[0] + 0.05
    assert expanded_tail(0.025, 0) == 0.025
    assert expanded_tail(0.025, 199) < expanded_tail(0.025, 200) == 0.025


def test_bca_matches_scipy():
    data = np.random.default_rng(3).exponential(size=40)
    found = stats.bootstrap((data,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(4))

    def mean(weights):
        return weights @ data / weights.sum(axis=1)

    ones = np.ones(40, np.int64)
    slope = acceleration(leave_one_out(mean, ones), ones)
    low, high = bca_interval(found.bootstrap_distribution, data.mean(), slope)
    assert low == pytest.approx(found.confidence_interval.low, abs=1e-9)
    assert high == pytest.approx(found.confidence_interval.high, abs=1e-9)


def test_bca_is_undefined_if_all_resamples_lie_on_one_side():
    assert bca_interval(np.arange(10.0), 20.0, 0.0) is None
    assert bca_interval(np.full(10, np.nan), 0.0, 0.0) is None


def test_jackknife_error_of_a_mean_is_its_standard_error():
    data = np.random.default_rng(1).normal(size=25)
    ones = np.ones(25, np.int64)
    left_out = leave_one_out(lambda weights: weights @ data / weights.sum(axis=1), ones)
    error = standard_error(left_out, ones)
    assert error == pytest.approx(stats.sem(data), abs=1e-12)
    low, high = jackknife_interval(data.mean(), error, 25)
    expected = stats.t.interval(0.95, 24, data.mean(), stats.sem(data))
    assert (low, high) == pytest.approx(expected, abs=1e-12)


def test_jackknife_weights_patterns_by_their_count():
    values, counts = np.array([1.0, 2.0, 5.0]), np.array([4, 3, 2])
    repeated, ones = np.repeat(values, counts), np.ones(9, np.int64)

    def mean_of(data):
        return lambda weights: weights @ data / weights.sum(axis=1)

    short, long = leave_one_out(mean_of(values), counts), leave_one_out(mean_of(repeated), ones)
    assert standard_error(short, counts) == pytest.approx(standard_error(long, ones), abs=1e-12)
    assert acceleration(short, counts) == pytest.approx(acceleration(long, ones), abs=1e-12)


def test_jackknife_interval_of_a_correlation_stays_within_bounds():
    low, high = jackknife_interval(0.98, 0.05, 8, correlation=True)
    assert -1 < low < 0.98 < high < 1
    assert jackknife_interval(1.0, 0.0, 8, correlation=True) == (1.0, 1.0)
    assert jackknife_interval(0.5, float("nan"), 8) is None
    assert jackknife_interval(0.5, 0.1, 1) is None
