"""Simulated ratings of people, for `bench_coverage.py`: the human ceiling, a judge against the same people, and PPI.

Raters differ in skill and samples in difficulty, which samples of a cluster (a person or a prompt) share. The ceiling is
about new raters and new samples, so both are simulated anew each time; its true value is the mean over simulations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np

from harness.arrays import Floats, Ints
from harness.scoring.human import FEW
from harness.stats.ceiling import Ceiling, choice_ceiling, rating_ceiling
from harness.stats.ppi import ppi_mean
from harness.stats.raters import Ratings, collect_ratings

SEED = 20_241_119
SIMULATIONS = 1_000
PARTS = ("people", "judge", "difference")
SHAPES = ((5, 120, 1), (12, 120, 5), (8, 120, 5), (8, 400, 1), (20, 60, 1))
"""Raters, samples, and samples of each cluster."""
SKILL = 0.4
"""Standard deviation of raters' skill: of the log odds of being right, and of the log of their noise."""


def rated(values: Floats) -> Ratings:
    """The ratings in a table of shape (raters, samples)."""
    rater, sample = (codes.ravel() for codes in np.mgrid[: values.shape[0], : values.shape[1]])
    return collect_ratings(sample, rater, values.ravel())


def choices(rng: np.random.Generator, raters: int, cluster: Ints) -> Ceiling:
    """Six options: the right one, a tempting wrong one, and four others."""
    n = len(cluster)
    easy = 0.7 * (rng.normal(size=int(cluster.max()) + 1)[cluster] + rng.normal(size=n))
    tempting = rng.integers(1, 6, n)

    def answers(skill: Floats) -> Floats:
        right = rng.random((len(skill), n)) < 1 / (1 + np.exp(-(skill[:, None] + easy)))
        tempted = rng.random(right.shape) < 0.6
        return np.where(right, 0, np.where(tempted, tempting, rng.integers(1, 6, right.shape))) * 1.0

    people = rated(answers(1.2 + SKILL * rng.normal(size=raters)))
    return choice_ceiling(people, 6, answers(np.ones(1)), cluster)


def ratings(rng: np.random.Generator, raters: int, cluster: Ints) -> Ceiling:
    """Five levels by people, a number by the judge."""
    n = len(cluster)
    strength = 0.55 * rng.normal(size=int(cluster.max()) + 1)[cluster] + 0.83 * rng.normal(size=n)
    noise = 0.7 * np.exp(SKILL * rng.normal(size=(raters, 1)))
    people = np.clip(np.round(3 + strength + noise * rng.normal(size=(raters, n))), 1, 5)
    return rating_ceiling(rated(people), (strength + 0.8 * rng.normal(size=n))[None], cluster)


def ceilings() -> Iterator[tuple[str, float, bool]]:
    """How often each interval of each shape contains the true value, and whether results warn that it is rough."""
    makers: dict[str, Callable[[np.random.Generator, int, Ints], Ceiling]] = {
        "accuracy": choices,
        "srcc": ratings,
    }
    for metric, make in makers.items():
        # Rank correlations take longer.
        for raters, samples, size in SHAPES if metric == "accuracy" else SHAPES[::2]:
            rng = np.random.default_rng([SEED, raters, samples, size])
            cluster = np.repeat(np.arange(samples // size), size)
            found = [make(rng, raters, cluster) for _ in range(SIMULATIONS)]
            for part in PARTS:
                values = [getattr(ceiling, part) for ceiling in found]
                truth = float(np.mean([v.value for v in values]))
                share = float(np.mean([v.low <= truth <= v.high for v in values]))
                yield (
                    f"{metric}, {part}: {raters} raters, {samples} samples in clusters of {size}",
                    share,
                    raters < FEW,
                )


def calibrated_values() -> Iterator[tuple[str, float]]:
    """How often PPI's interval contains the fidelity where some pictures are not delivered."""
    for accuracy, delivery, rated_share, clusters in (
        (0.9, 0.8, 1.0, 60),
        (0.9, 0.8, 0.3, 100),
        (0.7, 0.9, 0.3, 100),
        (0.7, 0.6, 1.0, 40),
    ):
        rng = np.random.default_rng([SEED, clusters, int(100 * delivery), int(100 * rated_share)])
        hits = 0
        for _ in range(SIMULATIONS):
            low, high = _calibrated(rng, accuracy, delivery, rated_share, clusters)
            hits += low <= accuracy * delivery <= high
        name = f"PPI: {delivery:.0%} delivered, {rated_share:.0%} of these rated, {clusters} clusters of 4"
        yield name, hits / SIMULATIONS


def _calibrated(
    rng: np.random.Generator, accuracy: float, delivery: float, rated_share: float, clusters: int
) -> tuple[float, float]:
    n, at = 4 * clusters, NormalDist().inv_cdf
    cluster = np.repeat(np.arange(clusters), 4)

    def latent() -> Floats:
        return math.sqrt(0.3) * rng.normal(size=clusters)[cluster] + math.sqrt(0.7) * rng.normal(size=n)

    right, given = (latent() < at(accuracy)).astype(np.float64), latent() < at(delivery)
    judged: Floats = np.where(rng.random(n) < 0.85, right, 1 - right)
    has = rng.random(n) < rated_share
    found = ppi_mean(
        right[given & has],
        judged[given & has],
        judged[given & ~has],
        cluster=cluster[given & has],
        unlabelled_cluster=cluster[given & ~has],
        zero_cluster=cluster[~given],
    )
    return found.low, found.high
