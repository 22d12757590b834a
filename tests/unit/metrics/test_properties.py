"""Every metric value in results equals that of a reference implementation, or is null with a reason."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import NAN
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics as sklearn

from harness.components.metric import Scores
from harness.metrics.score import MetricRequest, score_metrics
from harness.registry.builtins import harness_metrics
from harness.results import BOUND
from harness.types import EMOTIONS

quick = settings(max_examples=40, deadline=None, derandomize=True)
level = st.sampled_from([1.0, 2.0, 3.0, 5.0])
fine = st.floats(1, 5).map(lambda x: round(x, 4))
CONSTANT = st.lists(st.just(2.0), min_size=0, max_size=24)


def column(values):
    return st.one_of(st.lists(values, min_size=0, max_size=24), CONSTANT)


def pairs(truth, predicted):
    return st.tuples(column(truth), column(predicted), st.lists(st.integers(-1, 2), min_size=24, max_size=24))


ratings = st.one_of(
    pairs(fine, fine), pairs(level, level), pairs(fine, st.one_of(fine, level, st.just(NAN))),
    pairs(st.one_of(level, st.just(NAN)), level),
)  # fmt: skip
choices = st.tuples(
    st.lists(st.integers(0, 3), max_size=24),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN]), max_size=24),
)


def values(scores, names):
    """name -> value of every metric; a null must be explained, and n and the interval fit the value."""
    known = {component.name: component for component in harness_metrics()}
    requests = [MetricRequest(name, known[name].load()()) for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = score_metrics(scores, requests, seed=1, resamples=20)
    warned = " | ".join(table.warnings)
    for entry in table.metrics:
        if entry["value"] is None:
            assert entry["name"] in warned
            assert " not exist: " in warned
        else:
            assert np.isfinite(entry["value"])
            assert entry["n"] > 0
    return {e["name"]: e["value"] for e in table.metrics if not e["name"].endswith(BOUND)}


def known(expected):
    """The expected values, to 1e-9; None where a value does not exist."""
    exists = {name: number is not None and np.isfinite(number) for name, number in expected.items()}
    return {n: pytest.approx(x, abs=1e-9) if exists[n] else None for n, x in expected.items()}


def srcc(x, y):
    return stats.spearmanr(x, y)[0] if len(x) > 1 and np.ptp(x) and np.ptp(y) else None


def within(x, y, emotion):
    """The mean of Fisher's z, a perfect correlation held half a step of ranks below 1 unless all are perfect."""
    each = [
        (srcc(x[emotion == e], y[emotion == e]), (emotion == e).sum()) for e in np.unique(emotion) if e >= 0
    ]
    each = [(r, n) for r, n in each if r is not None and n >= 3]
    if not each:
        return None
    r, n = np.array(each).T
    if (np.abs(r - r[0]) < 1e-12).all() and abs(abs(r[0]) - 1) < 1e-12:
        return r[0]
    most = 1 - 6 / (n * (n**2 - 1))
    return np.tanh(np.arctanh(np.clip(r, -most, most)).mean())


@quick
@given(ratings)
def test_ratings(columns):
    truth, predicted, emotion = columns
    n = min(len(truth), len(predicted))
    truth, predicted, emotion = np.array(truth[:n]), np.array(predicted[:n]), np.array(emotion[:n], np.int64)
    scores = Scores("rating", truth, predicted, np.arange(n), emotion, (), EMOTIONS)
    both = ~np.isnan(truth) & ~np.isnan(predicted)
    x, y, e = predicted[both], truth[both], emotion[both]
    some, vary_y = len(x) > 0, len(y) > 1 and np.ptp(y) > 0
    vary = vary_y and np.ptp(x) > 0
    parsed = predicted[~np.isnan(predicted)]
    expected = {
        "srcc": srcc(x, y),
        "srcc_within_emotion": within(x, y, e),
        "krcc": stats.kendalltau(x, y)[0] if vary else None,
        "plcc": stats.pearsonr(x, y)[0] if vary else None,
        "mae": sklearn.mean_absolute_error(y, x) if some else None,
        "rmse": np.sqrt(sklearn.mean_squared_error(y, x)) if some else None,
        "bias": np.mean(x - y) if some else None,
        "slope": stats.linregress(y, x).slope if vary_y else None,
        "spread_ratio": x.std() / y.std() if vary_y else None,
        "mean_rating": parsed.mean() if len(parsed) else None,
        "distinct_values": len(np.unique(parsed)) if len(parsed) else None,
        "unparsed_rate": np.isnan(predicted).mean() if n else None,
    }  # fmt: skip
    assert values(scores, expected) == known(expected)


@quick
@given(choices)
def test_choices(columns):
    n = min(map(len, columns))
    truth, predicted = np.array(columns[0][:n], float), np.array(columns[1][:n])
    scores = Scores(
        "choice", truth, predicted, np.arange(n), truth.astype(np.int64), ("a", "b", "c", "d"), EMOTIONS
    )
    true, guess = truth.astype(int), np.nan_to_num(predicted, nan=9).astype(int)
    expected = dict.fromkeys(
        ("accuracy", "balanced_accuracy", "macro_f1", "kappa", "unparsed_rate", "fidelity")
    )
    if n:
        kappa = sklearn.cohen_kappa_score(true, guess) if len(set(true) | set(guess)) > 1 else None
        expected = {
            "accuracy": sklearn.accuracy_score(true, guess), "fidelity": (true == guess).mean(),
            "balanced_accuracy": sklearn.recall_score(true, guess, labels=np.unique(true), average="macro"),
            "macro_f1": sklearn.f1_score(true, guess, labels=np.unique(true), average="macro", zero_division=0),
            "kappa": kappa, "unparsed_rate": np.isnan(predicted).mean(),
        }  # fmt: skip
    assert values(scores, expected) == known(expected)


def curve(x, b1, b2, b3, b4):
    return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.sampled_from([-2.0, -0.4, 0.0, 1.7]),
    st.sampled_from([0.3, 0.8, 1.5]),
    st.sampled_from([0.0, 0.1]),
    st.integers(0, 9),
)
def test_fitted_metrics_equal_curve_fit(middle, scale, noise, seed):
    rng = np.random.default_rng(seed)
    predicted = rng.normal(0, 2, 60)
    parameters = (4.5, 1.5, middle, scale)
    truth = curve(predicted, *parameters) + noise * rng.normal(size=60)
    mapped = curve(
        predicted, *optimize.curve_fit(curve, predicted, truth, p0=parameters, xtol=1e-14, ftol=1e-14)[0]
    )
    scores = Scores("rating", truth, predicted, np.arange(60), np.zeros(60, np.int64), (), EMOTIONS)
    found = values(scores, ("plcc_fitted", "rmse_fitted"))
    assert found["plcc_fitted"] == pytest.approx(stats.pearsonr(mapped, truth)[0], abs=1e-6)
    assert found["rmse_fitted"] == pytest.approx(np.sqrt(np.mean((mapped - truth) ** 2)), abs=1e-6)


@pytest.mark.parametrize("size", [1e-120, 1e-9, 1e9, 1e120])
def test_correlations_do_not_depend_on_the_unit(size):
    rng = np.random.default_rng(5)
    truth = rng.normal(size=40)
    predicted = truth + rng.normal(size=40)
    scores = Scores("rating", truth, predicted, np.arange(40), np.zeros(40, np.int64), (), EMOTIONS)
    names = ("srcc", "krcc", "plcc")
    rescaled = replace(scores, predicted=predicted * size, truth=truth * size)
    assert values(rescaled, names) == known(values(scores, names))
