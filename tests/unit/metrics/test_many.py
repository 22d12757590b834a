"""Very many rows or clusters: intervals from fewer resamples, or from none."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.scores import score, shuffled

from harness.components.metric import Metric, Scores
from harness.metrics import collapsed, resampling
from harness.metrics.rank import Krcc, Srcc, SrccWithinEmotion
from harness.metrics.rating import MeanAbsoluteError
from harness.types import EMOTIONS

pytestmark = pytest.mark.filterwarnings("error")


def noisy(n: int, clusters: int) -> Scores:
    rng = np.random.default_rng(0)
    truth, cluster = rng.integers(1, 6, n) * 1.0, np.arange(n) % clusters
    predicted = truth + rng.normal(0, 1, n) + rng.normal(0, 0.5, clusters)[cluster]
    return Scores("rating", truth, predicted, cluster, rng.integers(0, 3, n), emotions=EMOTIONS)


def test_a_rare_emotion_is_resampled_with_any_number_of_rows(monkeypatch):
    monkeypatch.setattr(resampling, "ROWS_RESAMPLED", 60_000)
    scores = noisy(1200, 300)
    scores = replace(scores, emotion=np.where(np.arange(1200) < 5, 4, scores.emotion))
    [found] = score(scores, {"within": SrccWithinEmotion}, resamples=1000).metrics
    assert found.method == "cluster bootstrap, 500 resamples"
    # One emotion in each cluster, six in all: nothing is known of other clusters.
    monkeypatch.setattr(SrccWithinEmotion, "jackknife_below", 0)
    scores = noisy(1200, 6)
    scores = replace(scores, emotion=scores.cluster)
    [found] = score(scores, {"within": SrccWithinEmotion}, resamples=1000).metrics
    assert found.method.startswith("cluster bootstrap")


@pytest.mark.parametrize("rows", [1, 80_000_000])
def test_a_perfect_judge_has_no_interval(monkeypatch, rows):
    monkeypatch.setattr(resampling, "ROWS_RESAMPLED", rows)
    scores = noisy(1200, 300)
    perfect = score(
        replace(scores, predicted=scores.truth), {"srcc": Srcc, "krcc": Krcc, "within": SrccWithinEmotion}
    )
    for found in perfect.metrics:
        assert (found.value, found.low, found.high) == (1, None, None)
        assert found.method.startswith("none: ")
    assert any(re.search("ha(s|ve) no interval", line) for line in perfect.warnings)


class Foreign(Metric):
    kinds = frozenset({"rating"})

    def estimate(self, scores, weights):
        counts = weights[:, scores.cluster]
        return (counts * scores.predicted).sum(axis=1) / counts.sum(axis=1)


@pytest.mark.parametrize("clusters", [30, 300])
def test_with_many_rows_rank_correlations_have_jackknife_intervals(monkeypatch, clusters):
    scores, named = (
        noisy(1200, clusters),
        {"srcc": Srcc, "within": SrccWithinEmotion, "mae": MeanAbsoluteError},
    )
    few = score(scores, named, resamples=4000).metrics
    monkeypatch.setattr(resampling, "ROWS_RESAMPLED", 60_000)
    many = score(scores, named, resamples=4000).metrics
    assert [m.method.split(",")[0] for m in many] == ["cluster jackknife"] * 2 + ["cluster bootstrap"]
    assert many[2]["low"] == pytest.approx(few[2]["low"])
    for one, other in zip(few[:2], many[:2], strict=True):
        assert one["value"] == other["value"]
        wide = one["high"] - one["low"]
        assert other["low"] == pytest.approx(one["low"], abs=0.12 * wide)
        assert other["high"] == pytest.approx(one["high"], abs=0.12 * wide)


def test_with_many_rows_third_party_metrics_have_fewer_resamples(monkeypatch):
    scores = noisy(1200, 240)
    few = score(scores, {"foreign": Foreign}, resamples=2000).metrics[0]
    monkeypatch.setattr(resampling, "ROWS_RESAMPLED", 60_000)
    fewer = score(scores, {"foreign": Foreign}, resamples=2000).metrics[0]
    assert (few["method"], fewer["method"]) == (
        "cluster bootstrap",
        "cluster bootstrap, 500 resamples",
    )
    assert fewer["low"] == pytest.approx(few["low"], abs=0.02)


@pytest.mark.parametrize(("levels", "most"), [(None, 250), (5, 180)])
def test_very_many_clusters_are_joined_at_random(monkeypatch, levels, most):
    scores = noisy(3000, 1500)
    if levels:
        # Interchangeable clusters: they are expanded again before they are joined.
        scores = replace(
            scores, predicted=np.clip(np.round(scores.predicted), 1, levels), emotion=scores.emotion * 0
        )
    named = {"mae": MeanAbsoluteError, "foreign": Foreign}
    apart = score(scores, named, resamples=3000).metrics
    monkeypatch.setattr(collapsed, "JOINED", most)
    joined = score(scores, named, resamples=3000).metrics
    assert joined == score(shuffled(scores, 1), named, resamples=3000).metrics
    for one, other in zip(apart, joined, strict=True):
        joins = f", clusters joined to {most}" if one.name == "mae" else ""
        assert (one["method"], other["method"]) == ("cluster bootstrap", "cluster bootstrap" + joins)
        assert one["value"] == other["value"]
        wide = one["high"] - one["low"]
        assert other["low"] == pytest.approx(one["low"], abs=0.12 * wide)
        assert other["high"] == pytest.approx(one["high"], abs=0.12 * wide)


def test_joined_clusters_hold_the_same_rows(monkeypatch):
    monkeypatch.setattr(collapsed, "JOINED", 50)
    scores = noisy(900, 300)
    scores = replace(scores, predicted=np.round(scores.predicted), emotion=scores.emotion * 0)
    sample, counts = collapsed.collapsed(scores)
    assert counts.max() > 1
    joined, ones = collapsed.join_clusters(sample, counts, 3)
    assert ones.tolist() == [1] * 50
    assert sorted(zip(joined.truth, joined.predicted, strict=True)) == sorted(
        zip(scores.truth, scores.predicted, strict=True)
    )
    sizes = np.bincount(joined.cluster)
    assert (sizes == 900 / 50).all()
    assert collapsed.join_clusters(sample, np.ones(3, np.int64), 3)[0] is sample
