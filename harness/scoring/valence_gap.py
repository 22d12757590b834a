"""Are positive emotions drawn better than negative ones? A test on prompts that differ in the emotion alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.metrics.base import cluster_sums
from harness.metrics.choice import ValenceGap
from harness.metrics.interval import Resampling
from harness.scoring.rows import Rows
from harness.stats.comparison import paired_difference

PAIRS = "pair_id"
"""The column of a prompt set whose rows with one value ask for the same portrait with different emotions."""


def gap_test(
    question: str, rows: Rows, metric: ValenceGap, cluster: str, how: Resampling
) -> list[dict[str, Any]]:
    """Positive less negative fidelity with its p, resampling pairs together; empty where a side has no portraits.

    Without a column of pairs, the clusters of the task are resampled, and the method says so.
    """
    paired = bool(rows.samples) and all(s.attributes.get(PAIRS) for s in rows.samples)
    scores = rows.scores(PAIRS if paired else cluster)
    if not scores.n:
        return []
    sums = cluster_sums(metric.columns(scores), scores.cluster, scores.clusters)

    def side(number: int) -> Any:
        def figure(weights: Ints) -> Floats:
            return metric.sides(weights @ sums)[number]

        return figure

    found = paired_difference(
        side(1),
        side(0),
        np.ones(scores.clusters, np.int64),
        seed=how.seed,
        resamples=how.resamples,
        level=how.level,
        width=scores.n,
    )
    if not np.isfinite(found.p):
        return []
    units = f"paired by {PAIRS}" if paired else "not paired"
    return [
        {
            "name": "valence_gap",
            "question": question,
            "value": found.value,
            "low": _known(found.low),
            "high": _known(found.high),
            "p": found.p,
            "p_adjusted": found.p,
            "n": int(metric.entered(scores).sum()),
            "clusters": scores.clusters,
            "method": f"cluster bootstrap, {units}, {how.resamples:,} resamples",
        }
    ]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
