import math

import numpy as np
import pytest
import statsmodels.api as sm

from harness.stats.wild import wild_cluster_mean, wild_cluster_p


def clustered_data(rng, clusters=12, size=8, icc=0.4, mean=0.0):
    cluster = np.repeat(np.arange(clusters), rng.integers(size // 2, size * 2, clusters))
    return mean + math.sqrt(icc) * rng.normal(size=clusters)[cluster] + math.sqrt(1 - icc) * rng.normal(
        size=len(cluster)
    ), cluster


def t_statistic(values, cluster):
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    return abs(fit.tvalues[0])


def test_p_is_the_share_of_sign_patterns_with_a_larger_t():
    values, cluster = clustered_data(np.random.default_rng(0), clusters=6, mean=0.4)
    patterns = (1 - 2 * ((np.arange(64)[:, None] >> np.arange(6)) & 1)).astype(float)
    own = t_statistic(values, cluster)
    beyond = np.mean([t_statistic(values * signs[cluster], cluster) >= own - 1e-9 for signs in patterns])
    assert (
        wild_cluster_mean(values, cluster).p
        == wild_cluster_p(values, cluster)
        == pytest.approx(beyond, abs=1e-12)
    )


def test_interval_contains_the_nulls_that_are_not_rejected():
    values, cluster = clustered_data(np.random.default_rng(1), mean=1.0)
    found = wild_cluster_mean(values, cluster)
    assert found.value == pytest.approx(values.mean())
    inside = np.linspace(found.low, found.high, 7)[1:-1]
    assert all(wild_cluster_p(values, cluster, null=null) > 0.05 for null in inside)
    reach = (found.high - found.low) / 20
    for null in (found.low - reach, found.high + reach):
        assert wild_cluster_p(values, cluster, null=null) < 0.05
    shifted = wild_cluster_mean(values, cluster, null=0.5)
    assert (shifted.value, shifted.low) == pytest.approx((found.value - 0.5, found.low - 0.5))


@pytest.mark.parametrize("clusters", [5, 12])
def test_size_is_correct_with_few_clusters(clusters):
    rng = np.random.default_rng(2)
    found = [wild_cluster_p(*clustered_data(rng, clusters), resamples=399, seed=n) for n in range(400)]
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.08


def test_many_clusters_use_random_signs_by_seed():
    values, cluster = clustered_data(np.random.default_rng(3), clusters=40, mean=0.3)
    one, two = (wild_cluster_mean(values, cluster, seed=1, resamples=999) for _ in range(2))
    assert one == two
    assert one != wild_cluster_mean(values, cluster, seed=2, resamples=999)


def test_constant_and_degenerate_data():
    assert wild_cluster_mean(np.zeros(12), np.arange(12) // 2).p == 1
    certain = wild_cluster_mean(np.ones(24), np.arange(24) // 2)
    assert certain.p < 0.001
    assert (certain.low, certain.high) == (1, 1)
    assert math.isnan(wild_cluster_mean(np.ones(3), np.zeros(3, np.int64)).p)
    assert math.isnan(wild_cluster_mean(np.zeros(0), np.zeros(0, np.int64)).value)
