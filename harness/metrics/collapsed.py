"""Smaller scores for resampling: interchangeable clusters made one, very many clusters joined."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Literal

import numpy as np

from harness.arrays import Ints
from harness.components.metric import Metric, Scores
from harness.stats.collapse import collapse

JOINED = 10_000
"""The most distinct clusters that are resampled."""

Detail = Literal["labels", "tables", "rows"]
"""What must be equal for two clusters to be interchangeable: labels; also probabilities and positions; or nothing is."""


def detail(metric: Metric) -> Detail:
    """How much of the scores a metric looks at.

    Metrics of one detail share their resamples: within the error of these, their intervals depend on which metrics are
    computed together.
    """
    if metric.uses & {"attributes", "extra", "grades"}:
        return "rows"
    return "tables" if metric.uses & {"probabilities", "positions"} else "labels"


def collapsed(scores: Scores, at: Detail = "labels") -> tuple[Scores, Ints]:
    """Scores with one cluster of each kind, in an order that depends on content alone, and how many of each.

    With "labels", probabilities and positions are dropped, and clusters that differ in them alone are of one kind.
    With "rows", every cluster is kept.
    """
    if at == "rows":
        _, cluster = np.unique(scores.cluster, return_inverse=True)
        kept = replace(scores, cluster=cluster.reshape(-1).astype(np.int64))
        return kept, np.ones(kept.clusters, np.int64)
    kept = replace(scores, attributes={}, extra={}, grades=None)
    if at == "labels":
        kept = replace(kept, probabilities=None, positions=None)
    columns = chain(
        (kept.truth, kept.predicted, kept.emotion.astype(np.float64)),
        (
            column.astype(np.float64)
            for table in (kept.probabilities, kept.positions)
            if table is not None
            for column in table.T
        ),
        # Clusters of repeats differ from clusters of as many samples.
        () if scores.sample is None else (np.bincount(scores.sample)[scores.sample].astype(np.float64),),
    )
    kinds = collapse(columns, scores.cluster)
    return kept.take(kinds.rows, kinds.cluster), kinds.counts


def alike(one: tuple[Scores, Ints], other: tuple[Scores, Ints]) -> bool:
    """Whether collapsed scores are the same, row by row, apart from probabilities and positions."""
    (first, counts), (second, others) = one, other
    return np.array_equal(counts, others) and all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("truth", "predicted", "emotion", "cluster")
    )


def join_clusters(sample: Scores, counts: Ints, seed: int) -> tuple[Scores, Ints]:
    """Collapsed scores with very many clusters joined at random to `JOINED`, and how many of each there are now.

    Errors of clusters are independent, so the sums of their squares are the same in expectation for joined clusters:
    their variance is unbiased, and sqrt(2 / JOINED) = 1.4% uncertain (random groups: Wolter 2007, "Introduction to
    variance estimation", chapter 2). Other scores are returned as they are.
    """
    if len(counts) <= JOINED:
        return sample, counts
    total = int(counts.sum())
    group = np.random.default_rng((seed % 2**64, total)).permutation(total) % JOINED
    copies = counts[sample.cluster]
    rows = np.repeat(np.arange(sample.n), copies)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(copies) - copies, copies)
    first = np.cumsum(counts) - counts
    cluster = group[first[sample.cluster[rows]] + copy]
    # Not copied where each cluster is unique: there may be a million rows.
    unique = len(rows) == sample.n
    large = replace(sample, cluster=cluster) if unique else sample.take(rows, cluster)
    return large, np.ones(JOINED, np.int64)
