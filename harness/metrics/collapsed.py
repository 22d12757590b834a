"""Scores made fewer before they are resampled: interchangeable clusters made one, very many clusters joined."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.components.metric import Metric, Scores
from harness.metrics.base import uses
from harness.stats.collapse import collapse

JOINED = 10_000
"""As many unlike clusters as are resampled at most."""


def uses_tables(metric: Metric) -> bool:
    """Whether a metric uses positions or probabilities.

    Those that do share all that the scores hold, and so their draws: within the error of these, their intervals depend
    on which tables there are.
    """
    return uses(metric, "positions") or uses(metric, "probabilities")


def collapsed(scores: Scores, tables: bool = False) -> tuple[Scores, Ints]:
    """Scores with one cluster of each kind, in an order that depends on content alone, and how many of each.

    With `tables` positions and probabilities are kept; without, clusters that differ in them alone are of one kind.
    """
    further = (scores.probabilities, scores.positions) if tables else ()
    columns = chain(
        (scores.truth, scores.predicted, scores.emotion.astype(np.float64)),
        (column.astype(np.float64) for table in further if table is not None for column in table.T),
    )
    kinds = collapse(columns, scores.cluster)
    return _at(scores, kinds.rows, kinds.cluster, tables), kinds.counts


def alike(one: tuple[Scores, Ints], other: tuple[Scores, Ints]) -> bool:
    """Whether collapsed scores are the same, row by row, but for further tables."""
    (first, counts), (second, others) = one, other
    return np.array_equal(counts, others) and all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("truth", "predicted", "emotion", "cluster")
    )


def joined(sample: Scores, counts: Ints, seed: int) -> tuple[Scores, Ints]:
    """Collapsed scores with very many clusters joined at random to `JOINED`, and how many of each there are now.

    Errors of clusters are independent, so the sums of their squares are the same in expectation for joined clusters:
    their variance is unbiased, and sqrt(2 / JOINED) = 1.4% uncertain (random groups: Wolter 2007, "Introduction to
    variance estimation", chapter 2). Other scores are given back as they are.
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
    # Not copied where each cluster is of its own kind: there may be a million rows.
    alone = len(rows) == sample.n
    large = replace(sample, cluster=cluster) if alone else _at(sample, rows, cluster, tables=True)
    return large, np.ones(JOINED, np.int64)


def _at(scores: Scores, rows: Ints, cluster: Ints, tables: bool) -> Scores:
    """These rows, shape (m,), in these clusters; with `tables`, their probabilities and positions too."""

    def held(table: Any) -> Any:
        return table[rows] if tables and table is not None else None

    return replace(
        scores,
        truth=scores.truth[rows],
        predicted=scores.predicted[rows],
        emotion=scores.emotion[rows],
        cluster=cluster,
        probabilities=held(scores.probabilities),
        positions=held(scores.positions),
    )
