"""Figures with their intervals, for several metrics on the same draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from harness.arrays import Ints
from harness.components.metric import Metric, Scores
from harness.metrics.base import BuiltIn, entered
from harness.metrics.collapsed import alike, collapsed, uses_tables
from harness.metrics.resampling import Job, by_jackknife, checked, first, resample
from harness.stats.bootstrap import MANY, percentile_interval
from harness.stats.clustered import exact_bound
from harness.stats.jackknife import jackknife_interval, leave_one_out, standard_error

FLAT = 1e-12
"""A jackknife interval narrower than this is no interval: what it comes from is rounding."""
ENOUGH = 0.95
"""Share of the draws that must have a figure for its interval to go without a remark."""


@dataclass(frozen=True)
class Resampling:
    """How intervals are had: the seed and number of bootstrap draws, and the level of confidence."""

    seed: int
    resamples: int = 10_000
    level: float = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure, its interval, how the interval was had, and what is to be said about either."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    missing: str = ""
    """Why there is no figure, where there is none."""
    remark: str = ""
    """What is wrong with the interval, if anything."""


def estimates(scores: Scores, metrics: Sequence[Metric], how: Resampling) -> list[Estimate]:
    """The estimate of each metric on `scores`, in order; all of them on the same draws."""
    wanting = [uses_tables(metric) for metric in metrics]
    samples = {tables: collapsed(scores, tables) for tables in set(wanting)}
    if len(samples) == 2 and alike(*samples.values()):
        # Where tables tell no more clusters apart, one set of draws serves all metrics, to the same figures.
        wanting = [True] * len(metrics)
    found: dict[int, Estimate] = {}
    for tables in set(wanting):
        chosen = [i for i, wants in enumerate(wanting) if wants is tables]
        made = _estimates(*samples[tables], [metrics[i] for i in chosen], how)
        found |= {i: replace(e, n=_rows(metrics[i], scores)) for i, e in zip(chosen, made, strict=True)}
    return [found[i] for i in range(len(metrics))]


def point(metric: Metric, scores: Scores) -> float | None:
    """The figure alone; None where it does not exist."""
    return weighted_point(metric, *collapsed(scores, uses_tables(metric)))


def weighted_point(metric: Metric, sample: Scores, counts: Ints) -> float | None:
    """The figure on `collapsed` scores, shape (k,) of counts; None where it does not exist."""
    value = first(metric, sample, counts).value
    return value if math.isfinite(value) else None


def _estimates(sample: Scores, counts: Ints, metrics: Sequence[Metric], how: Resampling) -> list[Estimate]:
    jobs = [first(metric, sample, counts) for metric in metrics]
    left_out = [by_jackknife(metric, sample, counts, how.resamples) for metric in metrics]
    if counts.sum() > 1:
        resampled_form = [
            job for job, jackknife in zip(jobs, left_out, strict=True) if job.exists and not jackknife
        ]
        resample(resampled_form, sample, counts, how.seed, how.resamples)
    return [_finish(*job, sample, counts, how) for job in zip(jobs, left_out, strict=True)]


def _finish(job: Job, jackknife: bool, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
    metric, value, clusters = job.metric, job.value, int(counts.sum())
    if not math.isfinite(value):
        return Estimate(None, None, None, 0, "none", job.fault or _missing(metric, sample))
    plain = Estimate(value, None, None, 0, "none")
    if not metric.resampled:
        return replace(plain, method="none: a count")
    if clusters < 2:
        return replace(plain, method="none: one cluster")
    if job.fault:
        return replace(plain, remark=f"has no interval: {job.fault}")
    if jackknife:
        return _jackknifed(plain, metric, sample, counts, how)
    if not job.chunks:
        return replace(plain, method="none: no draws")
    return _bootstrapped(plain, job, clusters, how)


def _bootstrapped(plain: Estimate, job: Job, clusters: int, how: Resampling) -> Estimate:
    """The percentile interval of the draws, or the exact one where a share is 0 or 1 in all of them."""
    metric, resamples = job.metric, job.values()
    if isinstance(metric, BuiltIn) and metric.proportion and plain.value in (0.0, 1.0):
        bound = exact_bound(clusters, how.level)
        low, high = (bound, 1.0) if plain.value else (0.0, 1 - bound)
        return replace(plain, low=low, high=high, method="exact binomial, one trial a cluster")
    interval = percentile_interval(resamples, how.level, clusters)
    existing = float(np.isfinite(resamples).mean())
    if interval is None:
        return replace(plain, remark=f"has no interval: it exists in {existing:.0%} of the draws only")
    if interval[0] == interval[1]:
        same = "every draw gave the same value"
        return replace(plain, method=f"none: {same}", remark=f"has no interval: {same}")
    remark = ""
    if existing < ENOUGH:
        remark = f"has an interval from the {existing:.0%} of the draws in which it exists"
    method = metric.method if isinstance(metric, BuiltIn) else "cluster bootstrap"
    if clusters < MANY:
        method += ", widened for few clusters"
    if job.joined:
        method += f", clusters joined to {job.joined:,}"
    if len(resamples) < how.resamples:
        method += f", {len(resamples):,} resamples"
    if isinstance(metric, BuiltIn) and metric.reflected:
        assert plain.value is not None
        middle, method = plain.value, f"{method}, basic"
        interval = min(max(2 * middle - interval[1], 0.0), middle), max(2 * middle - interval[0], middle)
    return replace(plain, low=interval[0], high=interval[1], method=method, remark=remark)


def _jackknifed(plain: Estimate, metric: Metric, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
    assert plain.value is not None
    try:
        left_out = (
            metric.left_out(sample, counts)
            if isinstance(metric, BuiltIn)
            else leave_one_out(partial(checked, partial(metric.estimate, sample)), counts)
        )
    except Exception as error:
        return replace(plain, remark=f"has no interval: the metric raised {type(error).__name__}: {error}")
    interval = jackknife_interval(
        plain.value,
        standard_error(left_out, counts),
        int(counts.sum()),
        how.level,
        correlation=isinstance(metric, BuiltIn) and metric.correlation,
    )
    if interval is None:
        return replace(plain, remark="has no interval: without some cluster it does not exist")
    if interval[1] - interval[0] <= FLAT:
        same = "it is the same without any cluster"
        return replace(plain, method=f"none: {same}", remark=f"has no interval: {same}")
    return replace(plain, low=interval[0], high=interval[1], method="cluster jackknife")


def _rows(metric: Metric, scores: Scores) -> int:
    return int((metric.entered(scores) if isinstance(metric, BuiltIn) else entered(scores)).sum())


def _missing(metric: Metric, sample: Scores) -> str:
    if not sample.n:
        return "nothing was answered"
    if sample.kind not in metric.kinds:
        return f"it is no metric of a {sample.kind}"
    if isinstance(metric, BuiltIn):
        return metric.missing(sample)
    return "it cannot be computed on these answers"
