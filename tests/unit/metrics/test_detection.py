"""AUROC and average precision: equal to scikit-learn, per emotion and pooled, with clusters, baselines and warnings."""

import warnings

import numpy as np
import pytest
from helpers.scores import NAN, entry
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.components.metric import Scores
from harness.metrics.detection import Auroc, AveragePrecision
from harness.metrics.score import MetricRequest, score_metrics

sklearn = pytest.importorskip("sklearn.metrics")
METRICS = {
    "auroc": (Auroc, sklearn.roc_auc_score),
    "average_precision": (AveragePrecision, sklearn.average_precision_score),
}
both = pytest.mark.parametrize("name", METRICS)
rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 6).map(lambda k: k / 6), st.integers(0, 3)),
    min_size=1,
    max_size=40,
)


def presence(positive, chance, cluster=None, emotion=None, predicted=None, emotions=("awe", "fear", "joy")):
    """Scores of a question with the options yes and no; `chance` is P(yes)."""
    positive, chance = np.array(positive, bool), np.array(chance, float)
    n = len(positive)
    return Scores(
        "choice",
        np.where(positive, 0.0, 1.0),
        np.where(chance >= 0.5, 0.0, 1.0) if predicted is None else np.array(predicted, float),
        np.arange(n) if cluster is None else np.array(cluster),
        np.full(n, -1) if emotion is None else np.array(emotion),
        ("yes", "no"),
        emotions,
        probabilities=np.column_stack([chance, 1 - chance]),
    )


def value(metric, scores, weights=None):
    weights = np.ones((1, scores.clusters), np.int64) if weights is None else np.array(weights)
    return metric.estimate(scores, weights)[0]


def reference(function, positive, chance, weight=None):
    positive = np.array(positive, bool)
    present = positive if weight is None else positive[np.array(weight) > 0]
    if present.all() or not present.any():
        return NAN
    return function(positive, chance, sample_weight=weight)


@pytest.mark.slow
@both
@settings(max_examples=150, deadline=None)
@given(rows)
def test_equal_to_scikit_learn_with_ties_and_repeated_clusters(name, given_rows):
    metric, function = METRICS[name]
    positive, chance, cluster = map(list, zip(*given_rows, strict=True))
    scores = presence(positive, chance, cluster)
    assert value(metric(), scores) == pytest.approx(
        reference(function, positive, chance), abs=1e-9, nan_ok=True
    )
    weights = np.array([2, 0, 1, 3])[: scores.clusters]
    assert value(metric(), scores, weights[None]) == pytest.approx(
        reference(function, positive, chance, weights[cluster]), abs=1e-9, nan_ok=True
    )


@both
def test_a_mean_over_emotions_is_the_macro_average_of_scikit_learn(name):
    metric, function = METRICS[name]
    rng = np.random.default_rng(5)
    truth, chance = rng.random((50, 3)) < 0.3, np.round(rng.random((50, 3)), 1)
    emotion = np.tile(np.arange(3), 50)
    scores = presence(truth.ravel(), chance.ravel(), np.repeat(np.arange(50), 3), emotion)
    assert value(metric(metric.Options(average="macro")), scores) == pytest.approx(
        function(truth, chance, average="macro"), abs=1e-9
    )
    pooled = function(truth, chance, average="micro")
    assert value(metric(), scores) == pytest.approx(pooled, abs=1e-9)
    assert abs(pooled - function(truth, chance, average="macro")) > 1e-6, "the two differ here"


@both
def test_large_random_data(name):
    metric, function = METRICS[name]
    rng = np.random.default_rng(11)
    positive = rng.random(20_000) < 0.02
    chance = np.clip(rng.normal(0.3 + 0.2 * positive, 0.2), 0, 1)
    assert value(metric(), presence(positive, chance)) == pytest.approx(function(positive, chance), abs=1e-9)


def table(scores, **options):
    requests = [
        MetricRequest(name, metric(metric.Options(**options)), name == "auroc")
        for name, (metric, _) in METRICS.items()
    ]
    return score_metrics(scores, requests, seed=1, resamples=500)


@both
@pytest.mark.parametrize("positive", [[True] * 30, [False] * 30])
def test_one_class_alone_has_no_value(name, positive):
    found = table(presence(positive, np.linspace(0, 1, 30)))
    assert entry(found, name).value is None
    assert any(name in w and "yes is true in all samples, or in none" in w for w in found.warnings)


def test_an_emotion_of_one_class_is_left_out_of_the_mean_and_named():
    rng = np.random.default_rng(2)
    positive, chance = rng.random(120) < 0.5, rng.random(120)
    emotion = np.arange(120) % 3
    positive[emotion == 2] = False
    found = table(presence(positive, chance, emotion=emotion), average="macro")
    means = [sklearn.roc_auc_score(positive[emotion == k], chance[emotion == k]) for k in range(2)]
    main = entry(found, "auroc")
    assert (main.value, main.n) == (pytest.approx(np.mean(means)), 80)
    assert "auroc: joy omitted: yes is true in all of their samples, or in none" in found.warnings


def test_without_probabilities_the_answers_rank_and_the_area_is_balanced_accuracy():
    rng = np.random.default_rng(3)
    positive, said = rng.random(80) < 0.4, rng.random(80) < 0.5
    scores = presence(positive, np.full(80, NAN), predicted=np.where(said, 0.0, 1.0))
    expected = sklearn.balanced_accuracy_score(positive, said)
    assert value(Auroc(), scores) == pytest.approx(expected, abs=1e-9)


def test_refusing_is_never_rewarded():
    rng = np.random.default_rng(4)
    positive, chance = rng.random(60) < 0.5, rng.random(60)
    answered = presence(positive, chance)
    for metric in (Auroc(), AveragePrecision()):
        for row in range(0, 60, 7):
            predicted, refused = answered.predicted.copy(), chance.copy()
            predicted[row] = refused[row] = NAN
            scores = presence(positive, refused, predicted=predicted)
            assert value(metric, scores) <= value(metric, answered) + 1e-12


def test_a_tie_between_the_options_ranks_in_the_middle():
    scores = presence([True, True, False, False], [0.9, 0.5, 0.5, 0.1], predicted=[0, NAN, NAN, 1])
    assert value(Auroc(), scores) == pytest.approx(0.875)


def test_intervals_and_baselines():
    rng = np.random.default_rng(8)
    positive = np.repeat(rng.random(100) < 0.25, 3)
    chance = np.clip(rng.normal(0.4 + 0.2 * positive, 0.25), 0, 1)
    found = table(presence(positive, chance, np.repeat(np.arange(100), 3)))
    for name in METRICS:
        main = entry(found, name)
        assert main.low < main.value < main.high
        assert (main.direction, main.clusters) == ("higher", 100)
    base = {(b.metric, b.name): b.value for b in found.baselines}
    assert base["auroc", "chance"] == pytest.approx(0.5)
    assert base["auroc", "majority"] == pytest.approx(0.5)
    assert base["average_precision", "chance"] == pytest.approx(positive.mean())


def test_the_mean_over_emotions_says_where_its_interval_is_rough():
    rng = np.random.default_rng(12)
    positive, chance = rng.random(300) < 0.4, rng.random(300)
    found = table(presence(positive, chance, emotion=np.arange(300) % 3), average="macro")
    rough = [warning.partition(":")[0] for warning in found.warnings if "the interval is rough" in warning]
    assert rough == ["average_precision"], "each emotion is present in about 40 clusters"


@pytest.mark.parametrize(("share", "rough"), [(0.03, METRICS), (0.4, ["average_precision"]), (0.8, [])])
def test_the_pooled_value_says_where_its_interval_is_rough(share, rough):
    rng = np.random.default_rng(13)
    n = 300 if share < 0.5 else 1200
    found = table(presence(rng.random(n) < share, rng.random(n)))
    warned = [warning.partition(":")[0] for warning in found.warnings if "the interval is rough" in warning]
    assert sorted(warned) == sorted(rough)
    assert all("clusters for" not in warning for warning in found.warnings)


def test_the_interval_is_that_of_clusters_not_of_rows():
    rng = np.random.default_rng(9)
    positive, chance = rng.random(60) < 0.5, rng.random(60)
    single = entry(table(presence(positive, chance)), "auroc")
    copies = presence(np.repeat(positive, 5), np.repeat(chance, 5), np.repeat(np.arange(60), 5))
    copied = entry(table(copies), "auroc")
    assert copied.value == pytest.approx(single.value)
    assert copied.high - copied.low == pytest.approx(single.high - single.low, rel=0.2)


def test_of_several_options_one_is_named():
    scores = presence([True, False, True, False], [0.9, 0.2, 0.8, 0.3])
    named = value(Auroc(Auroc.Options(positive="no")), scores)
    assert named == pytest.approx(1), "no is likelier where it is true"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(value(Auroc(Auroc.Options(positive="maybe")), scores))
    assert Auroc(Auroc.Options(positive="maybe")).missing(scores) == "'maybe' is not an option"
