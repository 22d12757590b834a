"""How far a metric differs between two runs on the same rows: shares by row, everything else by resampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.arrays import Ints, Mask
from harness.components.metric import Estimator, Metric, Scores, quietly
from harness.metrics.base import cluster_sums
from harness.metrics.collapsed import detail
from harness.metrics.interval import point
from harness.metrics.resampling import FEWEST_RESAMPLES, ROWS_RESAMPLED
from harness.metrics.unparsed import entering
from harness.stats.beta import t_cdf
from harness.stats.collapse import collapse
from harness.stats.intervals import t_interval
from harness.stats.jackknife import leave_one_out, standard_error
from harness.stats.paired import PairedDifference, paired_difference, paired_shares

RESAMPLES = 10_000
SAME = 1e-9
"""Values closer than this are one."""


@dataclass(frozen=True)
class PairedValue:
    """A metric in two runs on the rows that enter both, and the difference of the second from the first."""

    first: float | None
    second: float | None
    difference: PairedDifference | None
    """None where the metric has none: a count, or a value with an interval of its own."""
    n: int
    clusters: int


def compare_metric(
    metric: Metric,
    one: Scores,
    two: Scores,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    beyond: bool = False,
) -> PairedValue:
    """Compare a metric on `one` and `two`, which hold the same rows in the same order.

    Only rows that enter both values are compared. `beyond`: as `paired_difference` takes it. Raises ValueError where the rows differ in number, cluster or truth.
    """
    if one.n != two.n or not np.array_equal(one.cluster, two.cluster):
        raise ValueError("the two runs do not hold the same rows")
    if not np.array_equal(one.truth, two.truth, equal_nan=True):
        raise ValueError("the same rows have different truths in the two runs")
    inside = entering(metric, one) & entering(metric, two)
    one, two = one.where(inside), two.where(inside)
    clusters = len(np.unique(one.cluster))
    first, second = point(metric, one), point(metric, two)
    if first is None or second is None or not metric.resampled or metric.interval == "own":
        return PairedValue(first, second, None, one.n, clusters)
    hits = (right_rows(metric, one), right_rows(metric, two))
    # A mean of several shares, such as balanced accuracy, is none of the rows unless the classes are equally frequent.
    if (
        hits[0] is not None
        and hits[1] is not None
        and _is_share(hits[0], first)
        and _is_share(hits[1], second)
    ):
        found = paired_shares(hits[0], hits[1], one.cluster, seed=seed, resamples=resamples, level=level)
    else:
        found = _resampled(metric, one, two, seed, level, resamples, beyond)
    return PairedValue(first, second, found, one.n, clusters)


def _is_share(hits: Mask, value: float) -> bool:
    return abs(float(hits.mean()) - value) < SAME


def right_rows(metric: Metric, scores: Scores) -> Mask | None:
    """Which rows count as a success, shape (n,), for a metric that is a share of the rows; None for others."""
    if not metric.proportion or not metric.summed:
        return None
    rows = np.arange(scores.n)
    shares = quietly(lambda: metric.from_sums(cluster_sums(metric.columns(scores), rows, scores.n)))
    hits: Mask = shares == 1.0
    return hits if (hits | (shares == 0.0)).all() else None


def _resampled(
    metric: Metric, one: Scores, two: Scores, seed: int, level: float, resamples: int, beyond: bool
) -> PairedDifference:
    n = one.n
    one, two, counts = _collapsed(one, two, metric)
    first, second = _estimator(metric, one, counts), _estimator(metric, two, counts)
    if metric.interval == "jackknife":
        return _jackknifed(first, second, counts, level)
    return paired_difference(
        first,
        second,
        counts,
        seed=seed,
        resamples=min(resamples, max(FEWEST_RESAMPLES, ROWS_RESAMPLED // max(n, 1))),
        level=level,
        width=0 if metric.summed else one.n,
        beyond=beyond,
    )


def _jackknifed(first: Estimator, second: Estimator, counts: Ints, level: float) -> PairedDifference:
    value = float((second(counts[None]) - first(counts[None]))[0])
    freedom = int(counts.sum()) - 1
    method = "paired cluster jackknife"
    left_out = leave_one_out(lambda weights: second(weights) - first(weights), counts) if freedom else None
    error = math.nan if left_out is None else standard_error(left_out, counts)
    if not math.isfinite(error) or freedom < 1:
        gone = math.nan
        return PairedDifference(value, gone, gone, gone, gone, gone, gone, gone, gone, method)
    if error:
        below = t_cdf(value / error, freedom)
    else:
        below = 0.5 if not value else float(value > 0)
    p = min(1.0, 2 * min(below, 1 - below))
    ends = t_interval(value, error, freedom, level)
    bounds = t_interval(value, error, freedom, 2 * level - 1)
    return PairedDifference(value, *ends, p, *bounds, below, 1 - below, error, method)


def _collapsed(one: Scores, two: Scores, metric: Metric) -> tuple[Scores, Scores, Ints]:
    """Both with one cluster of each kind, where the metric looks at labels and replies alone; and how many of each."""
    if detail(metric) != "labels":
        return one, two, np.ones(one.clusters, np.int64)
    columns = (one.truth, one.predicted, two.predicted, one.emotion.astype(np.float64))
    kinds = collapse(columns, one.cluster)
    return one.take(kinds.rows, kinds.cluster), two.take(kinds.rows, kinds.cluster), kinds.counts


def _estimator(metric: Metric, scores: Scores, counts: Ints) -> Estimator:
    prepared, mapped = metric.prepared(scores, counts)
    values = prepared.estimator(mapped)
    return lambda weights: quietly(lambda: values(weights))
