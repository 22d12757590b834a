import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from harness.components.metric import Estimate, Scores
from harness.metrics.base import missing_rows
from harness.metrics.fitted import PlccFitted, RmseFitted
from harness.metrics.rank import Krcc, Srcc, SrccWithinEmotion
from harness.metrics.rating import (
    Bias,
    DistinctValues,
    MeanAbsoluteError,
    MeanRating,
    Plcc,
    RootMeanSquareError,
    Slope,
    SpreadRatio,
)
from harness.types import EMOTIONS

NAN = float("nan")
numbers = st.one_of(st.integers(1, 5).map(float), st.floats(1, 5).map(lambda x: round(x, 2)))
ratings = st.lists(st.tuples(numbers, st.one_of(numbers, st.just(NAN))), min_size=1, max_size=30)
ALL = [
    Srcc(),
    SrccWithinEmotion(),
    Krcc(),
    Plcc(),
    Slope(),
    SpreadRatio(),
    MeanAbsoluteError(),
    RootMeanSquareError(),
    Bias(),
    MeanRating(),
    DistinctValues(),
]


def rating(truth, predicted, cluster=None, emotion=None):
    truth = np.array(truth, float)
    cluster = np.arange(len(truth)) if cluster is None else np.array(cluster)
    emotion = np.zeros(len(truth), np.int64) if emotion is None else np.array(emotion)
    return Scores("rating", truth, np.array(predicted, float), cluster, emotion, (), EMOTIONS)


def value(metric, scores):
    return metric.estimate(scores, np.ones((1, scores.clusters), np.int64))[0]


def reference(function, predicted, truth):
    if len(predicted) < 2 or len(set(predicted)) < 2 or len(set(truth)) < 2:
        return NAN
    return function(predicted, truth)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(ratings)
def test_equal_to_scipy_over_the_replies_that_could_be_parsed(rows):
    truth, predicted = (np.array(column) for column in zip(*rows, strict=True))
    scores, known = rating(truth, predicted), ~np.isnan(predicted)
    x, y = predicted[known], truth[known]
    varied = reference(lambda x, y: 1.0, x, y)
    expected = {
        Srcc: reference(lambda x, y: stats.spearmanr(x, y)[0], x, y),
        Krcc: reference(lambda x, y: stats.kendalltau(x, y)[0], x, y),
        Plcc: reference(lambda x, y: stats.pearsonr(x, y)[0], x, y),
        MeanAbsoluteError: np.abs(x - y).mean() if len(x) else NAN,
        RootMeanSquareError: np.sqrt(((x - y) ** 2).mean()) if len(x) else NAN,
        Bias: (x - y).mean() if len(x) else NAN,
        MeanRating: x.mean() if len(x) else NAN,
    }
    if varied == 1:
        expected |= {Slope: stats.linregress(y, x).slope, SpreadRatio: x.std() / y.std()}
    for kind, number in expected.items():
        assert value(kind(), scores) == pytest.approx(number, abs=1e-9, nan_ok=True), kind
    assert value(DistinctValues(), scores) == (
        len(np.unique(x)) if len(x) else pytest.approx(NAN, nan_ok=True)
    )


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(ratings, st.integers(0, 1000))
@pytest.mark.parametrize("metric", ALL, ids=lambda metric: type(metric).__name__)
def test_weights_are_repetitions_of_clusters(metric, rows, seed):
    truth, predicted = (np.array(column) for column in zip(*rows, strict=True))
    rng = np.random.default_rng(seed)
    cluster = np.unique(rng.integers(0, 5, len(truth)), return_inverse=True)[1]
    emotion = rng.integers(-1, 2, len(truth))
    weights = rng.integers(0, 4, (3, cluster.max() + 1))
    found = metric.estimate(rating(truth, predicted, cluster, emotion), weights)
    for resample in range(3):
        repeat = weights[resample][cluster]
        if not repeat.any() or np.isnan(predicted[repeat > 0]).all():
            continue
        again = rating(
            *(np.repeat(column, repeat) for column in (truth, predicted)), emotion=np.repeat(emotion, repeat)
        )
        assert found[resample] == pytest.approx(value(metric, again), rel=1e-9, abs=1e-9, nan_ok=True)


def test_within_emotion_is_the_fisher_mean_of_each():
    rng = np.random.default_rng(0)
    truth, emotion = rng.uniform(1, 5, 90), np.repeat([0, 1, 2], 30)
    predicted = truth + rng.normal(0, [[0.3], [1], [3]], (3, 30)).ravel()
    each = [stats.spearmanr(predicted[emotion == code], truth[emotion == code])[0] for code in range(3)]
    found = value(SrccWithinEmotion(), rating(truth, predicted, emotion=emotion))
    assert found == pytest.approx(np.tanh(np.arctanh(each).mean()), abs=1e-12)


def test_within_emotion_omits_emotions_without_a_correlation():
    truth = [1, 2, 3, 1, 2, 3, 4, 5, 4]
    predicted = [1, 3, 2, 2, 2, 2, 1, 5, 3]
    scores = rating(truth, predicted, emotion=[0, 0, 0, 1, 1, 1, 2, 2, -1])
    assert value(SrccWithinEmotion(), scores) == pytest.approx(0.5)
    [remark] = SrccWithinEmotion().remarks(scores, Estimate(0.5, None, None, 3, "none"))
    assert remark.startswith("sad, angry omitted")
    assert SrccWithinEmotion().entered(scores).tolist() == [True] * 3 + [False] * 6


def test_after_the_fit_the_correlation_equals_curve_fit():
    rng = np.random.default_rng(1)
    predicted = rng.uniform(1, 5, 150)
    truth = 1 + 4 / (1 + np.exp(-(predicted - 3) / 0.4)) + rng.normal(0, 0.3, 150)
    scores = rating(truth, predicted)

    def curve(x, b1, b2, b3, b4):
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))

    mapped = curve(predicted, *optimize.curve_fit(curve, predicted, truth, p0=(5, 1, 3, 0.5))[0])
    assert value(PlccFitted(), scores) == pytest.approx(stats.pearsonr(mapped, truth)[0], abs=1e-6)
    assert value(RmseFitted(), scores) == pytest.approx(np.sqrt(((mapped - truth) ** 2).mean()), abs=1e-6)


def test_the_fit_needs_four_values():
    scores = rating([1, 2, 3, 4, 5], [1, 1, 2, 3, 3])
    assert np.isnan(value(PlccFitted(), scores))
    assert "3 distinct values" in PlccFitted().missing(scores)


@pytest.mark.parametrize(
    ("truth", "predicted", "reason"),
    [
        ([1, 2, 3], [NAN] * 3, "no reply could be parsed"),
        ([1, 2, 3], [2, 2, 2], "the judge gave 1 distinct value"),
        ([2, 2, 2], [1, 2, 3], "the truth has 1 distinct value"),
        ([1, 2], [1, NAN], "there is only one pair of reply and truth"),
        ([NAN, NAN], [1, 2], "no sample has a truth to compare the replies with"),
    ],
)
@pytest.mark.parametrize("metric", [Srcc(), Krcc(), Plcc(), PlccFitted()], ids=lambda m: type(m).__name__)
def test_why_a_correlation_does_not_exist(metric, truth, predicted, reason):
    scores = rating(truth, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(value(metric, scores))
    assert (missing_rows(scores) or metric.missing(scores)) == reason


def test_constants_far_from_zero_have_no_correlation():
    scores = rating(np.arange(50) * 0.1, np.full(50, 1e6 + 0.1))
    assert np.isnan(value(Plcc(), scores))
    assert value(SpreadRatio(), scores) == 0
    assert value(Slope(), scores) == 0


def test_only_parsed_rows_of_a_rating_enter():
    assert Srcc().entered(rating([1, 2], [NAN, 1])).tolist() == [False, True]
