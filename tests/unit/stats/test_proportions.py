"""Korn and Graubard's interval, and the beta distribution behind it, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.beta import beta_cdf, beta_quantile, t_quantile_two_sided
from harness.stats.clustered import effective_clusters
from harness.stats.intervals import proportion_interval

shapes = st.floats(0.05, 5000)


@given(shapes, shapes, st.floats(0.001, 0.999))
def test_beta_is_that_of_scipy(a: float, b: float, p: float) -> None:
    x = float(stats.beta.ppf(p, a, b))
    assert beta_cdf(a, b, x) == pytest.approx(float(stats.beta.cdf(x, a, b)), abs=1e-9)
    assert beta_quantile(a, b, p) == pytest.approx(x, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 5, 29, 400])
def test_t_is_that_of_scipy(freedom: int) -> None:
    assert t_quantile_two_sided(freedom, 0.95) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


@pytest.mark.parametrize(("hits", "n"), [(0, 15), (14, 15), (15, 15), (300, 600), (600, 600)])
def test_independent_rows_get_the_exact_interval(hits: int, n: int) -> None:
    share = hits / n
    (low, high), effective = proportion_interval(share, n, share * (1 - share) / n, n)
    exact = stats.binomtest(hits, n).proportion_ci(method="exact")
    assert effective == pytest.approx(n)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize(("n", "clusters"), [(15, 15), (120, 24), (624, 24)])
def test_more_hits_never_lower_an_end(n: int, clusters: int) -> None:
    size = n // clusters
    found = []
    for misses in range(min(n, 3 * clusters), -1, -1):
        share = 1 - misses / n
        by_cluster = np.bincount(np.arange(misses) % clusters, minlength=clusters)
        away = size * (1 - share) - by_cluster
        variance = clusters / (clusters - 1) * float(away @ away) / n**2
        found.append(proportion_interval(share, n, variance, clusters)[0])
    assert np.all(np.diff(np.array(found), axis=0) > -1e-9)


def test_correlated_rows_widen_it() -> None:
    independent, _ = proportion_interval(0.9, 600, 0.09 / 600, 24)
    correlated, effective = proportion_interval(0.9, 600, 0.09 / 60, 24)
    assert correlated[0] < independent[0]
    assert effective < 60


def test_unequal_clusters_count_as_fewer() -> None:
    assert effective_clusters(np.full(1, 26.0), np.array([24])) == 24
    assert effective_clusters(np.array([100.0, 1.0]), np.array([2, 22])) == 2
    assert effective_clusters(np.array([5.0, 0.0]), np.array([3, 9])) == 3
