"""Time and memory of scoring: `python benchmarks/bench_stats.py`. Prints wall time, CPU time and peak memory.

The cases are a data set of 7,145 portraits, each its own cluster, and one of 24 people with 26 portraits each, both
with intervals from 10,000 bootstrap resamples. The first case is a suite of five tasks with the metrics of their task
files, without and with metrics for each emotion. Like the command, it limits the linear algebra library to one thread.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from harness.components.metric import Metric, Scores
from harness.metrics.choice import Accuracy, BalancedAccuracy, Kappa, MacroF1
from harness.metrics.fitted import PlccFitted, RmseFitted
from harness.metrics.rank import Krcc, Srcc, SrccWithinEmotion
from harness.metrics.rating import DistinctValues, MeanAbsoluteError, Plcc, RootMeanSquareError, SpreadRatio
from harness.metrics.score import MetricRequest, score_metrics
from harness.types import EMOTIONS

CHOICE = (Accuracy(), BalancedAccuracy(), MacroF1(), Kappa())
RANKS = (Srcc(), SrccWithinEmotion())
RATING = (
    *RANKS,
    Krcc(),
    Plcc(),
    PlccFitted(),
    RmseFitted(),
    MeanAbsoluteError(),
    RootMeanSquareError(),
    SpreadRatio(),
    DistinctValues(),
)

TASK = tuple(metric for metric in RATING if not isinstance(metric, RootMeanSquareError))
"""The metrics of fine_intensity."""


def choice_scores(n: int, clusters: int, options: tuple[str, ...] = EMOTIONS) -> Scores:
    rng = np.random.default_rng(0)
    emotion = rng.integers(0, 6, n)
    truth = emotion % len(options)
    answer = np.where(rng.random(n) < 0.7, truth, rng.integers(0, len(options), n)).astype(np.float64)
    answer[rng.random(n) < 0.02] = np.nan
    return Scores(
        "choice", truth.astype(np.float64), answer, np.arange(n) % clusters, emotion, options, EMOTIONS
    )


def suite(n: int, grouped: bool) -> None:
    """Score five tasks in turn, with continuous ratings as from log-probabilities."""
    tasks = {
        "coarse_polarity": (choice_scores(n, n, ("positive", "neutral", "negative", "surprise")), CHOICE),
        "coarse_emotion": (choice_scores(n, n), CHOICE),
        "fine_intensity": (rating_scores(n, n, whole_truth=True), TASK),
        "fine_quality": (rating_scores(n, n), TASK),
        "nuance_pairs": (choice_scores(n, n, ("first", "second")), CHOICE[:1]),
    }
    start, cpu = time.perf_counter(), time.process_time()
    for name, (scores, metrics) in tasks.items():
        measure(f"  {name}", scores, metrics, grouped=grouped, memory=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    name = f"suite of five tasks{', also by emotion' if grouped else ''}, n = {n:,}"
    print(f"{name:58} {seconds:7.2f} s {cpu:7.2f} s  limit 5 s")


def rating_scores(n: int, clusters: int, levels: int = 0, whole_truth: bool = False) -> Scores:
    rng = np.random.default_rng(0)
    truth = rng.uniform(1, 5, n)
    answer = np.clip(truth + rng.normal(0, 1, n), 1, 5) + rng.uniform(0, 1e-6, n)
    if levels or whole_truth:
        truth = np.round(truth)
    if levels:
        answer = np.round(answer)
    return Scores("rating", truth, answer, np.arange(n) % clusters, rng.integers(0, 6, n), (), EMOTIONS)


def measure(
    name: str,
    scores: Scores,
    metrics: Sequence[Metric],
    target: str = "",
    grouped: bool = False,
    memory: bool = True,
) -> None:
    requests = [MetricRequest(type(metric).__name__, metric, i == 0) for i, metric in enumerate(metrics)]
    groups = (
        [({"emotion": name}, scores.emotion == code) for code, name in enumerate(EMOTIONS)] if grouped else []
    )
    start, cpu = time.perf_counter(), time.process_time()
    score_metrics(scores, requests, groups, seed=1)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if not memory:
        print(f"{name:58} {seconds:7.2f} s {cpu:7.2f} s")
        return
    tracemalloc.start()
    score_metrics(scores, requests, groups, seed=1, resamples=500)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    print(f"{name:58} {seconds:7.2f} s {cpu:7.2f} s {peak:7.0f} MB  {target}")


def main() -> None:
    suite(7145, grouped=False)
    suite(7145, grouped=True)
    measure(
        "choice, 4 metrics, overall and by emotion, n = 7,145",
        choice_scores(7145, 7145),
        CHOICE,
        "aim 0.4 s",
        grouped=True,
    )
    measure("choice, the same, 24 people x 26", choice_scores(624, 24), CHOICE, grouped=True)
    measure(
        "continuous ratings, SRCC pooled and within, n = 7,145", rating_scores(7145, 7145), RANKS, "aim 2 s"
    )
    measure("continuous ratings, all metrics, n = 7,145", rating_scores(7145, 7145), RATING)
    measure(
        "continuous ratings, all metrics, by emotion, n = 7,145",
        rating_scores(7145, 7145),
        RATING,
        grouped=True,
    )
    measure("continuous ratings, all metrics, 24 people x 26", rating_scores(624, 24), RATING, grouped=True)
    measure(
        "five levels, all metrics, by emotion, n = 7,145", rating_scores(7145, 7145, 5), RATING, grouped=True
    )
    measure("five levels, all metrics, 275 prompts x 26", rating_scores(7145, 275, 5), RATING, grouped=True)
    measure("continuous ratings, SRCC pooled and within, n = 28,580", rating_scores(28580, 28580), RANKS)
    measure("choice, 4 metrics, by emotion, n = 28,580", choice_scores(28580, 28580), CHOICE, grouped=True)


if __name__ == "__main__":
    main()
