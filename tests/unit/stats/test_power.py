import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats import power as reference
from statsmodels.stats.proportion import power_proportions_2indep

from harness.stats.comparison import mcnemar
from harness.stats.power import (
    correlations,
    design_effect,
    means,
    paired_proportions,
    proportions,
    samples_needed,
    smallest_difference,
)

quick = settings(max_examples=40, deadline=None, derandomize=True)
alphas = st.sampled_from([0.05, 0.01, 0.2])


@quick
@given(st.integers(3, 900), st.floats(0.02, 1.2), alphas)
def test_means_match_statsmodels(n, size, alpha):
    paired = reference.TTestPower().power(size, n, alpha)
    unpaired = reference.TTestIndPower().power(size, n, alpha)
    for found, expected in (
        (means(3 * size, n, 3.0, alpha, paired=True), paired),
        (means(-3 * size, n, 3.0, alpha), unpaired),
    ):
        if math.isfinite(expected):
            assert found == pytest.approx(expected, abs=1e-9)
        else:  # statsmodels returns NaN where the far tail underflows
            assert 0.99 < found <= 1


@quick
@given(st.integers(10, 5000), st.floats(0.05, 0.9), st.floats(-0.3, 0.09), alphas)
def test_proportions_match_statsmodels(n, baseline, difference, alpha):
    if not 0.01 < baseline + difference < 0.99 or abs(difference) < 1e-4:
        return
    expected = power_proportions_2indep(difference, baseline, n, alpha=alpha).power
    assert proportions(difference, n, baseline, alpha) == pytest.approx(expected, abs=1e-9)


@quick
@given(st.integers(10, 5000), st.floats(-0.8, 0.8), st.floats(0.01, 0.15), alphas)
def test_pearson_has_normal_power_on_fishers_z_scale(n, baseline, difference, alpha):
    away = math.atanh(baseline + difference) - math.atanh(baseline)
    expected = reference.NormalIndPower().power(away, n - 3, alpha)
    assert correlations(difference, n, baseline, alpha, kind="pearson") == pytest.approx(expected, abs=1e-9)


def test_spearman_power_matches_simulation():
    rng = np.random.default_rng(1)
    n, truth, found = 150, (0.5, 0.68), []
    for latent in truth:
        rho = 2 * math.sin(math.pi * latent / 6)  # Pearson's r of normal data with this Spearman correlation
        x, noise = rng.normal(size=(2, 1500, n))
        y = rho * x + math.sqrt(1 - rho**2) * noise
        ranks = [stats.rankdata(values, axis=1) for values in (x, y)]
        found.append([np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)])
    r = np.array(found)
    error = np.sqrt(((1 + r**2 / 2) / (n - 3)).sum(axis=0))
    rejected = np.abs(np.arctanh(r[1]) - np.arctanh(r[0])) / error > stats.norm.isf(0.025)
    assert correlations(truth[1] - truth[0], n, truth[0]) == pytest.approx(rejected.mean(), abs=0.04)


def test_mcnemar_power_matches_simulation():
    n, discordant, difference = 1500, 0.12, 0.03
    shares = [(discordant - difference) / 2, (discordant + difference) / 2]
    counts = np.random.default_rng(2).multinomial(n, [*shares, 1 - discordant], size=3000)
    rejected = np.mean([mcnemar(int(b), int(c)) < 0.05 for b, c, _ in counts])
    assert paired_proportions(difference, n, discordant) == pytest.approx(rejected, abs=0.03)
    least = smallest_difference(lambda d: paired_proportions(d, n, discordant), discordant)
    # Connor's formula, solved for n.
    za, zb = stats.norm.isf(0.025), stats.norm.isf(0.2)
    expected = (za * math.sqrt(discordant) + zb * math.sqrt(discordant - least**2)) ** 2 / least**2
    assert expected == pytest.approx(n, rel=1e-4)


def test_design_effect_matches_the_variance_of_a_clustered_mean():
    rng = np.random.default_rng(3)
    clusters, size, icc = 60, 8, 0.3
    values = rng.normal(0, math.sqrt(icc), (2000, clusters, 1)) + rng.normal(
        0, math.sqrt(1 - icc), (2000, clusters, size)
    )
    ratio = values.mean(axis=(1, 2)).var() / (1 / (clusters * size))
    assert design_effect(size, icc) == pytest.approx(ratio, rel=0.1)
    assert design_effect(1, 0.9) == design_effect(10, -0.01) == 1


@quick
@given(st.integers(20, 4000), st.floats(0.2, 0.8), st.sampled_from([1.0, -1.0]))
def test_smallest_difference_and_samples_needed_are_inverse(n, baseline, sign):
    largest = 1 - baseline if sign > 0 else -baseline
    least = smallest_difference(lambda d: proportions(d, n, baseline), largest)
    if least is None:
        assert proportions(largest * (1 - 1e-9), n, baseline) < 0.8
        return
    assert math.copysign(1, least) == sign
    assert proportions(least, n, baseline) == pytest.approx(0.8, abs=1e-6)
    needed = samples_needed(lambda m: proportions(least, m, baseline))
    assert needed in (n, n + 1)
    assert proportions(least, needed - 1, baseline) < 0.8 or needed == n


def test_unreachable_power():
    assert smallest_difference(lambda d: paired_proportions(d, 10, 0.05), 0.05) is None
    assert samples_needed(lambda n: paired_proportions(0.2, n, 0.1)) is None
    assert samples_needed(lambda n: means(5.0, n, 0.001, paired=True)) == 2
    assert proportions(0.5, 100, 0.8) == correlations(0.2, 3, 0.1) == means(1.0, 1, 1.0) == 0
    assert paired_proportions(1.0, 100, 1.0) == 1.0
