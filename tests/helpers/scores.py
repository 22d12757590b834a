"""Simulated scores for metric tests, and shortcuts for computing metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.components.metric import Scores
from harness.metrics.choice import Accuracy, BalancedAccuracy, Kappa, MacroF1
from harness.metrics.fitted import PlccFitted
from harness.metrics.rank import Krcc, Srcc, SrccWithinEmotion
from harness.metrics.rating import DistinctValues, MeanAbsoluteError, Plcc
from harness.metrics.score import MetricRequest, score_metrics
from harness.types import EMOTIONS

NAN = float("nan")
CHOICE = {"accuracy": Accuracy, "balanced_accuracy": BalancedAccuracy, "macro_f1": MacroF1, "kappa": Kappa}
RATING = {
    "srcc": Srcc,
    "srcc_within_emotion": SrccWithinEmotion,
    "krcc": Krcc,
    "plcc": Plcc,
    "plcc_fitted": PlccFitted,
    "mae": MeanAbsoluteError,
    "distinct_values": DistinctValues,
}


def requests(named):
    return [MetricRequest(name, metric(), i == 0) for i, (name, metric) in enumerate(named.items())]


def choices(n=120, clusters=30, seed=0, skill=0.6):
    rng = np.random.default_rng(seed)
    emotion = rng.integers(0, 6, n)
    read = np.where(rng.random(n) < skill, emotion, rng.integers(0, 6, n)).astype(float)
    read[rng.random(n) < 0.05] = NAN
    return Scores("choice", emotion.astype(float), read, np.arange(n) % clusters, emotion, EMOTIONS, EMOTIONS)


def ratings(n=120, clusters=30, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 5, n)
    return Scores(
        "rating",
        truth,
        truth + rng.normal(0, 1, n),
        np.arange(n) % clusters,
        rng.integers(0, 5, n),
        (),
        EMOTIONS,
    )


def by_emotion(scores):
    return [
        ({"emotion": name}, scores.emotion == code)
        for code, name in enumerate(EMOTIONS)
        if (scores.emotion == code).any()
    ]


def score(scores, named, groups=(), **keywords):
    return score_metrics(scores, requests(named), groups, **{"seed": 3, "resamples": 400, **keywords})


def entry(table, name, **group):
    return next(e for e in table.metrics if e.name == name and e.group == group)


def shuffled(scores, seed):
    order = np.random.default_rng(seed).permutation(scores.n)
    names = np.random.default_rng(seed).permutation(scores.clusters + 3)
    return replace(
        scores,
        truth=scores.truth[order],
        predicted=scores.predicted[order],
        emotion=scores.emotion[order],
        cluster=names[scores.cluster[order]],
    )
