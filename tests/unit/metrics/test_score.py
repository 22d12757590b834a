import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import CHOICE, NAN, RATING, by_emotion, choices, entry, ratings, score, shuffled
from scipy import stats

from harness.components.metric import Scores
from harness.metrics.choice import Accuracy, BalancedAccuracy, Kappa
from harness.metrics.rank import Krcc, Srcc, SrccWithinEmotion
from harness.metrics.rating import MeanAbsoluteError, MeanRating
from harness.metrics.score import MetricRequest, score_metrics
from harness.results import BaselineValue
from harness.types import EMOTIONS

pytestmark = pytest.mark.filterwarnings("error")


def as_json(table):
    return [record.model_dump(mode="json") for record in (*table.metrics, *table.baselines)]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "named"), [(choices, CHOICE), (ratings, RATING)])
@pytest.mark.parametrize("clusters", [30, 120])
def test_results_do_not_depend_on_the_order_of_rows_or_numbers_of_clusters(make, named, clusters):
    scores = make(clusters=clusters)
    one = score(scores, named, by_emotion(scores))
    for seed in range(3):
        other = shuffled(scores, seed)
        assert score(other, named, by_emotion(other)) == one


def test_the_seed_decides_the_intervals():
    scores = choices()
    assert score(scores, CHOICE) == score(scores, CHOICE)
    lows = [[m.low for m in score(scores, CHOICE, seed=seed).metrics] for seed in (3, 4)]
    assert lows[0] != lows[1]


def test_metrics_do_not_affect_each_other():
    scores = ratings()
    assert entry(score(scores, RATING), "srcc") == entry(score(scores, {"srcc": Srcc}), "srcc")


def test_entries_of_the_results_file():
    scores = choices()
    table = score(scores, CHOICE, by_emotion(scores))
    assert sorted(table.metrics[0].model_dump()) == sorted(
        [
            "name",
            "value",
            "low",
            "high",
            "n",
            "clusters",
            "method",
            "direction",
            "primary",
            "group",
        ]
    )
    first = entry(table, "accuracy")
    assert first.value == pytest.approx((scores.truth == scores.predicted).mean())
    assert first.low < first.value < first.high
    assert (first.n, first.method, first.direction, first.primary) == (
        120,
        "Korn-Graubard, effective n 120",
        "higher",
        True,
    )
    assert [e.group["emotion"] for e in table.metrics if e.group] == list(EMOTIONS)
    happy = scores.where(scores.emotion == 0)
    assert entry(table, "accuracy", emotion="happy").value == pytest.approx(
        (happy.truth == happy.predicted).mean()
    )
    assert not any(e.primary for e in table.metrics[1:])
    json.dumps(as_json(table), allow_nan=False)


def test_groups_of_ratings_show_primary_and_distinct_values():
    scores = ratings()
    table = score(scores, RATING, by_emotion(scores)[:1])
    assert [e.name for e in table.metrics if e.group] == ["srcc", "distinct_values"]


def test_confusion_counts_unparsed_last():
    scores = choices()
    table = score(scores, {"accuracy": Accuracy})
    matrix = np.array(table.confusion.matrix)
    assert table.confusion.labels == list(EMOTIONS)
    assert matrix.shape == (6, 7)
    assert matrix.sum() == 120
    assert matrix[:, 6].sum() == np.isnan(scores.predicted).sum()
    assert np.trace(matrix) == (scores.truth == scores.predicted).sum()
    assert score(ratings(), RATING).confusion is None


def test_methods_of_intervals():
    methods = {e.name: e.method for e in score(ratings(), RATING).metrics}
    assert methods == {
        "srcc": "cluster bootstrap, widened for few clusters",
        "srcc_within_emotion": "cluster jackknife",
        "krcc": "cluster jackknife",
        "plcc": "cluster bootstrap, widened for few clusters",
        "plcc_fitted": "cluster bootstrap, mapping fixed, widened for few clusters",
        "mae": "cluster bootstrap, widened for few clusters",
        "distinct_values": "none: a count",
    }


def test_baselines_of_a_choice():
    scores = choices()
    most = np.bincount(scores.truth.astype(int)).max() / 120
    assert score(scores, {"accuracy": Accuracy}).baselines == [
        BaselineValue.model_construct(
            name="chance", metric="accuracy", value=pytest.approx(1 / 6), n=120, clusters=30, fitted=None
        ),
        BaselineValue.model_construct(
            name="majority",
            metric="accuracy",
            value=pytest.approx(most),
            n=120,
            clusters=30,
            fitted="in-sample",
        ),
    ]
    balanced = {e.name: e.value for e in score(scores, {"balanced_accuracy": BalancedAccuracy}).baselines}
    assert balanced == {"chance": pytest.approx(1 / 6), "majority": pytest.approx(1 / 6)}
    kappa = {e.name: e.value for e in score(scores, {"kappa": Kappa}).baselines}
    assert kappa == {"chance": pytest.approx(0), "majority": pytest.approx(0)}


def test_errors_have_baselines_without_a_primary_metric():
    scores = ratings()
    secondary = [MetricRequest("mae", MeanAbsoluteError()), MetricRequest("srcc", Srcc())]
    found = score_metrics(scores, secondary, seed=0, resamples=50).baselines
    assert {(b.name, b.metric) for b in found} == {
        ("constant", "mae"),
        ("emotion-mean", "mae"),
        ("chance", "srcc"),
    }


def test_a_choice_metric_may_ask_for_baselines():
    class Watched(Kappa):
        against_baselines = True

    requests = [MetricRequest("accuracy", Accuracy(), True), MetricRequest("watched", Watched())]
    found = score_metrics(choices(), requests, seed=0, resamples=50).baselines
    assert {b.metric for b in found} == {"accuracy", "watched", "watched_bound"}


def test_a_judge_that_guesses_does_not_beat_the_baseline():
    warnings = score(choices(skill=0.0), {"accuracy": Accuracy}).warnings
    assert any(line.startswith("not shown to beat the majority baseline: accuracy") for line in warnings)
    good = score(choices(skill=0.9), {"accuracy": Accuracy}).warnings
    assert not any("not shown to beat" in line for line in good)


def test_a_judge_with_one_constant_for_each_emotion_is_detected():
    rng = np.random.default_rng(2)
    emotion = np.arange(200) % 5
    truth = np.clip(emotion + 1 + rng.normal(0, 0.4, 200), 0.5, 5.5)
    scores = Scores("rating", truth, emotion + 1.0, np.arange(200) // 4, emotion, (), EMOTIONS)
    table = score(scores, RATING, by_emotion(scores))
    assert entry(table, "srcc").value > 0.9
    within = entry(table, "srcc_within_emotion")
    assert (within.value, within.low, within.method, within.n) == (None, None, "none", 0)
    assert "srcc_within_emotion does not exist: each emotion has one constant" in table.warnings
    assert any(
        line.startswith("not shown to beat the emotion-mean baseline: srcc") for line in table.warnings
    )
    assert entry(table, "distinct_values", emotion="sad").value == 1
    assert entry(table, "srcc", emotion="sad").value is None
    assert "srcc (emotion=sad) does not exist: the judge gave 1 distinct value" in table.warnings


def test_baselines_of_a_rating():
    scores = ratings()
    found = {(e.name, e.metric): e.value for e in score(scores, RATING).baselines}
    assert found["constant", "mae"] == pytest.approx(np.abs(scores.truth - scores.truth.mean()).mean())
    assert ("constant", "srcc") not in found
    correlations = {"srcc", "srcc_within_emotion", "krcc", "plcc"}
    assert {metric: v for (name, metric), v in found.items() if name == "chance"} == dict.fromkeys(
        correlations, 0
    )
    assert abs(found["emotion-mean", "srcc"]) < 0.6
    assert found["emotion-mean", "mae"] <= found["constant", "mae"] + 0.02


def test_an_emotion_of_two_values_repeated_counts():
    twice = np.tile([1.0, 2.0], 20)
    scores = Scores("rating", twice, twice, np.arange(40), np.zeros(40, np.int64), (), EMOTIONS)
    found = entry(score(scores, {"within": SrccWithinEmotion}), "within")
    assert (found.value, found.n) == (1, 40)


def naive_interval(scores, statistic, resamples, seed):
    """A bootstrap by its definition: resample clusters, repeat their rows."""
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(scores.cluster == number) for number in range(scores.clusters)]
    found = []
    for _ in range(resamples):
        rows_of_resample = np.concatenate([rows[number] for number in rng.integers(0, len(rows), len(rows))])
        found.append(statistic(scores.truth[rows_of_resample], scores.predicted[rows_of_resample]))
    return np.quantile(found, [0.025, 0.975])


@pytest.mark.parametrize("clusters", [20, 300])
def test_intervals_are_those_of_a_naive_bootstrap(clusters):
    scores = choices(n=300, clusters=clusters)
    found = entry(score(scores, {"accuracy": Accuracy}, resamples=4000), "accuracy")
    low, high = naive_interval(scores, lambda t, r: (t == r).mean(), 2000, 1)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)


def test_rank_intervals_are_those_of_a_naive_bootstrap():
    from scipy.stats import spearmanr

    scores = ratings(n=80, clusters=80)
    found = entry(score(scores, {"srcc": Srcc}, resamples=4000), "srcc")
    low, high = naive_interval(scores, lambda t, r: spearmanr(t, r)[0], 1500, 1)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.025)


@pytest.mark.slow
def test_intervals_cover_the_truth():
    hits = {"accuracy": 0, "srcc": 0, "krcc": 0}
    truth = {"accuracy": 0.7, "srcc": 6 / math.pi * math.asin(0.3), "krcc": 2 / math.pi * math.asin(0.6)}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        cluster = np.arange(120) // 3
        right = rng.random(40) < 0.7
        predicted = np.where(np.where(rng.random(120) < 0.5, right[cluster], rng.random(120) < 0.7), 0.0, 1.0)
        one = score(
            Scores(
                "choice", np.zeros(120), predicted, cluster, np.zeros(120, np.int64), ("a", "b"), EMOTIONS
            ),
            {"accuracy": Accuracy},
            seed=seed,
            resamples=300,
        )
        x = rng.normal(size=80)
        y = 0.6 * x + 0.8 * rng.normal(size=80)
        two = score(
            Scores("rating", x, y, np.arange(80), np.zeros(80, np.int64), (), EMOTIONS),
            {"srcc": Srcc, "krcc": Krcc},
            seed=seed,
            resamples=300,
        )
        for found in (entry(one, "accuracy"), *two.metrics):
            hits[found.name] += found.low <= truth[found.name] <= found.high
    assert all(131 <= count <= 149 for count in hits.values()), hits


def degenerate():
    two = np.array([0, 1])
    yield "nothing", Scores("choice", np.zeros(0), np.zeros(0), two[:0], two[:0], EMOTIONS, EMOTIONS)
    yield "one row", Scores("choice", np.zeros(1), np.zeros(1), two[:1], two[:1], EMOTIONS, EMOTIONS)
    yield "all unparsed", replace(choices(), predicted=np.full(120, NAN))
    yield "one class", replace(choices(), truth=np.zeros(120))
    yield "one class, one answer", replace(choices(), truth=np.zeros(120), predicted=np.zeros(120))
    yield "one cluster", replace(choices(), cluster=np.zeros(120, np.int64))
    yield "a missing class", choices().where(choices().emotion != 2)
    yield "no emotions", replace(choices(), emotion=np.full(120, -1))
    empty = Scores("rating", np.zeros(0), np.zeros(0), two[:0], two[:0], (), EMOTIONS)
    yield "no ratings", empty
    yield "one rating", Scores("rating", np.ones(1), np.ones(1), two[:1], two[:1], (), EMOTIONS)
    yield "two ratings", Scores("rating", np.array([1.0, 2]), np.array([2.0, 1]), two, two, (), EMOTIONS)
    yield "ratings unparsed", replace(ratings(), predicted=np.full(120, NAN))
    yield "constant truth", replace(ratings(), truth=np.full(120, 3.1))
    yield "constant ratings", replace(ratings(), predicted=np.full(120, 0.1))
    yield "one cluster of ratings", replace(ratings(), cluster=np.zeros(120, np.int64))
    yield "unknown emotions", replace(ratings(), emotion=np.full(120, -1))
    yield "perfect", replace(ratings(), predicted=ratings().truth)
    yield "huge", replace(ratings(), predicted=ratings().predicted * 1e150)


@pytest.mark.parametrize(
    ("name", "scores"), list(degenerate()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_degenerate_answers_give_null_and_a_reason(name, scores):
    named = CHOICE if scores.kind == "choice" else RATING
    table = score(scores, named, by_emotion(scores))
    json.dumps(as_json(table), allow_nan=False)
    warned = " | ".join(table.warnings)
    for found in table.metrics:
        assert (found.low is None) == (found.high is None)
        if found.value is None:
            assert found.method == "none"
            assert found.name in warned
        elif found.low is None:
            without = re.search(rf"\b{found.name}\b[\w, ]* ha(s|ve) no interval", warned)
            assert found.method.startswith("none: ") or without
        else:
            assert found.low <= found.high


def test_ratings_without_truth_enter_only_what_needs_none():
    scores = ratings()
    unlabelled = replace(scores, truth=np.where(np.arange(120) < 40, NAN, scores.truth))
    known = scores.where(np.arange(120) >= 40)
    table = score(unlabelled, RATING | {"mean_rating": MeanRating}, by_emotion(unlabelled))
    assert entry(table, "mean_rating").value == pytest.approx(scores.predicted.mean())
    assert (entry(table, "mean_rating").n, entry(table, "srcc").n) == (120, 80)
    for name in ("srcc", "srcc_within_emotion", "krcc", "plcc", "plcc_fitted", "mae"):
        assert entry(table, name).value == pytest.approx(entry(score(known, RATING), name).value, abs=1e-9)
    assert table.baselines == score(known, RATING).baselines
    none = score(replace(scores, truth=np.full(120, NAN)), RATING | {"mean_rating": MeanRating})
    assert "no sample has a truth to compare the replies with" in none.warnings[0]
    assert none.baselines == []
    assert entry(none, "mean_rating").low < scores.predicted.mean() < entry(none, "mean_rating").high


def test_a_mean_rating_alone_has_no_baselines():
    requested = [MetricRequest("mean_rating", MeanRating())]
    assert score_metrics(ratings(), requested, seed=1, resamples=50).baselines == []


def test_a_group_without_rows_is_null():
    scores = choices()
    table = score(scores, {"accuracy": Accuracy}, [({"emotion": "none"}, np.zeros(120, bool))])
    assert (table.metrics[1].value, table.metrics[1].n) == (None, 0)
    assert "accuracy (emotion=none) does not exist: nothing was answered" in table.warnings


def test_one_cluster_and_few_clusters_give_warnings():
    one = score(choices(clusters=1), CHOICE)
    assert {e.method for e in one.metrics} == {"none: one cluster", "none: one cluster, unparsed as worst"}
    assert any(line.startswith("one cluster") for line in one.warnings)
    assert any(line.startswith("few clusters (6)") for line in score(choices(clusters=6), CHOICE).warnings)
    assert not any("few clusters" in line for line in score(choices(), CHOICE).warnings)
    sizes = np.repeat(np.arange(24), [4] * 8 + [12] * 8 + [62] * 8)
    unequal = score(choices(n=len(sizes), clusters=24), CHOICE), replace(choices(n=len(sizes)), cluster=sizes)
    assert not any("few clusters" in line for line in unequal[0].warnings)
    assert (
        "few clusters (24 of unequal size, worth 12 equal ones): intervals are rough, and mostly too narrow"
        in score(unequal[1], CHOICE).warnings
    )


def test_a_perfect_score_has_an_exact_interval():
    scores = replace(choices(), predicted=choices().truth)
    found = entry(score(scores, CHOICE), "accuracy")
    assert (found.value, found.high, found.method) == (1, 1, "Korn-Graubard, effective n 112")
    effective = 120 * (stats.t.ppf(0.975, 119) / stats.t.ppf(0.975, 29)) ** 2
    assert found.low == pytest.approx(0.025 ** (1 / effective))
    wrong = entry(score(replace(scores, predicted=(scores.truth + 1) % 6), CHOICE), "accuracy")
    assert (wrong.value, wrong.low) == (0, 0)
    assert wrong.high == pytest.approx(1 - 0.025 ** (1 / effective))


def test_groups_have_as_many_rows_as_the_scores():
    with pytest.raises(ValueError, match="the mask of group"):
        score(choices(), CHOICE, [({"emotion": "happy"}, np.ones(3, bool))])
