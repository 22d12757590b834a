"""Differences of metrics between two runs on the same rows."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import NAN, choices, ratings

from harness.metrics.choice import Accuracy, Kappa, UnparsedRate
from harness.metrics.paired import compare_metric, right_rows
from harness.metrics.rank import Krcc, Srcc
from harness.metrics.rating import DistinctValues, MeanAbsoluteError
from harness.metrics.shown import BalancedAccuracy
from harness.metrics.valence_gap import ValenceGap


def answered(scores, skill, seed):
    """The same questions answered by another judge."""
    rng = np.random.default_rng(seed)
    known = rng.random(scores.n) < skill
    return replace(
        scores, predicted=np.where(known, scores.truth, rng.integers(0, 6, scores.n)).astype(float)
    )


def test_shares_are_compared_row_by_row():
    one, two = choices(), answered(choices(), 0.9, 1)
    found = compare_metric(Accuracy(), one, two, seed=0)
    right = [s.predicted == s.truth for s in (one, two)]
    assert (found.first, found.second) == pytest.approx((right[0].mean(), right[1].mean()))
    assert found.difference.value == pytest.approx(found.second - found.first)
    assert found.difference.first_only == (right[0] & ~right[1]).sum()
    assert (found.n, found.clusters) == (120, 30)
    unparsed = compare_metric(UnparsedRate(), one, two, seed=0)
    assert unparsed.difference.second_only == 0
    assert unparsed.difference.value < 0


@pytest.mark.parametrize("metric", [Kappa(), BalancedAccuracy()])
def test_what_is_no_share_of_rows_is_resampled(metric):
    one, two = choices(), answered(choices(), 0.9, 1)
    found = compare_metric(metric, one, two, seed=0, resamples=500)
    assert found.difference.method == "paired cluster bootstrap and sign flips"
    assert found.difference.value == pytest.approx(found.second - found.first)
    assert found.difference.first_only is None
    assert found.difference.low < found.difference.lower <= found.difference.value


def test_only_rows_that_enter_both_are_compared():
    one, two = ratings(), ratings()
    two = replace(two, predicted=np.where(np.arange(120) < 30, NAN, two.predicted + 0.5))
    one = replace(one, predicted=np.where(np.arange(120) > 100, NAN, one.predicted))
    found = compare_metric(MeanAbsoluteError(), one, two, seed=0, resamples=300)
    assert found.n == 71
    inside = slice(30, 101)
    for value, scores in ((found.first, one), (found.second, two)):
        assert value == pytest.approx(np.abs(scores.predicted - scores.truth)[inside].mean())


@pytest.mark.parametrize(
    ("metric", "method"),
    [(Srcc(), "paired cluster bootstrap and sign flips"), (Krcc(), "paired cluster jackknife")],
)
def test_correlations(metric, method):
    one = ratings()
    two = replace(one, predicted=one.truth + np.random.default_rng(4).normal(0, 0.2, 120))
    found = compare_metric(metric, one, two, seed=0, resamples=500).difference
    assert found.method == method
    assert 0 < found.low < found.value < found.high
    assert found.p < 0.01
    assert found.p_above < found.p < 0.5 < found.p_below
    same = compare_metric(metric, one, one, seed=0, resamples=500).difference
    assert (same.value, same.p) == (0, 1)
    assert np.isnan(same.detectable), "nothing shows how far it may vary"


def test_what_has_no_paired_difference():
    one = ratings()
    assert compare_metric(DistinctValues(), one, one, seed=0).difference is None
    assert compare_metric(ValenceGap(), choices(), choices(), seed=0).difference is None
    refused = replace(one, predicted=np.full(120, NAN))
    found = compare_metric(Srcc(), one, refused, seed=0)
    assert (found.first, found.second, found.difference, found.n) == (None, None, None, 0)


def test_different_rows_are_refused():
    one = choices()
    with pytest.raises(ValueError, match="same rows"):
        compare_metric(Accuracy(), one, one.where(np.arange(120) < 60), seed=0)
    with pytest.raises(ValueError, match="different truths"):
        compare_metric(Accuracy(), one, replace(one, truth=(one.truth + 1) % 6), seed=0)


def test_right_rows():
    scores = choices()
    assert (right_rows(Accuracy(), scores) == (scores.predicted == scores.truth)).all()
    assert right_rows(Kappa(), scores) is None
    assert right_rows(Srcc(), ratings()) is None
