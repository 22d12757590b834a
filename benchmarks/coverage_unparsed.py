"""Refusals and options shown, for `bench_coverage.py`: bounds of judges that refuse, balanced accuracy among two options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from statistics import NormalDist

import numpy as np
from coverage_shapes import SEED, SHAPES, SIMULATIONS, Covered, correlated, covers

from harness.components.metric import Metric, Scores
from harness.metrics.interval import point
from harness.metrics.rank import Srcc, SrccWithinEmotion
from harness.metrics.rating import MeanAbsoluteError, Plcc
from harness.metrics.shown import BalancedAccuracy
from harness.metrics.unparsed import worst_case
from harness.types import EMOTIONS

OPTIONS = ("happy", "sad", "angry", "surprise", "worry")
NEIGHBOURS = {0: (3,), 1: (4,), 2: (4,), 3: (0,), 4: (1, 2)}
"""What `nuance_confusable` shows next to each of `OPTIONS`."""


def confusable(rng: np.random.Generator, sizes: list[int], accuracy: float, icc: float) -> Scores:
    """Each emotion equally often, shown with one of its neighbours; answers that are right with one chance for all."""
    n = sum(sizes)
    truth = np.arange(n) % len(OPTIONS)
    other = np.array([NEIGHBOURS[t][rng.integers(len(NEIGHBOURS[t]))] for t in truth.tolist()])
    positions, first = np.full((n, len(OPTIONS)), -1), rng.random(n) < 0.5
    positions[np.arange(n), truth], positions[np.arange(n), other] = ~first, first
    right = correlated(rng, sizes, icc) < NormalDist().inv_cdf(accuracy)
    predicted, cluster = np.where(right, truth, other), np.repeat(np.arange(len(sizes)), sizes)
    return Scores(
        "choice", truth * 1.0, predicted * 1.0, cluster, truth, OPTIONS, OPTIONS, positions=positions
    )


def among_two() -> Iterator[Covered]:
    """Balanced accuracy within each pair of options."""
    metric = BalancedAccuracy(BalancedAccuracy.Options(within="shown"))
    for row, shape in enumerate(("24 x 26", "100 x 6", "600 x 1", "24 unequal")):
        for accuracy in (0.7, 0.95):
            for icc in (0.0, 0.3):
                draw = partial(confusable, sizes=SHAPES[shape], accuracy=accuracy, icc=icc)
                found = covers(metric, draw, accuracy, (9, row, round(accuracy * 100), round(icc * 10)))
                name = f"balanced accuracy among two, {accuracy}, {shape}, correlation {icc}"
                yield Covered(name, *found, accuracy > 0.9)


def refusals() -> Iterator[tuple[str, float]]:
    """How often a judge's bound is better after refusing the samples on which it would guess: never."""
    metrics: dict[str, Metric] = {
        "SRCC": Srcc(),
        "SRCC within emotion": SrccWithinEmotion(),
        "PLCC": Plcc(),
        "MAE": MeanAbsoluteError(),
    }
    better = dict.fromkeys(metrics, 0)
    for number in range(SIMULATIONS):
        rng = np.random.default_rng([SEED, 10, number])
        n = int(rng.integers(60, 200))
        truth = rng.integers(1, 6, n).astype(float)
        hard = rng.random(n) < rng.uniform(0.05, 0.6)
        seen = np.clip((truth + rng.normal(0, rng.uniform(0, 1), n)).round(), 1, 5)
        predicted = np.where(hard, rng.integers(1, 6, n), seen).astype(float)
        emotion = rng.integers(0, 5, n)
        answered = Scores("rating", truth, predicted, np.arange(n), emotion, (), EMOTIONS)
        refused = replace(answered, predicted=np.where(hard, np.nan, predicted))
        for name, metric in metrics.items():
            value, case = point(metric, answered), worst_case(metric, refused)
            bound = None if case is None else point(*case)
            if value is not None and bound is not None:
                sign = 1 if metric.direction == "higher" else -1
                better[name] += sign * (bound - value) > 1e-9
    for name, count in better.items():
        yield f"refusing improves the bound of {name}", count / SIMULATIONS
