"""Simulated judges with known calibration: how often the interval of the debiased ECE holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from harness.components.metric import Scores
from harness.metrics.calibration import ExpectedCalibrationError
from harness.types import EMOTIONS

SEED, SIMULATIONS = 20_241_117, 1_000
SHAPES = ((24, 26, 0.3), (100, 6, 0.3), (600, 1, 0.0), (60, 1, 0.0))
"""Clusters, rows of each, and the latent correlation of the answers within a cluster."""


def calibration_errors() -> Iterator[tuple[str, float, float]]:
    """A name, a share, and its smallest valid value: 0 for a share of false alarms, else the coverage."""
    for clusters, size, icc in SHAPES:
        shape = f"{clusters} clusters of {size}, ICC {icc}"
        yield f"ece of a calibrated judge excludes 0, {shape}", _share(clusters, size, icc, 0.0), 0.0
        for gap in (0.05, 0.2):
            yield f"interval of ece, gap {gap}, {shape}", _share(clusters, size, icc, gap), 0.93


def _share(clusters: int, size: int, icc: float, gap: float) -> float:
    """Confidence is `gap` too high everywhere, so that this is the true ECE: how often the interval contains it; for
    a gap of 0, how often it excludes it."""
    rng = np.random.default_rng([SEED, clusters, size, int(gap * 100)])
    cluster, n, metric = np.repeat(np.arange(clusters), size), clusters * size, ExpectedCalibrationError()
    zero, hits = np.zeros(n), 0
    for _ in range(SIMULATIONS):
        confidence = rng.uniform(0.3, 1, n)
        latent = np.sqrt(icc) * rng.normal(size=clusters)[cluster] + np.sqrt(1 - icc) * rng.normal(size=n)
        wrong = 1.0 - (ndtr(latent) < confidence - gap)
        chances = np.column_stack([confidence, 1 - confidence])
        scores = Scores(
            "choice", wrong, zero, cluster, zero.astype(np.int64), ("a", "b"), EMOTIONS, probabilities=chances
        )
        found = metric.own_estimate(scores, np.ones(clusters, np.int64), 0.95)
        assert found.low is not None
        assert found.high is not None
        hits += found.low > 0 if gap == 0 else found.low <= gap <= found.high
    return hits / SIMULATIONS
