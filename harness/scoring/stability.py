"""How far repeats of a question agree: with each other, not with the truth."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats, Ints
from harness.records import Interval
from harness.results import RepeatStability
from harness.scoring.rows import Rows, codes
from harness.stats.clustered import effective_clusters
from harness.stats.intervals import proportion_interval


def stability(rows: Rows, cluster: str, level: float = 0.95) -> RepeatStability | None:
    """The agreement of repeats over the samples with at least two replies; None where there are none.

    All have Korn and Graubard's interval by cluster, a difference of ratings as a share of the scale: most samples may
    not differ at all, so that its distribution is far from normal.
    """
    sample = codes(s.id for s in rows.samples)
    replies = np.bincount(sample)
    if not (replies > 1).any():
        return None
    scores = rows.scores(cluster)
    kept = replies[sample] > 1
    table = _table(scores.predicted[kept], np.unique(sample[kept], return_inverse=True)[1].reshape(-1))
    first = np.flatnonzero(kept)[np.unique(sample[kept], return_index=True)[1]]
    units = np.unique(scores.cluster[first], return_inverse=True)[1].reshape(-1)
    found = RepeatStability(
        repeats=int(replies.max()),
        n=len(first),
        clusters=int(units.max()) + 1,
        flips=_share(_flipped(table, rounded=scores.kind == "rating"), units, level),
        method="Korn-Graubard by cluster",
    )
    if scores.kind == "choice":
        found.agreement = _share(_agreement(table), units, level)
        return found
    apart, span = _apart(table), scores.high - scores.low
    known = np.isfinite(apart)
    if known.any():
        part = _share(apart[known] / span, np.unique(units[known], return_inverse=True)[1].reshape(-1), level)
        ends = (None if end is None else span * end for end in (part.value, part.low, part.high))
        found.difference = Interval(**dict(zip(("value", "low", "high"), ends, strict=True)))
    return found


UNPARSED, ABSENT = -np.inf, np.nan
"""An unparsed reply, and no reply, in a table of answers."""


def _table(predicted: Floats, sample: Ints) -> Floats:
    """Answers by sample and reply, shape (samples, most replies)."""
    order = np.argsort(sample, kind="stable")
    sizes = np.bincount(sample)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = np.full((len(sizes), int(sizes.max())), ABSENT)
    table[sample[order], place] = np.where(np.isnan(predicted), UNPARSED, predicted)[order]
    return table


def _pairs(table: Floats) -> list[tuple[Floats, Floats]]:
    columns = list(table.T)
    return [(one, two) for i, one in enumerate(columns) for two in columns[i + 1 :]]


def _flipped(table: Floats, *, rounded: bool) -> Floats:
    """1 for samples whose answers are not all the same, else 0, shape (samples,)."""
    # Half-way ratings are rounded up, as people do.
    answers = np.floor(table + 0.5) if rounded else table
    found: Floats = (np.nanmin(answers, axis=1) != np.nanmax(answers, axis=1)).astype(np.float64)
    return found


def _agreement(table: Floats) -> Floats:
    """Share of the pairs of replies that are the same, shape (samples,)."""
    same = sum((one == two).astype(np.float64) for one, two in _pairs(table))
    both = sum((~np.isnan(one) & ~np.isnan(two)).astype(np.float64) for one, two in _pairs(table))
    found: Floats = np.asarray(same / both, np.float64)
    return found


def _apart(table: Floats) -> Floats:
    """Mean absolute difference of the pairs of parsed ratings, shape (samples,); NaN where there is no pair."""
    parsed = np.where(table == UNPARSED, np.nan, table)
    apart = np.stack([np.abs(one - two) for one, two in _pairs(parsed)])
    known = np.isfinite(apart)
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(known, apart, 0.0).sum(axis=0) / known.sum(axis=0)
    return found


def _share(values: Floats, cluster: Ints, level: float) -> Interval:
    """The mean of values between 0 and 1, shape (n,), with its interval."""
    n, clusters, mean = len(values), int(cluster.max()) + 1, float(values.mean())
    if clusters < 2:
        return Interval(value=mean, low=None, high=None)
    away = np.bincount(cluster, weights=values - mean)
    variance = clusters / (clusters - 1) * float(away @ away) / n**2
    # Values between 0 and 1 say more than as many that are 0 or 1: as much as this many.
    spread = float(values.var())
    worth = round(n * mean * (1 - mean) / spread) if spread > 0 else n
    equal = effective_clusters(np.bincount(cluster).astype(np.float64), np.ones(clusters, np.int64))
    (low, high), _ = proportion_interval(mean, worth, variance, equal, level)
    return Interval(value=mean, low=low, high=high)
