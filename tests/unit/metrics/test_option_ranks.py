"""Top-k accuracy and NDCG: equal to scikit-learn, with grades, ties, refusals and baselines."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import NAN, entry
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.components.metric import Scores
from harness.metrics.option_ranks import Ndcg, TopKAccuracy
from harness.metrics.score import MetricRequest, score_metrics

sklearn = pytest.importorskip("sklearn.metrics")
OPTIONS = ("a", "b", "c", "d", "e")
level = st.integers(0, 4).map(lambda k: k / 4)
rows = st.lists(
    st.tuples(
        st.lists(level, min_size=5, max_size=5), st.lists(level, min_size=5, max_size=5), st.integers(0, 4)
    ),
    min_size=2,
    max_size=20,
)


def choices(chances, truth, grades=None, predicted=None, cluster=None):
    chances, truth = np.array(chances, float), np.array(truth, float)
    n = len(truth)
    return Scores(
        "choice",
        truth,
        chances.argmax(axis=1).astype(float) if predicted is None else np.array(predicted, float),
        np.arange(n) if cluster is None else np.array(cluster),
        np.full(n, -1),
        OPTIONS,
        probabilities=chances,
        grades=None if grades is None else np.array(grades, float),
    )


def value(metric, scores, weights=None):
    weights = np.ones((1, scores.clusters), np.int64) if weights is None else np.array(weights)[None]
    return metric.estimate(scores, weights)[0]


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@settings(max_examples=80, deadline=None)
@given(rows)
def test_top_k_equals_scikit_learn_with_ties(k, given_rows):
    chances, _, truth = map(list, zip(*given_rows, strict=True))
    expected = sklearn.top_k_accuracy_score(truth, np.array(chances), k=k, labels=range(5))
    found = value(TopKAccuracy(TopKAccuracy.Options(k=k)), choices(chances, truth))
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("k", [None, 1, 3])
@settings(max_examples=120, deadline=None)
@given(rows)
def test_ndcg_equals_scikit_learn_with_ties_where_something_is_graded(k, given_rows):
    chances, grades, truth = map(np.array, zip(*given_rows, strict=True))
    metric, kept = Ndcg(Ndcg.Options(k=k)), grades.max(axis=1) > 0
    expected = sklearn.ndcg_score(grades[kept], chances[kept], k=k) if kept.any() else NAN
    scores = choices(chances, truth, grades)
    assert value(metric, scores) == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert metric.entered(scores).sum() == kept.sum()


def test_without_grades_the_true_option_alone_gains():
    rng = np.random.default_rng(1)
    chances, truth = rng.random((40, 5)), rng.integers(0, 5, 40)
    expected = sklearn.ndcg_score(np.eye(5)[truth], chances)
    assert value(Ndcg(), choices(chances, truth)) == pytest.approx(expected, abs=1e-9)


def test_options_without_a_grade_are_not_ranked():
    rng = np.random.default_rng(2)
    chances, grades = rng.random((30, 5)), rng.random((30, 5))
    some = grades.copy()
    some[:, [1, 3]] = NAN
    expected = sklearn.ndcg_score(grades[:, [0, 2, 4]], chances[:, [0, 2, 4]])
    assert value(Ndcg(), choices(chances, np.zeros(30), some)) == pytest.approx(expected, abs=1e-9)


def test_clusters_count_as_often_as_weights_say():
    rng = np.random.default_rng(3)
    chances, grades = rng.random((6, 5)), rng.random((6, 5))
    scores = choices(chances, np.zeros(6), grades, cluster=[0, 0, 1, 1, 2, 2])
    chosen = [0, 1, 4, 5, 4, 5, 4, 5]
    expected = sklearn.ndcg_score(grades[chosen], chances[chosen])
    assert value(Ndcg(), scores, [1, 0, 3]) == pytest.approx(expected, abs=1e-12)


def table(scores, k=2):
    requests = [
        MetricRequest("top_k_accuracy", TopKAccuracy(TopKAccuracy.Options(k=k)), True),
        MetricRequest("ndcg", Ndcg()),
    ]
    return score_metrics(scores, requests, seed=1, resamples=400)


@pytest.mark.slow
def test_baselines_are_those_of_random_orders_and_of_the_most_frequent_options():
    rng = np.random.default_rng(4)
    truth = rng.choice(5, 400, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    grades = np.eye(5)[truth] + rng.random((400, 5)) / 4
    scores = choices(rng.random((400, 5)), truth, grades)
    base = {(b.metric, b.name): b.value for b in table(scores).baselines}
    assert base["top_k_accuracy", "chance"] == pytest.approx(2 / 5)
    assert base["top_k_accuracy", "majority"] == pytest.approx(np.isin(truth, [0, 1]).mean())
    orders = rng.random((200, 400, 5))
    simulated = np.mean([sklearn.ndcg_score(grades, order) for order in orders])
    assert base["ndcg", "chance"] == pytest.approx(simulated, abs=0.003)
    average = np.tile(grades.mean(axis=0), (400, 1))
    assert base["ndcg", "majority"] == pytest.approx(sklearn.ndcg_score(grades, average), abs=1e-9)


def test_values_have_intervals():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 5, 200)
    chances = rng.random((200, 5)) + 0.4 * np.eye(5)[truth]
    found = table(choices(chances, truth, np.eye(5)[truth] * 2 + 0.1, cluster=np.arange(200) // 4))
    for name, method in (("top_k_accuracy", "Korn-Graubard"), ("ndcg", "cluster bootstrap")):
        main = entry(found, name)
        assert main.low < main.value < main.high
        assert main.method.startswith(method)
        assert (main.n, main.clusters, main.direction) == (200, 50, "higher")


def test_a_reply_without_probabilities_counts_as_nothing_and_none_at_all_as_no_value():
    chances, truth = np.tile([0.5, 0.2, 0.1, 0.1, 0.1], (40, 1)), np.zeros(40)
    refused = chances.copy()
    refused[:10] = NAN
    predicted = np.where(np.arange(40) < 10, NAN, 0.0)
    found = table(choices(refused, truth, predicted=predicted))
    assert entry(found, "top_k_accuracy").value == pytest.approx(0.75)
    assert entry(found, "ndcg").value == pytest.approx(0.75)
    silent = table(replace(choices(chances, truth), probabilities=None))
    assert [entry(silent, name).value for name in ("top_k_accuracy", "ndcg")] == [None, None]
    assert "top_k_accuracy, ndcg do not exist: the judge gave no probabilities" in silent.warnings


def test_nothing_graded_has_no_value():
    chances = np.random.default_rng(6).random((30, 5))
    found = table(choices(chances, np.zeros(30), np.zeros((30, 5))))
    assert entry(found, "ndcg").value is None
    assert "ndcg does not exist: no sample has grades" in found.warnings
