"""Values of several metrics on the same bootstrap resamples, on several threads where there is much to do."""

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
from harness.components.metric import Estimator, Metric, Scores, checked, quietly
from harness.metrics.base import cluster_sums
from harness.metrics.collapsed import join_clusters
from harness.stats.weights import CELLS, Blocks, Weights

THREADS = min(4, os.cpu_count() or 1)
MUCH = 1 << 22
"""Rows, or clusters that are summed over, times resamples, from which threads are worth starting."""
ROWS_RESAMPLED, FEWEST_RESAMPLES = 80_000_000, 500
"""Limits for metrics that need every row again on each resample: rows times resamples, and the fewest resamples.
Beyond the first, a `smooth` metric gets a jackknife interval and others get fewer resamples; the method says so."""


@dataclass(eq=False)
class MetricJob:
    """A metric being resampled: its value on the data as they are, and on each chunk of resamples so far."""

    metric: Metric
    value: float
    fault: str = ""
    chunks: dict[int, Floats] = field(default_factory=dict)
    joined: int = 0
    """How many clusters the data were joined to before resampling; 0 where they were not joined."""

    @property
    def exists(self) -> bool:
        """Whether it has a value that needs an interval."""
        return math.isfinite(self.value) and self.metric.resampled

    def values(self) -> Floats:
        """The value on each resample, shape (resamples,), in their order."""
        return np.concatenate([self.chunks[number] for number in sorted(self.chunks)])


def by_jackknife(job: MetricJob, sample: Scores, counts: Ints, resamples: int) -> bool:
    """Whether a job gets a jackknife interval: always, or because so many resamples would be too much work."""
    if job.metric.interval == "jackknife" or counts.sum() < job.metric.jackknife_below:
        return True
    if not job.exists or sample.n * resamples <= ROWS_RESAMPLED:
        return False
    try:
        return job.metric.smooth(sample, counts)
    except Exception as error:
        job.fault = _raised(error)
        return False


def on_data(metric: Metric, sample: Scores, counts: Ints) -> MetricJob:
    """The value on the data as they are. A metric that raises gives none, and the job says what it raised."""
    if not sample.n or sample.kind not in metric.kinds:
        return MetricJob(metric, math.nan)
    try:
        found = quietly(lambda: checked(metric.estimate(sample, counts[None].copy()), 1))
        return MetricJob(metric, float(found[0]))
    except Exception as error:
        return MetricJob(metric, math.nan, _raised(error))


def resample(jobs: Sequence[MetricJob], sample: Scores, counts: Ints, seed: int, resamples: int) -> None:
    """Give each job its values on the resamples. They do not depend on the number of threads.

    Very many clusters are joined for metrics that sum over them, not for those that need each row anyway.
    """
    summing: list[MetricJob] = []
    slow: list[_Work] = []
    unsafe: list[_Work] = []
    for job in jobs:
        try:
            metric, scores = job.metric.prepared(sample, counts)
            if metric.summed:
                summing.append(job)
            else:
                work = _Work([job], partial(_alone, metric.estimator(scores)))
                (slow if metric.thread_safe else unsafe).append(work)
        except Exception as error:
            job.fault = _raised(error)
    large, once = join_clusters(sample, counts, seed) if summing else (sample, counts)
    quick = [work for work in [_tables(summing, large, once)] if work.jobs] if summing else []
    enough = min(resamples, max(FEWEST_RESAMPLES, ROWS_RESAMPLED // max(sample.n, 1)))
    if enough == resamples and large is sample:
        quick, slow = [], quick + slow
    _run(slow, Blocks(counts, enough, seed), sample.n, threads=enough * sample.n >= MUCH)
    _run(quick, Blocks(once, resamples, seed), len(once), threads=resamples * len(once) >= MUCH)
    for job in summing:
        job.joined = len(once) if large is not sample else 0
    _run(unsafe, Blocks(counts, enough, seed), sample.n, threads=False)


@dataclass(frozen=True)
class _Work:
    """Computes the values of some jobs for weights of shape (resamples, clusters)."""

    jobs: list[MetricJob]
    values: Callable[[Weights], list[Floats]]


def _run(works: Sequence[_Work], blocks: Blocks, width: int, *, threads: bool) -> None:
    """Do all works on every block of resamples, about `CELLS` elements at a time where a resample takes `width` of them.

    Each of several threads takes the next block: numpy mostly releases the interpreter lock.
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
        """Hand out no more blocks: an interrupted run should stop."""
        self.open = False


def _work(works: Sequence[_Work], blocks: Blocks, step: int, queue: _Queue) -> None:
    for number in queue:
        block = blocks[number]
        parts = [
            np.ascontiguousarray(block[start : start + step].T).T for start in range(0, len(block), step)
        ]
        for work in works:
            try:
                # numpy keeps its error state per thread.
                with np.errstate(all="ignore"):
                    found = [work.values(part) for part in parts if queue.open]
            except Exception as error:
                for job in work.jobs:
                    job.fault = job.fault or _raised(error)
                continue
            if not queue.open:
                return
            for job, *values in zip(work.jobs, *found, strict=True):
                job.chunks[number] = np.concatenate(values)


def _alone(estimator: Estimator, weights: Weights) -> list[Floats]:
    return [checked(estimator(weights), len(weights))]


def _tables(jobs: list[MetricJob], sample: Scores, counts: Ints) -> _Work:
    """All metrics that follow from sums by cluster, from one product of the weights and the sums."""
    working: list[tuple[MetricJob, Metric]] = []
    sums = []
    for job in jobs:
        try:
            metric, scores = job.metric.prepared(sample, counts)
            sums.append(cluster_sums(metric.columns(scores), scores.cluster, scores.clusters))
            working.append((job, metric))
        except Exception as error:
            job.fault = _raised(error)
    ends, table = np.cumsum([part.shape[1] for part in sums])[:-1], np.hstack(sums or [np.zeros((0, 0))])

    def values(weights: Weights) -> list[Floats]:
        parts = np.split(weights.astype(np.float64) @ table, ends, axis=1)
        return [_from_sums(*pair, part) for pair, part in zip(working, parts, strict=True)]

    return _Work([job for job, _ in working], values)


def _from_sums(job: MetricJob, metric: Metric, sums: Floats) -> Floats:
    try:
        return checked(metric.from_sums(sums), len(sums))
    except Exception as error:
        job.fault = job.fault or _raised(error)
        return np.full(len(sums), np.nan)


def _raised(error: Exception) -> str:
    return f"the metric raised {type(error).__name__}: {error}"
