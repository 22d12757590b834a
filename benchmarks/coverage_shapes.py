"""Simulated data in the shapes that runs have, for `bench_coverage.py`: coverage of intervals, size of permutation tests.

An interval passes if it contains the truth in 93 to 97% of the simulations, or if a warning in the results says what is
wrong with it where it fails. Intervals of proportions are of the exact kind, which may cover more, most of all near 0
and 1, where a share takes few values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats
from harness.components.metric import Metric, Scores
from harness.metrics.choice import Accuracy, BalancedAccuracy, MacroF1
from harness.metrics.rank import SrccWithinEmotion
from harness.metrics.score import MetricRequest, score_metrics
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.stats.permutation import difference_test
from harness.types import EMOTIONS

SEED = 20_241_118
SIMULATIONS = 1_000
RESAMPLES = 500
LOW, HIGH = 0.93, 0.97
SHAPES = {
    "24 x 26": [26] * 24,
    "100 x 6": [6] * 100,
    "600 x 1": [1] * 600,
    "12 x 600": [600] * 12,
    "24 unequal": [4] * 8 + [12] * 8 + [62] * 8,
}
RARE = (0.19, 0.19, 0.19, 0.19, 0.19, 0.05)


@dataclass(frozen=True)
class Covered:
    """How one interval did."""

    name: str
    share: float
    warned: float
    """Of the intervals that missed the truth, the share with a warning."""
    proportion: bool

    @property
    def verdict(self) -> str:
        if LOW <= self.share <= HIGH:
            return "ok"
        if self.share > HIGH:
            return "ok: conservative" if self.proportion else "ok: warned" if self.warned == 1 else "WIDE"
        return "ok: warned" if self.unwarned <= 1 - LOW else "OUTSIDE"

    @property
    def unwarned(self) -> float:
        """The share of simulations whose interval missed the truth without a warning."""
        return (1 - self.share) * (1 - self.warned)


def correlated(rng: np.random.Generator, sizes: Sequence[int], icc: float) -> Floats:
    """Standard normal values, shape (n,), correlated by `icc` within a cluster."""
    shared = np.repeat(rng.normal(size=len(sizes)), sizes)
    return np.sqrt(icc) * shared + np.sqrt(1 - icc) * rng.normal(size=sum(sizes))


def choices(
    rng: np.random.Generator, sizes: Sequence[int], accuracy: float, icc: float, classes: Sequence[float]
) -> Scores:
    """Answers that are right with one chance for every class, wrong ones spread evenly over the other classes."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.choice(len(classes), len(cluster), p=classes)
    right = correlated(rng, sizes, icc) < NormalDist().inv_cdf(accuracy)
    wrong = (truth + rng.integers(1, len(classes), len(truth))) % len(classes)
    said = np.where(right, truth, wrong)
    return Scores("choice", truth * 1.0, said * 1.0, cluster, truth, EMOTIONS, EMOTIONS)


def macro_f1(accuracy: float, classes: Sequence[float]) -> float:
    """The value of macro-F1 in the population that `choices` draws from."""
    share = np.array(classes)
    said = share * accuracy + (1 - share) * (1 - accuracy) / (len(share) - 1)
    return float((2 * share * accuracy / (share + said)).mean())


def covers(
    metric: Metric, draw: Callable[[np.random.Generator], Scores], truth: float, key: tuple[int, ...]
) -> tuple[float, float]:
    """The share of intervals that contain the truth, and the share of the others with a warning."""
    inside, warned = 0, 0
    for number in range(SIMULATIONS):
        rng = np.random.default_rng([SEED, *key, number])
        table = score_metrics(draw(rng), [MetricRequest("metric", metric)], seed=number, resamples=RESAMPLES)
        found = next(value for value in table.metrics if value.name == "metric")
        hit = found.low is not None and found.high is not None and found.low <= truth <= found.high
        inside += hit
        warned += not hit and any("interval" in warning for warning in table.warnings)
    missed = SIMULATIONS - inside
    return inside / SIMULATIONS, warned / missed if missed else 1.0


def accuracies() -> Iterator[Covered]:
    """Accuracy from 0.05 to 0.99 in every shape, answers independent or correlated within a cluster."""
    even = (1 / 6,) * 6
    for row, (shape, sizes) in enumerate(SHAPES.items()):
        for accuracy in (0.05, 0.3, 0.7, 0.95, 0.99):
            for icc in (0.0, 0.1, 0.3, 0.6):
                key = (1, row, round(accuracy * 100), round(icc * 10))
                found = covers(
                    Accuracy(),
                    partial(choices, sizes=sizes, accuracy=accuracy, icc=icc, classes=even),
                    accuracy,
                    key,
                )
                yield Covered(f"accuracy {accuracy}, {shape}, correlation {icc}", *found, True)


def classes() -> Iterator[Covered]:
    """Macro-F1 and balanced accuracy, with even classes and with a rare one."""
    for row, (shape, sizes) in enumerate(SHAPES.items()):
        for name, shares in (("even classes", (1 / 6,) * 6), ("a rare class", RARE)):
            for icc in (0.0, 0.3, 0.6):
                if shape == "12 x 600" and icc == 0.6:
                    continue
                for metric, truth in ((MacroF1(), macro_f1(0.8, shares)), (BalancedAccuracy(), 0.8)):
                    key = (2, row, len(set(shares)), round(icc * 10))
                    found = covers(
                        metric,
                        partial(choices, sizes=sizes, accuracy=0.8, icc=icc, classes=shares),
                        truth,
                        key,
                    )
                    label = "macro-F1" if isinstance(metric, MacroF1) else "balanced accuracy"
                    yield Covered(f"{label}, {name}, {shape}, correlation {icc}", *found, False)


def ranks() -> Iterator[Covered]:
    """SRCC within emotion with few and with many people."""
    for row, (shape, sizes) in enumerate({"24 x 25": [25] * 24, "100 x 6": [6] * 100}.items()):
        cluster = np.repeat(np.arange(len(sizes)), sizes)
        emotion = np.arange(len(cluster)) % len(EMOTIONS)
        for skill in (0.3, 0.6, 0.9):

            def draw(rng: np.random.Generator) -> Scores:
                x = correlated(rng, sizes, 0.3)  # noqa: B023
                y = skill * x + np.sqrt(1 - skill**2) * correlated(rng, sizes, 0.3)  # noqa: B023
                return Scores("rating", x, y, cluster, emotion, (), EMOTIONS)  # noqa: B023

            truth = 6 / np.pi * np.arcsin(skill / 2)
            found = covers(SrccWithinEmotion(), draw, truth, (3, row, round(skill * 10)))
            yield Covered(f"SRCC within emotion {truth:.2f}, {shape}, correlation 0.3", *found, False)


def gap_tests() -> Iterator[tuple[str, float]]:
    """How often the test of the valence gap rejects equal accuracies at 5%, by pairs, accuracy and correlation."""
    for pairs, repeats in ((30, 1), (100, 1), (300, 1), (100, 5)):
        for accuracy in (0.7, 0.9, 0.98):
            for icc in (0.0, 0.3, 0.6):
                rows = np.repeat(np.arange(2 * pairs), repeats)
                rejected = 0
                for number in range(SIMULATIONS):
                    key = [SEED, 4, pairs, round(accuracy * 100), round(icc * 10), repeats, number]
                    right = (
                        correlated(np.random.default_rng(key), [2] * pairs, icc)
                        < NormalDist().inv_cdf(accuracy)
                    )[rows]
                    test = difference_test(
                        right,
                        rows % 2 == 0,
                        rows // 2,
                        seed=number,
                        resamples=2_000,
                        sample=rows if repeats > 1 else None,
                    )
                    rejected += test is not None and test.p <= 0.05
                name = f"valence gap, {pairs} pairs, accuracy {accuracy}, correlation {icc}, {repeats} replies each"
                yield name, rejected / SIMULATIONS


def repeated() -> Iterator[Covered]:
    """Accuracy where each sample is asked five times and always answered alike."""
    even = (1 / 6,) * 6
    for row, (shape, sizes) in enumerate({"24 x 26": [26] * 24, "60 x 1": [1] * 60}.items()):
        for accuracy in (0.7, 0.98):
            once = partial(choices, sizes=sizes, accuracy=accuracy, icc=0.0, classes=even)

            def draw(rng: np.random.Generator) -> Scores:
                scores = once(rng)  # noqa: B023
                rows = np.repeat(np.arange(scores.n), 5)
                return replace(scores.take(rows, scores.cluster[rows]), sample=rows)

            found = covers(Accuracy(), draw, accuracy, (6, row, round(accuracy * 100)))
            yield Covered(f"accuracy {accuracy}, {shape}, 5 equal replies each", *found, True)


def gaps() -> Iterator[Covered]:
    """The valence gap where all emotions are equally hard: few and many errors, matched sets, single pictures, repeats."""
    codes = [EMOTIONS.index(name) for name in ("happy", "sad", "angry", "worry")]
    metric = make(registry().find("metric", "valence_gap"), {})
    for row, (sets, size) in enumerate(((8, 4), (60, 4), (240, 1))):
        for accuracy in (0.7, 0.9, 0.98):
            for icc in (0.0, 0.3, 0.6) if size > 1 else (0.0,):
                for repeats in (1, 5):

                    def draw(rng: np.random.Generator) -> Scores:
                        right = correlated(rng, [size] * sets, icc) < NormalDist().inv_cdf(accuracy)  # noqa: B023
                        emotion = np.arange(len(right)) % 4
                        rows = np.repeat(np.arange(len(right)), repeats)  # noqa: B023
                        code, said = np.array(codes)[emotion], right[rows]
                        truth = code[rows]
                        return Scores(
                            "choice",
                            truth * 1.0,
                            np.where(said, truth, (truth + 1) % 6) * 1.0,
                            rows // size,  # noqa: B023
                            truth,
                            EMOTIONS,
                            EMOTIONS,
                            sample=rows if repeats > 1 else None,  # noqa: B023
                        )

                    key = (5, row, round(accuracy * 100), round(icc * 10), repeats)
                    found = covers(metric, draw, 0.0, key)
                    name = f"valence gap, accuracy {accuracy}, {sets} x {size}, correlation {icc}, {repeats} replies each"
                    yield Covered(name, *found, True)
