"""Simulated probabilities and ratings for `bench_coverage.py`: areas under curves, rankings of options, concordance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from coverage_shapes import Covered, correlated, covers
from scipy.special import ndtr

from harness.arrays import Floats
from harness.components.metric import Metric, Scores
from harness.metrics.detection import Auroc, AveragePrecision
from harness.metrics.option_ranks import Ndcg, TopKAccuracy
from harness.metrics.rating import Ccc
from harness.types import EMOTIONS

SHAPES = {"24 x 26": [26] * 24, "60 x 1": [1] * 60, "100 x 6": [6] * 100, "600 x 1": [1] * 600}
SEPARATION = 1.2
"""Distance of the means of the two classes, in standard deviations."""
LARGE = [1] * 400_000
"""A sample that stands for the population, where a true value has no closed form."""
_ENTERS = 0.6


def presence(rng: np.random.Generator, sizes: Sequence[int], icc: float, share: float) -> Scores:
    """Whether an emotion is there, in `share` of the rows, with a probability that tells it apart."""
    cluster, n = np.repeat(np.arange(len(sizes)), sizes), sum(sizes)
    absent = (rng.random(n) >= share).astype(np.int64)
    strength = ndtr(correlated(rng, sizes, icc) + SEPARATION * (1 - absent) - SEPARATION / 2)
    emotion = rng.integers(0, 4, n)
    chances = np.column_stack([strength, 1 - strength])
    said = (strength < 0.5) * 1.0
    return Scores(
        "choice", absent * 1.0, said, cluster, emotion, ("yes", "no"), EMOTIONS, probabilities=chances
    )


def ranking(rng: np.random.Generator, sizes: Sequence[int], icc: float) -> Scores:
    """Six options, the true one likelier, with grades for all of them."""
    cluster, n = np.repeat(np.arange(len(sizes)), sizes), sum(sizes)
    truth = rng.integers(0, 6, n)
    level = np.stack([correlated(rng, sizes, icc) for _ in range(6)], axis=1)
    level[np.arange(n), truth] += SEPARATION
    chances = np.exp(level) / np.exp(level).sum(axis=1, keepdims=True)
    grades = rng.random((n, 6)) * _ENTERS
    grades[np.arange(n), truth] = 1.0
    found = Scores(
        "choice", truth * 1.0, level.argmax(axis=1) * 1.0, cluster, truth, EMOTIONS, EMOTIONS,
        probabilities=chances,
    )  # fmt: skip
    return replace(found, grades=grades)


def valence(rng: np.random.Generator, sizes: Sequence[int], icc: float, skill: float) -> Scores:
    """Ratings of valence that are too high by half a standard deviation."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    truth, noise = correlated(rng, sizes, icc), correlated(rng, sizes, icc)
    said = skill * truth + np.sqrt(1 - skill**2) * noise + 0.5
    return Scores("rating", truth, said, cluster, np.zeros(len(truth), np.int64), (), EMOTIONS)


def covered() -> Iterator[Covered]:
    """The interval of each metric in each shape."""
    kinds: list[tuple[str, Metric, Callable[..., Scores], bool]] = []
    for share in (0.1, 0.5):
        draw = partial(presence, share=share)
        kinds.append((f"auroc, {share:.0%} present", Auroc(), draw, False))
        kinds.append((f"average precision, {share:.0%} present", AveragePrecision(), draw, False))
        macro = {"average": "macro"}
        kinds.append(
            (f"auroc over emotions, {share:.0%} present", Auroc(Auroc.Options(**macro)), draw, False)
        )
        name = f"average precision over emotions, {share:.0%} present"
        kinds.append((name, AveragePrecision(AveragePrecision.Options(**macro)), draw, False))
    kinds.append(("top-3 accuracy", TopKAccuracy(), ranking, True))
    kinds.append(("ndcg", Ndcg(), ranking, False))
    for skill in (0.3, 0.8):
        kinds.append((f"ccc, correlation {skill}", Ccc(), partial(valence, skill=skill), False))
    for row, (name, metric, draw, proportion) in enumerate(kinds):
        truth = true_value(metric, draw)
        for column, (shape, sizes) in enumerate(SHAPES.items()):
            icc = 0.3 if max(sizes) > 1 else 0.0
            found = covers(metric, partial(draw, sizes=sizes, icc=icc), truth, (7, row, column))
            yield Covered(f"{name}, {shape}, correlation {icc}", *found, proportion)


def true_value(metric: Metric, draw: Callable[..., Scores]) -> float:
    """The value in the population: the mean over four very large samples."""
    values = [_value(metric, draw(np.random.default_rng([7, seed]), LARGE, 0.0)) for seed in range(4)]
    return float(np.mean(values))


def _value(metric: Metric, scores: Scores) -> float:
    ones: Floats = np.ones((1, len(LARGE)))
    return float(metric.estimate(scores, ones.astype(np.int64))[0])
