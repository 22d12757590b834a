"""Tests of groups and the stability of repeats, for `bench_coverage.py`, in the shapes of `coverage_shapes.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from coverage_shapes import SEED, SHAPES, SIMULATIONS, Covered, choices, correlated

from harness.arrays import Floats
from harness.components.metric import Metric, Scores
from harness.metrics.choice import Accuracy, MacroF1
from harness.metrics.group_tests import group_tests
from harness.metrics.rating import MeanAbsoluteError
from harness.metrics.score import MetricRequest, few_clusters
from harness.results import RepeatStability
from harness.scoring.rows import Rows
from harness.scoring.stability import stability
from harness.scoring.stored import StoredSample
from harness.tasks.answers import ParsedReply
from harness.tasks.spec import Answer

PERMUTATIONS = 1_000
EVEN = (1 / 6,) * 6
TESTED = {name: SHAPES[name] for name in ("24 x 26", "100 x 6", "600 x 1", "24 unequal")} | {
    "300 x 2": [2] * 300
}


CASES: tuple[tuple[str, Metric, float], ...] = (
    ("accuracy 0.7", Accuracy(), 0.7),
    ("accuracy 0.98", Accuracy(), 0.98),
    ("macro-F1", MacroF1(), 0.7),
    ("MAE", MeanAbsoluteError(), 0.0),
)


def omnibus_tests() -> Iterator[tuple[str, float]]:
    """How often the test of three groups rejects equal values at 5%: groups of whole clusters, and within clusters."""
    for row, (shape, sizes) in enumerate(TESTED.items()):
        for place in ("between", "within") if max(sizes) > 1 else ("between",):
            for column, (label, metric, accuracy) in enumerate(CASES):
                request = MetricRequest("metric", metric, True)
                rejected = 0
                for number in range(SIMULATIONS):
                    rng = np.random.default_rng([SEED, 5, row, place == "within", column, number])
                    scores = (
                        choices(rng, sizes, accuracy, 0.3, EVEN) if accuracy else ratings(rng, sizes, 0.3)
                    )
                    units = scores.cluster if place == "between" else np.arange(scores.n)
                    group = rng.integers(0, 3, int(units.max()) + 1)[units]
                    tests, _ = group_tests(
                        request, scores, {"group": group}, seed=number, resamples=PERMUTATIONS
                    )
                    rejected += any(test.p <= 0.05 for test in tests)
                yield f"groups {place} clusters, {label}, {shape}, correlation 0.3", rejected / SIMULATIONS


def ratings(rng: np.random.Generator, sizes: list[int], icc: float) -> Scores:
    """Ratings with errors that are correlated within a cluster."""
    n, cluster = sum(sizes), np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.uniform(1, 5, n)
    return Scores(
        "rating", truth, truth + correlated(rng, sizes, icc), cluster, np.zeros(n, np.int64), (), ("all",)
    )


def repeats() -> Iterator[Covered]:
    """Agreement of three repeats and samples that flip, and the difference of two ratings, by share of unsure samples."""
    for row, (shape, sizes) in enumerate(TESTED.items()):
        for unsure, icc in ((0.05, 0.3), (0.3, 0.0), (0.3, 0.3)):
            truths = {
                "agreement": 1 - unsure / 2,
                "flips": unsure * 0.75,
                "difference": unsure * 2 / math.sqrt(math.pi),
            }
            covered = dict.fromkeys(truths, 0)
            for number in range(SIMULATIONS):
                rng = np.random.default_rng([SEED, 6, row, round(unsure * 100), round(icc * 10), number])
                doubtful = (correlated(rng, sizes, icc) < NormalDist().inv_cdf(unsure))[:, None]
                flipped = doubtful & (rng.random((len(doubtful), 3)) < 0.5)
                noisy = np.where(doubtful, rng.normal(size=(len(doubtful), 2)), 0.0) + 3
                choice = _stability(flipped.astype(float), sizes, "choice")
                rating = _stability(noisy, sizes, "rating")
                found = (choice.agreement, choice.flips, rating.difference)
                for (name, truth), interval in zip(truths.items(), found, strict=True):
                    if interval is not None and interval.low is not None and interval.high is not None:
                        covered[name] += interval.low <= truth <= interval.high
            for name, count in covered.items():
                label = f"{name} of repeats, {unsure} unsure, {shape}, correlation {icc}"
                # Results carry this warning, by the clusters of the rows.
                warned = bool(few_clusters(ratings(np.random.default_rng(0), sizes, 0.0)))
                yield Covered(label, count / SIMULATIONS, float(warned), True)


ANSWERS = {
    "choice": Answer.model_validate(
        {"kind": "choice", "options": ["no", "yes"], "truth": {"field": "emotion"}}
    ),
    "rating": Answer.model_validate(
        {"kind": "rating", "options": ["1", "2", "3", "4", "5"], "low": 1, "truth": {"field": "intensity"}}
    ),
}


def _stability(answers: Floats, sizes: list[int], kind: str) -> RepeatStability:
    """The stability of answers of shape (samples, repeats)."""
    cluster = np.repeat(np.arange(len(sizes)), sizes).tolist()
    rows = Rows(ANSWERS[kind])
    for number, given in enumerate(answers.tolist()):
        sample = StoredSample(
            number, str(number), 0, "no", 3.0, None, {"subject": str(cluster[number])}, {}, ()
        )
        for repeat, value in enumerate(given):
            said = ParsedReply(value if kind == "rating" else ("no", "yes")[int(value)])
            rows.add(sample, 3.0 if kind == "rating" else "no", said, repeat)
    found = stability(rows, "")
    assert found is not None
    return found
