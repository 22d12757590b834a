"""One test for each column of groups: what is permuted, what enters, and what cannot be tested."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import choices, ratings

from harness.components.metric import Metric, Scores
from harness.metrics.choice import Accuracy, MacroF1
from harness.metrics.fitted import RmseFitted
from harness.metrics.group_tests import group_tests
from harness.metrics.rank import SrccWithinEmotion
from harness.metrics.rating import MeanAbsoluteError
from harness.metrics.score import MetricRequest
from harness.results import HypothesisTest


def outcome_of(metric: Metric, scores: Scores, group: np.ndarray) -> tuple[HypothesisTest | None, str]:
    tests, notes = group_tests(
        MetricRequest("m", metric, True), scores, {"gender": group}, seed=1, resamples=999
    )
    return next(iter(tests), None), next(iter(notes), "")


def found(metric: Metric, scores: Scores, group: np.ndarray) -> HypothesisTest:
    test, note = outcome_of(metric, scores, group)
    assert test is not None, note
    return test


def test_a_column_that_is_constant_within_people_permutes_people() -> None:
    scores = replace(choices(clusters=30), cluster_column="subject")
    test = found(Accuracy(), scores, scores.cluster % 3)
    assert (test.name, test.n, test.clusters) == ("m by gender", scores.n, 30)
    assert test.method.startswith("omnibus permutation of each subject between groups, ")


def test_a_column_that_varies_within_people_permutes_their_rows_and_leaves_the_others_out() -> None:
    scores = choices(clusters=30)
    group = np.where(scores.cluster < 20, np.arange(scores.n) // 30 % 2, 1)
    test = found(Accuracy(), scores, group)
    assert (test.clusters, test.n) == (20, int((scores.cluster < 20).sum()))
    assert test.method.startswith("omnibus permutation of samples within sample, ")
    rare = np.where(scores.cluster < 10, np.arange(scores.n) // 30 % 2, scores.cluster % 2)
    test = found(Accuracy(), scores, rare)
    assert (test.clusters, test.n) == (20, 80), (
        "the two kinds of clusters are permuted differently: the larger enters"
    )
    assert test.method.startswith("omnibus permutation of each sample between groups, ")
    _, note = outcome_of(Accuracy(), scores, rare)
    assert note.startswith(f"m by gender: the test leaves out {scores.n - 80} of {scores.n} rows")


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1()])
def test_a_group_that_is_always_wrong_is_found(metric: Metric) -> None:
    scores = choices(clusters=120)
    group = np.arange(120) % 2
    wrong = np.where(group == 0, (scores.truth + 1) % len(scores.options), scores.truth)
    assert found(metric, replace(scores, predicted=wrong), group).p == 1 / 1000
    assert found(metric, replace(scores, predicted=scores.truth), group).p == 1.0


@pytest.mark.parametrize("metric", [MeanAbsoluteError(), RmseFitted()])
def test_ratings_that_do_not_enter_do_not_count(metric: Metric) -> None:
    scores, rng = ratings(clusters=120), np.random.default_rng(0)
    group = np.where(np.arange(120) < 60, 0, 1)
    noisy = np.where(group == 0, scores.truth + rng.normal(0, 0.1, 120), rng.uniform(1, 5, 120))
    noisy[::10] = np.nan
    test = found(metric, replace(scores, predicted=noisy), group)
    assert (test.p, test.n) == (1 / 1000, 108)
    assert found(metric, scores, np.where(np.arange(120) < 10, -1, group)).n == 110


def test_what_cannot_be_tested_is_said() -> None:
    scores = replace(choices(clusters=4), cluster_column="subject")
    assert outcome_of(Accuracy(), scores, np.zeros(scores.n, int)) == (None, "")
    assert outcome_of(Accuracy(), scores, np.full(scores.n, -1)) == (None, "")
    assert outcome_of(Accuracy(), scores, scores.cluster) == (
        None,
        "groups by gender are not tested: each is a single subject",
    )
    rated = ratings(clusters=30)
    test, note = outcome_of(SrccWithinEmotion(), rated, rated.cluster % 2)
    assert (test, note) == (None, "groups by gender are not tested: m does not follow from sums over rows")


def test_a_metric_that_raises_gives_a_note() -> None:
    class Broken(Accuracy):
        def from_sums(self, sums: np.ndarray) -> np.ndarray:
            raise ValueError("no sums")

    scores = choices(clusters=30)
    test, note = outcome_of(Broken(), scores, scores.cluster % 2)
    assert (test, note) == (None, "groups by gender are not tested: the metric raised ValueError: no sums")


def test_many_rows_are_tested_quickly() -> None:
    n = 7145
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 7, n).astype(float)
    scores = replace(
        choices(clusters=120),
        truth=truth,
        predicted=np.where(rng.random(n) < 0.7, truth, 0.0),
        cluster=np.arange(n),
        emotion=rng.integers(0, 6, n),
        probabilities=None,
        positions=None,
    )
    start = time.process_time()
    found(Accuracy(), scores, rng.integers(0, 3, n))
    assert time.process_time() - start < 15
