"""Balanced accuracy within the options shown: preferring one of two options gains nothing."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import entry
from sklearn.metrics import balanced_accuracy_score

from harness.components.metric import Scores
from harness.metrics.score import MetricRequest, score_metrics
from harness.metrics.shown import BalancedAccuracy
from harness.registry.factory import make
from harness.registry.registry import registry

OPTIONS = ("sad", "angry", "worry")


def confusable(prefers=None, seed=0):
    """Sad and angry shown with worry, and worry with either: each class is true equally often."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1, 2], 100)
    other = np.where(truth == 2, np.arange(300) % 2, 2)
    shown = np.full((300, 3), -1)
    first = rng.random(300) < 0.5
    shown[np.arange(300), truth], shown[np.arange(300), other] = ~first, first
    predicted = truth if prefers is None else np.where(shown[:, prefers] >= 0, prefers, 2)
    predicted = np.where((np.arange(300) % 5 == 0) & (prefers is None), other, predicted)
    return Scores(
        "choice", truth.astype(float), predicted.astype(float), np.arange(300) // 2, truth,
        OPTIONS, OPTIONS, positions=shown,
    )  # fmt: skip


def found(scores, **options):
    metric = make(registry().find("metric", "balanced_accuracy"), options)
    return score_metrics(scores, [MetricRequest("balanced_accuracy", metric, True)], seed=1, resamples=200)


def test_baselines_have_half_where_two_options_are_shown():
    table = found(confusable(), within="shown")
    assert entry(table, "balanced_accuracy").value == pytest.approx(0.8)
    assert {b.name: b.value for b in table.baselines} == {"chance": 0.5, "majority": 0.5}
    plain = found(confusable())
    assert {b.name: b.value for b in plain.baselines} == {"chance": 0.5, "majority": pytest.approx(2 / 3)}


@pytest.mark.parametrize("prefers", [0, 1])
def test_a_preference_is_worth_no_more_than_its_pair(prefers):
    value = entry(found(confusable(prefers), within="shown"), "balanced_accuracy").value
    assert value == pytest.approx(0.5)


def test_where_all_options_are_shown_it_is_balanced_accuracy():
    rng = np.random.default_rng(3)
    truth, predicted = rng.choice(3, 200, p=[0.7, 0.2, 0.1]), rng.integers(0, 3, 200)
    everything = np.tile([2, 0, 1], (200, 1))
    for positions in (None, everything):
        scores = Scores(
            "choice", truth.astype(float), predicted.astype(float), np.arange(200), truth,
            OPTIONS, OPTIONS, positions=positions,
        )  # fmt: skip
        for options in ({}, {"within": "shown"}):
            value = entry(found(scores, **options), "balanced_accuracy").value
            assert value == pytest.approx(balanced_accuracy_score(truth, predicted))


@pytest.mark.parametrize("kinds", [1, 2, 3])
@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_unparsed_replies_are_wrong_for_any_number_of_options(kinds, count):
    """Whatever that number is, and that of the sets of options which are shown."""
    options = tuple(f"option{n}" for n in range(count))
    truth, kind = np.arange(120) % count, np.arange(120) // count % kinds
    shown = np.tile(np.arange(count), (120, 1))
    shown[kind == 1, 1:] = -1
    shown[kind == 2, :-1] = -1
    truth = np.select([kind == 1, kind == 2], [0, count - 1], truth).astype(float)
    for predicted, value in ((truth, 1), (np.full(120, np.nan), 0)):
        scores = Scores(
            "choice", truth, predicted, np.arange(120), truth.astype(int), options, options, positions=shown
        )
        assert entry(found(scores, within="shown"), "balanced_accuracy").value == value


def test_only_the_option_makes_it_look_at_positions():
    assert BalancedAccuracy().uses == frozenset()
    assert BalancedAccuracy(BalancedAccuracy.Options(within="shown")).uses == {"positions"}


def test_the_interval_holds_with_few_errors():
    scores = confusable()
    scores = replace(scores, predicted=np.where(np.arange(300) % 30 == 0, scores.predicted, scores.truth))
    for options in ({}, {"within": "shown"}):
        value = entry(found(scores, **options), "balanced_accuracy")
        assert value.method.startswith("Korn-Graubard")
        assert value.value == pytest.approx(0.97, abs=0.01)
        assert 0.92 < value.low < 0.95 < 0.98 < value.high < 1
    right = entry(found(replace(scores, predicted=scores.truth), within="shown"), "balanced_accuracy")
    assert (right.value, right.high) == (1, 1)
    assert 0.97 < right.low < 1


def test_leaving_one_cluster_out_is_what_it_says():
    scores = confusable()
    metric = BalancedAccuracy(BalancedAccuracy.Options(within="shown"))
    without = metric.leave_one_out(scores, np.ones(150, np.int64))
    for number in (0, 77, 149):
        rest = scores.where(scores.cluster != number)
        assert without[number] == pytest.approx(metric.estimate(rest, np.ones((1, 149), np.int64))[0])
