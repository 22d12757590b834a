"""Metric values with their intervals, for several metrics on the same resamples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.arrays import Floats, Ints
from harness.components.metric import Estimate, Metric, Scores, checked, quietly
from harness.metrics.base import cluster_sums, distinct_samples, missing_rows
from harness.metrics.collapsed import alike, collapsed, detail
from harness.metrics.resampling import MetricJob, by_jackknife, on_data, resample
from harness.results import COUNT
from harness.stats.clustered import effective_clusters
from harness.stats.intervals import MANY, percentile_interval, proportion_interval
from harness.stats.jackknife import jackknife_interval, leave_one_out, standard_error

FLAT = 1e-12
"""A jackknife interval narrower than this is rounding error, not an interval."""
FEW_EXCEPTIONS, MANY_ROWS = 5, 10
"""A proportion whose hits (or misses) lie in so few clusters, of so many rows each, gets a remark: they hide correlation."""
CORRELATED, FEW_EFFECTIVE = 0.75, 8
"""So does one whose effective n is below this share of n, with so few effective hits (or misses). Without a remark, less
than 7% of the intervals miss the truth (`benchmarks/coverage_shapes.py`)."""
ENOUGH = 0.95
"""Share of the resamples in which a value must exist for its interval to need no remark."""


@dataclass(frozen=True)
class Resampling:
    """How intervals are computed: seed and number of bootstrap resamples, and the confidence level."""

    seed: int
    resamples: int = 10_000
    level: float = 0.95


def estimates(scores: Scores, metrics: Sequence[Metric], how: Resampling) -> list[Estimate]:
    """The estimate of each metric on `scores`, in order; all of one detail on the same resamples."""
    details = [detail(metric) for metric in metrics]
    samples = {at: collapsed(scores, at) for at in set(details)}
    if {"labels", "tables"} <= set(details) and alike(samples["labels"], samples["tables"]):
        # Where tables distinguish no more clusters, one set of resamples serves both, with the same results.
        details = ["tables" if at == "labels" else at for at in details]
    found: dict[int, Estimate] = {}
    for at in set(details):
        chosen = [i for i, of in enumerate(details) if of == at]
        made = _estimates(*samples[at], [metrics[i] for i in chosen], how)
        found |= {i: _described(e, metrics[i], scores) for i, e in zip(chosen, made, strict=True)}
    return [found[i] for i in range(len(metrics))]


def point(metric: Metric, scores: Scores) -> float | None:
    """The value alone; None where it does not exist."""
    return weighted_point(metric, *collapsed(scores, detail(metric)))


def weighted_point(metric: Metric, sample: Scores, counts: Ints) -> float | None:
    """The value on `collapsed` scores, shape (k,) of counts; None where it does not exist."""
    value = on_data(metric, sample, counts).value
    return value if math.isfinite(value) else None


def _estimates(sample: Scores, counts: Ints, metrics: Sequence[Metric], how: Resampling) -> list[Estimate]:
    jobs = [on_data(metric, sample, counts) for metric in metrics]
    jackknifed = [by_jackknife(job, sample, counts, how.resamples) for job in jobs]
    if counts.sum() > 1:
        bootstrapped = [
            job
            for job, jackknife in zip(jobs, jackknifed, strict=True)
            if job.exists
            and not job.fault
            and not jackknife
            and not job.metric.proportion
            and job.metric.interval != "own"
        ]
        resample(bootstrapped, sample, counts, how.seed, how.resamples)
    return [_finish(*job, sample, counts, how) for job in zip(jobs, jackknifed, strict=True)]


def _finish(job: MetricJob, jackknife: bool, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
    metric, value, clusters = job.metric, job.value, int(counts.sum())
    if not math.isfinite(value):
        return Estimate(None, None, None, 0, "none", job.fault)
    plain = Estimate(value, None, None, 0, "none")
    if not metric.resampled:
        return replace(plain, method=COUNT)
    if clusters < 2:
        return replace(plain, method="none: one cluster")
    if job.fault:
        return replace(plain, remark=f"has no interval: {job.fault}")
    if metric.interval == "own":
        return _own(plain, metric, sample, counts, how)
    if metric.proportion:
        return _proportion(plain, metric, sample, counts, how)
    if jackknife:
        return _jackknifed(plain, metric, sample, counts, how)
    if not job.chunks:
        return replace(plain, method="none: no resamples")
    return _bootstrapped(plain, job, _effective(sample, counts), how)


def _effective(sample: Scores, counts: Ints) -> int:
    sizes = np.bincount(sample.cluster, minlength=len(counts)).astype(np.float64)
    return effective_clusters(sizes, counts)


def _bootstrapped(plain: Estimate, job: MetricJob, clusters: int, how: Resampling) -> Estimate:
    """The percentile interval of the resamples."""
    metric, values = job.metric, job.values()
    interval = percentile_interval(values, how.level, clusters)
    existing = float(np.isfinite(values).mean())
    if interval is None:
        return replace(plain, remark=f"has no interval: only {existing:.0%} of the resamples have a value")
    if interval[1] - interval[0] < FLAT:
        same = "every resample gave the same value"
        return replace(plain, method=f"none: {same}", remark=f"has no interval: {same}")
    remark = ""
    if existing < ENOUGH:
        remark = f"has an interval from only the {existing:.0%} of the resamples with a value"
    method = metric.method
    if clusters < MANY:
        method += ", widened for few clusters"
    if job.joined:
        method += f", clusters joined to {job.joined:,}"
    if len(values) < how.resamples:
        method += f", {len(values):,} resamples"
    return replace(plain, low=interval[0], high=interval[1], method=method, remark=remark)


def _proportion(plain: Estimate, metric: Metric, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
    """Korn and Graubard's interval, with the variance of the share by cluster."""
    assert plain.value is not None
    try:
        sizes = np.bincount(sample.cluster[metric.entered(sample)], minlength=len(counts))
        used = sizes > 0
        clusters, n = int(counts[used].sum()), int(counts @ sizes)
        if clusters < 2:
            return replace(plain, method="none: one cluster")
        if metric.summed and type(metric).leave_one_out is Metric.leave_one_out:
            sums = cluster_sums(metric.columns(sample), sample.cluster, len(counts))
            shares = quietly(lambda: checked(metric.from_sums(sums), len(sums)))
            away = sizes[used] * (shares[used] - plain.value)
            variance = clusters / (clusters - 1) * float(counts[used] @ away**2) / n**2
        else:
            variance = standard_error(_left_out(metric, sample, counts), counts) ** 2
    except Exception as error:
        return replace(plain, remark=f"has no interval: the metric raised {type(error).__name__}: {error}")
    equal = effective_clusters(sizes.astype(np.float64), counts)
    asked = distinct_samples(sample, metric.entered(sample), counts)
    (low, high), effective = proportion_interval(plain.value, asked, variance, equal, how.level)
    found = replace(plain, low=low, high=high, method=f"Korn-Graubard, effective n {effective:.0f}")
    exceptions = _exceptions(metric, sample, counts)
    rare = effective * min(plain.value, 1 - plain.value)
    if (effective < CORRELATED * asked and rare < FEW_EFFECTIVE) or (
        exceptions < FEW_EXCEPTIONS and asked >= MANY_ROWS * clusters
    ):
        return replace(found, remark=_too_narrow(exceptions))
    return found


def _too_narrow(exceptions: int) -> str:
    if exceptions == 0:
        return "has an interval that takes the samples of a cluster as independent: all are alike, so nothing shows how far they are"
    if exceptions < FEW_EXCEPTIONS:
        rest = "one cluster that differs" if exceptions == 1 else f"the {exceptions} clusters that differ"
        return f"has an interval that rests on {rest} from the others: it may be too narrow"
    return "has an interval that rests on few independent exceptions: it may be too narrow"


def _exceptions(metric: Metric, sample: Scores, counts: Ints) -> int:
    """Clusters with a hit, or clusters with a miss, whichever are fewer; all of them where clusters cannot be told apart."""
    if not metric.summed:
        return int(counts.sum())
    sums = cluster_sums(metric.columns(sample), sample.cluster, len(counts))
    shares = quietly(lambda: metric.from_sums(sums))
    return min(int(counts[shares > 0].sum()), int(counts[shares < 1].sum()))


def _left_out(metric: Metric, sample: Scores, counts: Ints) -> Floats:
    """The value without one cluster of each pattern, shape (patterns,)."""
    without = metric.leave_one_out(sample, counts) if counts.sum() >= metric.jackknife_below else None
    if without is None:
        estimator = metric.estimator(sample)
        without = leave_one_out(lambda weights: quietly(lambda: estimator(weights)), counts)
    without = np.asarray(without, np.float64)
    if without.shape != counts.shape:
        raise ValueError(f"leave_one_out returned shape {without.shape} for {len(counts)} clusters")
    return without


def _jackknifed(plain: Estimate, metric: Metric, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
    assert plain.value is not None
    try:
        without = _left_out(metric, sample, counts)
    except Exception as error:
        return replace(plain, remark=f"has no interval: the metric raised {type(error).__name__}: {error}")
    interval = jackknife_interval(
        plain.value,
        standard_error(without, counts),
        _effective(sample, counts),
        how.level,
        correlation=metric.correlation,
    )
    if interval is None:
        return replace(plain, remark="has no interval: without some cluster there is no value")
    if interval[1] - interval[0] <= FLAT:
        same = "leaving out a cluster never changes the value"
        return replace(plain, method=f"none: {same}", remark=f"has no interval: {same}")
    return replace(plain, low=interval[0], high=interval[1], method="cluster jackknife")


def _own(plain: Estimate, metric: Metric, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
    try:
        return metric.own_estimate(sample, counts, how.level)
    except Exception as error:  # may be a plugin's code
        return replace(plain, remark=f"has no interval: the metric raised {type(error).__name__}: {error}")


def _described(estimate: Estimate, metric: Metric, scores: Scores) -> Estimate:
    """The estimate with the number of rows that entered, and the reason if it has no value."""
    if estimate.value is None:
        estimate = replace(estimate, missing=estimate.missing or _missing(metric, scores))
    try:
        return replace(estimate, n=int(metric.entered(scores).sum()))
    except Exception as error:  # may be a plugin's code
        fault = f"does not say how many rows entered: it raised {type(error).__name__}: {error}"
        return replace(estimate, n=0, remark=estimate.remark or fault)


def _missing(metric: Metric, scores: Scores) -> str:
    rows = missing_rows(scores)
    if rows and not scores.n:
        return rows
    if scores.kind not in metric.kinds:
        return f"it does not apply to a {scores.kind}"
    try:
        return rows or metric.missing(scores) or "it cannot be computed on these answers"
    except Exception as error:
        return f"the metric raised {type(error).__name__}: {error}"
