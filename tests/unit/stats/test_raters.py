import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats.raters import (
    collect_ratings,
    icc_2k,
    keep_raters,
    mean_opinion_scores,
    ratings_table,
    screen_raters,
    soft_labels,
)

quick = settings(max_examples=30, deadline=None, derandomize=True)
NAN = float("nan")
rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([1.0, 2.0, 3.0, 5.0, NAN])),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


def columns(found):
    sample, rater, value = (np.array(column) for column in zip(*found, strict=True))
    return sample, rater, value


def panel(samples=40, raters=12, seed=0):
    """Every rater rates every sample: truth and noise, in the order of samples."""
    rng = np.random.default_rng(seed)
    value = rng.normal(3, 1, (samples, 1)) + rng.normal(0, 0.6, (samples, raters))
    sample, rater = (codes.ravel() for codes in np.mgrid[:samples, :raters])
    return sample, rater, value.ravel()


def test_repeated_ratings_are_averaged_and_missing_ones_ignored():
    found = collect_ratings(*columns([(0, 0, 2.0), (0, 0, 4.0), (2, 1, NAN), (1, 1, 5.0)]), samples=4)
    np.testing.assert_array_equal(ratings_table(found), [[3, NAN], [NAN, 5], [NAN, NAN], [NAN, NAN]])
    nothing = collect_ratings(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    assert ratings_table(nothing).shape == (0, 0)


def naive_screening(values):
    """ITU-R BT.500, rater by rater, for a complete table of shape (samples, raters)."""
    rejected = []
    for rater in range(values.shape[1]):
        high = low = 0
        for row in values:
            if not np.ptp(row):
                continue
            kurtosis, deviation = stats.kurtosis(row, fisher=False), row.std(ddof=1)
            edge = (2 if 2 <= kurtosis <= 4 else math.sqrt(20)) * deviation
            high += row[rater] >= row.mean() + edge
            low += row[rater] <= row.mean() - edge
        off = high + low
        rejected.append(bool(off and off / len(values) > 0.05 and abs(high - low) / off < 0.3))
    return rejected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_screening_follows_bt_500(seed):
    sample, rater, value = panel(seed=seed)
    rng = np.random.default_rng(seed)
    careless = rater == 3
    value[careless] = rng.choice([-1.0, 7.0], careless.sum())
    value[rater == 5] += 5  # outliers on one side only: kept
    value[sample == 7] = 2.0  # all equal
    found = screen_raters(collect_ratings(sample, rater, value))
    assert found.rejected.tolist() == naive_screening(value.reshape(40, 12))
    assert not found.rejected[5]
    assert (found.n == 40).all()
    honest = keep_raters(collect_ratings(sample, rater, value), ~found.rejected)
    assert not np.isin(np.flatnonzero(found.rejected), honest.rater).any()


def test_screening_rejects_raters_with_outliers_on_both_sides():
    sample, rater, value = panel(samples=60, raters=20)
    value[rater == 3] += np.tile([-1.5, 1.5], 30)
    found = screen_raters(collect_ratings(sample, rater, value))
    assert found.rejected[3]
    assert found.rejected.sum() <= 3
    assert found.high[3] + found.low[3] > 20


@quick
@given(rows)
def test_mos_is_the_mean_of_rescaled_z_scores(found):
    sample, rater, value = columns(found)
    mos = mean_opinion_scores(collect_ratings(sample, rater, value, 5, 4))
    scores = {number: [] for number in range(5)}
    for code in range(4):
        inside = (rater == code) & ~np.isnan(value)
        own = value[inside]
        if len(own) > 1 and np.ptp(own):
            for place, z in zip(sample[inside], stats.zscore(own, ddof=1), strict=True):
                scores[place].append(100 * (z + 3) / 6)
        elif len(own):
            assert code in mos.constant
    for number, expected in scores.items():
        assert mos.n[number] == len(expected)
        assert mos.mos[number] == pytest.approx(np.mean(expected) if expected else NAN, abs=1e-9, nan_ok=True)
        error = stats.sem(expected) if len(expected) > 1 else NAN
        assert mos.error[number] == pytest.approx(error, abs=1e-9, nan_ok=True)


def test_soft_labels_are_vote_shares():
    found = soft_labels(np.array([0, 0, 0, 2, 2]), np.array([1.0, 1.0, 0.0, NAN, 2.0]), 3, samples=4)
    np.testing.assert_allclose(found, [[1 / 3, 2 / 3, 0], [NAN] * 3, [0, 0, 1], [NAN] * 3])


# Four raters, six targets: Shrout and Fleiss (1979), table 2; ICC(2,k) is 0.62 in table 4.
SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])


def test_icc_matches_published_value():
    found = icc_2k(SHROUT)
    assert found.value == pytest.approx(0.62, abs=5e-3)
    assert (found.low, found.high) == pytest.approx(
        (0.07, 0.93), abs=5e-3
    )  # as printed by pingouin and psych


@pytest.mark.parametrize("seed", range(4))
def test_icc_matches_anova(seed):
    sample, rater, value = panel(samples=15, raters=4, seed=seed)
    value = value + 0.5 * rater
    frame = pd.DataFrame({"sample": sample, "rater": rater, "value": value})
    fit = smf.ols("value ~ C(sample) + C(rater)", frame).fit()
    between_samples, between_raters, error = (
        sm.stats.anova_lm(fit)["sum_sq"] / sm.stats.anova_lm(fit)["df"]
    ).tolist()
    full = np.vstack([value.reshape(15, 4), [1.0, NAN, 2.0, 3.0]])
    found = icc_2k(full)
    assert found.value == pytest.approx(
        (between_samples - error) / (between_samples + (between_raters - error) / 15), abs=1e-9
    )
    assert (found.n, found.k) == (15, 4)
    assert found.low < found.value < found.high


def test_icc_interval_coverage():
    rng, truth, hits = np.random.default_rng(4), 4 * 1 / (4 * 1 + 0.3 + 1), 0
    for _ in range(400):
        ratings = rng.normal(size=(30, 1)) + rng.normal(0, math.sqrt(0.3), (1, 4)) + rng.normal(size=(30, 4))
        found = icc_2k(ratings)
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize("ratings", [np.full((5, 3), 2.0), SHROUT[:1], SHROUT[:, :1], np.zeros((0, 3))])
def test_icc_of_degenerate_tables_is_nan(ratings):
    assert math.isnan(icc_2k(ratings).value)


def test_icc_of_perfect_agreement_is_one():
    assert icc_2k(np.repeat(np.arange(6.0)[:, None], 3, axis=1)).value == pytest.approx(1)


def test_icc_of_raters_who_contradict_each_other() -> None:
    """Beyond its poles there is no reliability, and no interval: never one of more than 1, or that lies elsewhere."""
    rng = np.random.default_rng(7)
    undefined = 0
    for _ in range(2000):
        found = icc_2k(rng.integers(1, 6, (6, 2)).astype(float))
        undefined += math.isnan(found.value)
        assert math.isnan(found.value) or found.value <= 1
        assert math.isnan(found.low) or found.low <= found.value <= found.high
    assert 0 < undefined < 200
