"""Concordance against its definition in fractions, on random and degenerate input."""

from fractions import Fraction

import numpy as np
import pytest
from helpers.scores import NAN, entry, ratings, score
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.components.metric import Scores
from harness.metrics.rating import Ccc, Plcc
from harness.types import EMOTIONS

levels = st.integers(1, 9).map(float)
rows = st.lists(st.tuples(levels, st.one_of(levels, st.just(NAN))), min_size=1, max_size=25)


def rating(truth, predicted, cluster=None):
    truth = np.array(truth, float)
    cluster = np.arange(len(truth)) if cluster is None else np.array(cluster)
    return Scores("rating", truth, np.array(predicted, float), cluster, np.full(len(truth), -1), (), EMOTIONS)


def lin(truth, predicted):
    """Lin (1989) with moments over n, straight from the definition, in fractions."""
    x, y = [Fraction(v) for v in predicted], [Fraction(v) for v in truth]
    if len(set(y)) < 2:
        return NAN
    n, (mean_x, mean_y) = len(x), (sum(v) / len(v) for v in (x, y))
    together = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / n
    spread = sum((a - mean_x) ** 2 + (b - mean_y) ** 2 for a, b in zip(x, y, strict=True)) / n
    return float(2 * together / (spread + (mean_x - mean_y) ** 2))


def value(scores, weights=None):
    weights = np.ones((1, scores.clusters), np.int64) if weights is None else weights
    return Ccc().estimate(scores, weights)[0]


@settings(max_examples=150, deadline=None)
@given(rows)
def test_equal_to_its_definition(pairs):
    truth, predicted = map(np.array, zip(*pairs, strict=True))
    known = ~np.isnan(predicted)
    expected = lin(truth[known], predicted[known]) if known.any() else NAN
    assert value(rating(truth, predicted)) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_exact_for_large_and_small_numbers(shift, unit):
    rng = np.random.default_rng(3)
    truth = rng.normal(size=60) * unit + shift
    predicted = truth + rng.normal(size=60) * unit
    assert value(rating(truth, predicted)) == pytest.approx(lin(truth, predicted), abs=1e-9)


def test_a_bias_or_a_narrow_scale_costs_concordance_but_not_correlation():
    truth = np.array([1.0, 3.0, 5.0, 7.0, 9.0])
    for predicted in (truth + 2, 5 + (truth - 5) / 4):
        scores = rating(truth, predicted)
        assert Plcc().estimate(scores, np.ones((1, 5), np.int64))[0] == pytest.approx(1)
        assert value(scores) == pytest.approx(lin(truth, predicted))
        assert value(scores) < 0.9


def test_constant_replies_have_none_and_a_constant_truth_no_value():
    assert value(rating([1, 5, 9], [5, 5, 5])) == 0
    table = score(rating([5.0] * 30, np.arange(30) % 9 + 1.0), {"ccc": Ccc})
    assert entry(table, "ccc").value is None
    assert "ccc does not exist: the truth has 1 distinct value" in table.warnings


def test_clusters_count_as_often_as_weights_say():
    scores = rating([1, 2, 8, 9, 4], [2, 2, 7, 9, 9], [0, 0, 1, 1, 2])
    repeated = [0, 1, 2, 3, 2, 3, 2, 3]
    expected = lin(scores.truth[repeated], scores.predicted[repeated])
    assert value(scores, np.array([[1, 3, 0]])) == pytest.approx(expected, abs=1e-12)


def test_interval_baselines_and_direction():
    table = score(ratings(n=240, clusters=60), {"ccc": Ccc})
    found = entry(table, "ccc")
    assert found.low < found.value < found.high
    assert (found.direction, found.method.split(",")[0]) == ("higher", "cluster bootstrap")
    assert {b.name: b.value for b in table.baselines if b.metric == "ccc"}["chance"] == 0
