"""Figures of several metrics on the same bootstrap draws, by several threads where there is much to do."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import numpy as np

from harness.arrays import Floats, Ints
from harness.components.metric import Metric, Scores
from harness.metrics.base import BuiltIn, Estimator, TableMetric, cluster_sums
from harness.metrics.collapsed import joined
from harness.stats.weights import CELLS, Blocks, Weights

THREADS = min(4, os.cpu_count() or 1)
MUCH = 1 << 22
"""Rows, or clusters that are summed over, times draws, from which threads are worth starting."""
ROWS_RESAMPLED, FEWEST_RESAMPLES = 80_000_000, 500
"""How many rows are drawn for a figure that needs every row again on each draw. With more, its interval is the
jackknife's if it is `smooth`; if not, it has fewer draws than asked for, but so many at least, and its method says so."""


@dataclass(eq=False)
class Job:
    """A metric at work: its figure on the data as they are, and on each chunk of draws so far."""

    metric: Metric
    value: float
    fault: str = ""
    chunks: dict[int, Floats] = field(default_factory=dict)
    joined: int = 0
    """To how many clusters the data were joined before they were drawn; 0 where they were not."""

    @property
    def exists(self) -> bool:
        """Whether it has a figure that wants an interval."""
        return math.isfinite(self.value) and self.metric.resampled

    def values(self) -> Floats:
        """The figure on each draw, shape (draws,), in the order in which they were drawn."""
        return np.concatenate([self.chunks[number] for number in sorted(self.chunks)])


def by_jackknife(metric: Metric, sample: Scores, counts: Ints, resamples: int) -> bool:
    """Whether the interval on these scores is the jackknife's: always, or since so many draws would be too much."""
    if metric.interval == "jackknife":
        return True
    return (
        isinstance(metric, BuiltIn)
        and sample.n * resamples > ROWS_RESAMPLED
        and metric.smooth(sample, counts)
    )


def first(metric: Metric, sample: Scores, counts: Ints) -> Job:
    """The figure on the data as they are. A metric that raises gives none, and says what it raised."""
    if not sample.n or sample.kind not in metric.kinds:
        return Job(metric, math.nan)
    try:
        return Job(metric, float(checked(partial(metric.estimate, sample), counts[None].copy())[0]))
    except Exception as error:
        return Job(metric, math.nan, f"the metric raised {type(error).__name__}: {error}")


def resample(jobs: Sequence[Job], sample: Scores, counts: Ints, seed: int, resamples: int) -> None:
    """Give each job its figures on the draws; what comes out does not depend on how many threads there are.

    Very many clusters are joined for metrics that sum over them, not for those that need each row anyway.
    """
    whole = [
        (job, *job.metric.resampled_form(sample, counts)) for job in jobs if isinstance(job.metric, BuiltIn)
    ]
    slow = [
        _Work([job], partial(_alone, metric.estimator(scores)))
        for job, metric, scores in whole
        if not isinstance(metric, TableMetric)
    ]
    summing = [job for job, metric, _ in whole if isinstance(metric, TableMetric)]
    large, once = joined(sample, counts, seed) if summing else (sample, counts)
    quick = [_tables(summing, large, once)] if summing else []
    others = [
        _Work([job], partial(_foreign, job.metric, sample))
        for job in jobs
        if not isinstance(job.metric, BuiltIn)
    ]
    enough = min(resamples, max(FEWEST_RESAMPLES, ROWS_RESAMPLED // max(sample.n, 1)))
    if enough == resamples and large is sample:
        quick, slow = [], quick + slow
    _run(slow, Blocks(counts, enough, seed), sample.n, threads=enough * sample.n >= MUCH)
    _run(quick, Blocks(once, resamples, seed), len(once), threads=resamples * len(once) >= MUCH)
    for job in summing:
        job.joined = len(once) if large is not sample else 0
    # A third party's metrics stay in this thread.
    _run(others, Blocks(counts, enough, seed), sample.n, threads=False)


@dataclass(frozen=True)
class _Work:
    """What gives the figures of some jobs, for weights of shape (draws, clusters)."""

    jobs: list[Job]
    values: Callable[[Weights], list[Floats]]


def _run(works: Sequence[_Work], blocks: Blocks, width: int, *, threads: bool) -> None:
    """Do all works on every block of draws, about `CELLS` of elements at a time where a draw takes `width` of them.

    Each of several threads takes the next block: numpy mostly runs free of the interpreter.
    """
    if not works:
        return
    step, queue = max(1, CELLS // max(width, 1)), _Queue(len(blocks))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if not threads:
            _work(works, blocks, step, queue)
            return
        with ThreadPoolExecutor(THREADS) as pool:
            try:
                for future in [pool.submit(_work, works, blocks, step, queue) for _ in range(THREADS)]:
                    future.result()
            finally:
                queue.close()


class _Queue:
    """Numbers of blocks for several threads."""

    def __init__(self, blocks: int) -> None:
        self._numbers = iter(range(blocks))
        self._lock = Lock()
        self.open = True

    def __iter__(self) -> Iterator[int]:
        while True:
            with self._lock:
                number = next(self._numbers, None) if self.open else None
            if number is None:
                return
            yield number

    def close(self) -> None:
        """Give out no more: an interrupted run should not work on."""
        self.open = False


def _work(works: Sequence[_Work], blocks: Blocks, step: int, queue: _Queue) -> None:
    for number in queue:
        block = blocks[number]
        parts = [
            np.ascontiguousarray(block[start : start + step].T).T for start in range(0, len(block), step)
        ]
        for work in works:
            try:
                # What numpy does about divisions by zero and the like is set for each thread.
                with np.errstate(all="ignore"):
                    found = [work.values(part) for part in parts if queue.open]
            except Exception as error:
                for job in work.jobs:
                    job.fault = job.fault or f"the metric raised {type(error).__name__}: {error}"
                continue
            if not queue.open:
                return
            for job, *values in zip(work.jobs, *found, strict=True):
                job.chunks[number] = np.concatenate(values)


def _alone(estimator: Estimator, weights: Weights) -> list[Floats]:
    return [estimator(weights)]


def _foreign(metric: Metric, sample: Scores, weights: Weights) -> list[Floats]:
    return [checked(partial(metric.estimate, sample), np.ascontiguousarray(weights, np.int64))]


def _tables(jobs: list[Job], sample: Scores, counts: Ints) -> _Work:
    """All metrics that follow from sums by cluster, from one product of the weights and their sums."""
    own, sums = [], []
    for job in jobs:
        assert isinstance(job.metric, BuiltIn)
        metric, scores = job.metric.resampled_form(sample, counts)
        assert isinstance(metric, TableMetric)
        own.append(metric)
        sums.append(cluster_sums(metric.columns(scores), scores.cluster, scores.clusters))
    ends, table = np.cumsum([part.shape[1] for part in sums])[:-1], np.hstack(sums)

    def values(weights: Weights) -> list[Floats]:
        parts = np.split(weights.astype(np.float64) @ table, ends, axis=1)
        return [metric.from_sums(part) for metric, part in zip(own, parts, strict=True)]

    return _Work(jobs, values)


def checked(estimator: Estimator, weights: Ints) -> Floats:
    """The figures, with remarks on divisions by zero and the like kept quiet: what does not exist is NaN."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        values = np.asarray(estimator(weights), np.float64)
    if values.shape != (len(weights),):
        raise ValueError(f"estimate returned shape {values.shape} for {len(weights)} draws")
    return values
