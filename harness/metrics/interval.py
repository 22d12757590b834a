"""Figures with their intervals, for several metrics on the same draws."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from harness.components.metric import Floats, Ints, Metric, Scores
from harness.metrics.base import BuiltIn, Estimator, TableMetric, cluster_sums, entered
from harness.stats.bootstrap import MANY, cluster_weights, percentile_interval
from harness.stats.clustered import exact_bound
from harness.stats.collapse import collapse
from harness.stats.jackknife import jackknife_interval, leave_one_out, standard_error

Extras = tuple[str, ...]
T = TypeVar("T")
THREADS = min(4, os.cpu_count() or 1)
MUCH = 1 << 22
"""Rows times draws from which threads are worth starting."""
ROWS_DRAWN, FEWEST_DRAWS = 80_000_000, 500
"""How many rows are drawn for a figure that needs every row again on each draw, and its fewest draws: with very many
rows it has fewer draws than asked for, which the method says."""

ENOUGH = 0.95
"""Share of the draws that must have a figure for its interval to go without a remark."""


@dataclass(frozen=True)
class Resampling:
    """How intervals are had: the seed and number of bootstrap draws, and the level of confidence."""

    seed: int
    draws: int = 10_000
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


@dataclass(eq=False)
class _Job:
    """A metric at work: what `Estimate` will say, and its figure on each draw so far."""

    metric: Metric
    value: float
    draws: list[Floats]
    fault: str = ""


def estimates(scores: Scores, metrics: Sequence[Metric], how: Resampling) -> list[Estimate]:
    """The estimate of each metric on `scores`, in order; all of them on the same draws."""
    wanting = [_extras(metric, scores) for metric in metrics]
    samples = {extras: collapsed(scores, extras) for extras in sorted(set(wanting))}
    # Where further tables tell no more clusters apart, one set of draws serves all metrics, to the same figures.
    home = {extras: next(e for e in sorted(samples, key=len, reverse=True)
                         if set(extras) <= set(e) and _alike(samples[e], samples[extras]))
            for extras in samples}  # fmt: skip
    found: dict[int, Estimate] = {}
    for extras in sorted(set(home.values())):
        chosen = [i for i, wants in enumerate(wanting) if home[wants] == extras]
        sample, counts = samples[extras]
        for i, made in zip(
            chosen, _estimates(sample, counts, [metrics[i] for i in chosen], how), strict=True
        ):
            found[i] = replace(made, n=_rows(metrics[i], scores))
    return [found[i] for i in range(len(metrics))]


def _alike(one: tuple[Scores, Ints], other: tuple[Scores, Ints]) -> bool:
    """Whether collapsed scores are the same, row by row, but for further tables."""
    (first, counts), (second, others) = one, other
    return np.array_equal(counts, others) and all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("truth", "read", "emotion", "cluster")
    )


def collapsed(scores: Scores, extras: Extras = ()) -> tuple[Scores, Ints]:
    """Scores with one cluster of each kind, in an order that depends on content alone, and how many of each.

    `extras` name the tables ("positions", "probabilities") that are kept; clusters that differ in the others
    alone are of one kind.
    """
    tables = {name: table for name in extras if (table := getattr(scores, name)) is not None}
    columns = [scores.truth, scores.read, scores.emotion.astype(np.float64)]
    columns += [column.astype(np.float64) for table in tables.values() for column in table.T]
    kinds = collapse(columns, scores.cluster)
    kept: dict[str, Any] = {"positions": None, "probabilities": None}
    kept |= {name: table[kinds.rows] for name, table in tables.items()}
    sample = replace(
        scores,
        truth=scores.truth[kinds.rows],
        read=scores.read[kinds.rows],
        emotion=scores.emotion[kinds.rows],
        cluster=kinds.cluster,
        **kept,
    )
    return sample, kinds.counts


def point(metric: Metric, scores: Scores) -> float | None:
    """The figure alone; None where it does not exist."""
    return weighted_point(metric, *collapsed(scores, _extras(metric, scores)))


def weighted_point(metric: Metric, sample: Scores, counts: Ints) -> float | None:
    """The figure on `collapsed` scores, shape (k,) of counts; None where it does not exist."""
    value = _first(metric, sample, counts).value
    return value if math.isfinite(value) else None


def _estimates(sample: Scores, counts: Ints, metrics: Sequence[Metric], how: Resampling) -> list[Estimate]:
    jobs = [_first(metric, sample, counts) for metric in metrics]
    if counts.sum() > 1:
        drawn = [
            job
            for job in jobs
            if math.isfinite(job.value) and job.metric.resampled and job.metric.interval == "bootstrap"
        ]
        _draw(drawn, sample, counts, how)
    return [_finish(job, sample, counts, how) for job in jobs]


def _first(metric: Metric, sample: Scores, counts: Ints) -> _Job:
    """The figure on the data as they are. A metric that raises gives none, and says what it raised."""
    if not sample.n or sample.kind not in metric.kinds:
        return _Job(metric, math.nan, [])
    try:
        return _Job(metric, float(_checked(partial(metric.estimate, sample), counts[None])[0]), [])
    except Exception as error:
        return _Job(metric, math.nan, [], f"the metric raised {type(error).__name__}: {error}")


def _draw(jobs: Sequence[_Job], sample: Scores, counts: Ints, how: Resampling) -> None:
    """Give each job its figures on the draws.

    The built-in metrics, and the next weights, are worked on by several threads, in which numpy mostly runs free of
    the interpreter; what comes out does not depend on how many there are. A third party's metric stays in this one.
    """
    if not jobs:
        return
    own = {id(job): job.metric.drawn(sample, counts) for job in jobs if isinstance(job.metric, BuiltIn)}
    tables = [job for job in jobs if id(job) in own and isinstance(own[id(job)][0], TableMetric)]
    slow = [job for job in jobs if job not in tables]
    enough = max(FEWEST_DRAWS, ROWS_DRAWN // max(sample.n, 1))
    if slow and tables and enough >= how.draws:
        _draw_on(cluster_weights(counts, how.draws, how.seed, sample.n), tables, slow, own, sample, how)
        return
    if slow:
        chunks = cluster_weights(counts, min(how.draws, enough), how.seed, sample.n)
        _draw_on(chunks, [], slow, own, sample, how)
    if tables:
        _draw_on(cluster_weights(counts, how.draws, how.seed), tables, [], own, sample, how)


def _draw_on(chunks: Iterator[Ints], tables: Sequence[_Job], slow: Sequence[_Job],
             own: Mapping[int, tuple[BuiltIn, Scores]], sample: Scores, how: Resampling) -> None:  # fmt: skip
    """Work on chunks of draws; `own` holds the built-in metrics, with the scores that each takes."""
    ready = [job for job in slow if id(job) in own]
    others = [job for job in slow if id(job) not in own]
    summed = _Tables([own[id(job)] for job in tables])
    estimators = [metric.estimator(scores) for metric, scores in (own[id(job)] for job in ready)]
    much = bool(ready) and how.draws * sample.n >= MUCH
    with _Workers(much) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        weights = next(chunks, None)
        while weights is not None:
            following = pool.submit(next, chunks, None)
            # Draws side by side, in single precision where that is exact: see `RankCorrelation`.
            kind = np.float32 if weights.max() < 1 << 24 else np.float64
            lanes = np.ascontiguousarray(weights.T, kind).T
            found = [pool.submit(_quiet, estimator, lanes) for estimator in estimators]
            for job, figures in zip(tables, summed(lanes), strict=True):
                job.draws.append(figures)
            for job in others:
                _try(job, partial(_checked, partial(job.metric.estimate, sample), weights))
            for job, future in zip(ready, found, strict=True):
                _try(job, future.result)
            weights = following.result()


class _Workers(ThreadPoolExecutor):
    """Threads for much work; for little, which is done before they have started, this one."""

    def __init__(self, much: bool) -> None:
        super().__init__(THREADS)
        self._much = much

    def submit(self, job: Callable[..., T], /, *arguments: Any, **keywords: Any) -> Future[T]:
        """See `ThreadPoolExecutor.submit`."""
        if self._much:
            return super().submit(job, *arguments, **keywords)
        done: Future[T] = Future()
        try:
            done.set_result(job(*arguments, **keywords))
        except Exception as error:
            done.set_exception(error)
        return done


def _quiet(estimator: Estimator, weights: npt.NDArray[Any]) -> Floats:
    # What numpy does about divisions by zero and the like is set for each thread.
    with np.errstate(all="ignore"):
        return estimator(weights)


def _try(job: _Job, figures: Callable[[], Floats]) -> None:
    """Add figures to a job; one that raises has none from then on."""
    try:
        found = figures()
    except Exception as error:
        job.fault = job.fault or f"the metric raised {type(error).__name__}: {error}"
    else:
        job.draws.append(found)


class _Tables:
    """All metrics that follow from sums by cluster, from one product of the weights and their sums."""

    def __init__(self, metrics: Sequence[tuple[BuiltIn, Scores]]) -> None:
        self._metrics = [metric for metric, _ in metrics if isinstance(metric, TableMetric)]
        tables = [
            cluster_sums(metric.columns(scores), scores.cluster, scores.clusters)
            for metric, scores in metrics
            if isinstance(metric, TableMetric)
        ]
        self._ends = np.cumsum([table.shape[1] for table in tables])[:-1]
        self._table = np.hstack(tables) if tables else None

    def __call__(self, weights: npt.NDArray[Any]) -> list[Floats]:
        """The figures of each metric, shape (draws,) each."""
        if self._table is None:
            return []
        with np.errstate(all="ignore"):
            sums = np.split(weights.astype(np.float64) @ self._table, self._ends, axis=1)
            return [metric.figure(part) for metric, part in zip(self._metrics, sums, strict=True)]


def _finish(job: _Job, sample: Scores, counts: Ints, how: Resampling) -> Estimate:
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
    if metric.interval == "jackknife":
        return _jackknifed(plain, metric, sample, counts, how)
    if not job.draws:
        return replace(plain, method="none: no draws")
    return _bootstrapped(plain, metric, np.concatenate(job.draws), clusters, how)


def _bootstrapped(plain: Estimate, metric: Metric, draws: Floats, clusters: int, how: Resampling) -> Estimate:
    """The percentile interval of the draws, or the exact one where a share is 0 or 1 in all of them."""
    if isinstance(metric, BuiltIn) and metric.proportion and plain.value in (0.0, 1.0):
        bound = exact_bound(clusters, how.level)
        low, high = (bound, 1.0) if plain.value else (0.0, 1 - bound)
        return replace(plain, low=low, high=high, method="exact binomial, one trial a cluster")
    interval = percentile_interval(draws, how.level, clusters)
    existing = float(np.isfinite(draws).mean())
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
    if len(draws) < how.draws:
        method += f", {len(draws):,} draws"
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
            else leave_one_out(partial(_checked, partial(metric.estimate, sample)), counts)
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
    remark = "has an interval of no width" if interval[0] == interval[1] else ""
    return replace(plain, low=interval[0], high=interval[1], method="cluster jackknife", remark=remark)


def _checked(estimator: Estimator, weights: Ints) -> Floats:
    """The figures, with remarks on divisions by zero and the like kept quiet: what does not exist is NaN."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        figures = np.asarray(estimator(weights), np.float64)
    if figures.shape != (len(weights),):
        raise ValueError(f"estimate returned shape {figures.shape} for {len(weights)} draws")
    return figures


def _extras(metric: Metric, scores: Scores) -> Extras:
    """The tables that a metric uses and the scores have: all of them for a third party's."""
    used = {"positions": True, "probabilities": True}
    if isinstance(metric, BuiltIn):
        used = {"positions": metric.uses_positions, "probabilities": metric.uses_probabilities}
    return tuple(name for name, wanted in used.items() if wanted and getattr(scores, name) is not None)


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
