"""How far a task's primary metric drops from the first data set to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats
from harness.components.metric import Metric, Scores
from harness.metrics.collapsed import collapsed, detail
from harness.metrics.resampling import on_data, resample
from harness.records import Interval
from harness.results import DataSetValue, TaskResult, Transfer
from harness.scoring.rows import Key, Rows
from harness.scoring.score_rows import RESAMPLES, make_metric, scores_for
from harness.stats.intervals import percentile_interval
from harness.tasks.spec import TaskSpec

LEVEL = 0.95


def transfers(
    specs: Mapping[str, TaskSpec], rows: Mapping[Key, Rows], results: Sequence[TaskResult], seed: int
) -> list[Transfer]:
    """For each task and prompt variant that was asked on several data sets: the primary metric on each, and the drops.

    A drop is the value on the first set minus that on another; its interval comes from independent bootstrap resamples
    of both, by cluster. Where a value does not exist, or has no such resamples, the interval is null.
    """
    alike: dict[tuple[str, str | None], list[TaskResult]] = {}
    for result in results:
        alike.setdefault((result.task, result.prompt_variant), []).append(result)
    return [
        _transfer(specs[task], variant, group, rows, seed)
        for (task, variant), group in alike.items()
        if len(group) > 1
    ]


@dataclass(frozen=True)
class _Resampled:
    """A value, its bootstrap resamples (shape (resamples,), or empty), and the number of clusters."""

    value: float | None
    resamples: Floats
    clusters: int


def _transfer(
    spec: TaskSpec, variant: str | None, results: Sequence[TaskResult], rows: Mapping[Key, Rows], seed: int
) -> Transfer:
    metric, asked = make_metric(spec.primary), variant or spec.prompt_variants[0].name
    sets: list[DataSetValue] = []
    warnings: list[str] = []
    base: _Resampled | None = None
    known: set[int] = set()
    for number, result in enumerate(results):
        found, data = result.primary, result.data.name
        assert found is not None, "a task has exactly one primary metric"
        here = _Resampled(found.value, np.zeros(0), 0)
        mine = next(r for key, r in rows.items() if (key[0], *key[2:]) == (spec.name, data, asked))
        pictures = {picture for sample in mine.samples for picture in sample.pictures}
        shared = None if base is None else len(pictures & known)
        if base is None:
            known = pictures
        elif shared:
            warnings.append(
                f"{shared} of {len(pictures)} pictures of {data} are in {sets[0].data} too: "
                "the drop says less of other pictures, and its interval takes the sets as independent"
            )
        if found.value is not None:
            here = _resampled(found.value, scores_for(mine, metric, spec.cluster), metric, seed + number)
        sets.append(
            DataSetValue(
                data=data,
                value=found.value,
                low=found.low,
                high=found.high,
                n=found.n,
                shared=shared,
                drop=None if base is None else _drop(base, here),
            )
        )
        base = base or here
    return Transfer(
        task=spec.name,
        prompt_variant=variant,
        metric=spec.primary.name,
        direction=metric.direction,
        sets=sets,
        warnings=warnings,
    )


def _drop(base: _Resampled, other: _Resampled) -> Interval:
    if base.value is None or other.value is None:
        return Interval(value=None, low=None, high=None)
    interval = None
    resamples = min(len(base.resamples), len(other.resamples))
    if resamples:
        # As wide as the set with fewer clusters requires.
        differences = base.resamples[:resamples] - other.resamples[:resamples]
        interval = percentile_interval(differences, LEVEL, min(base.clusters, other.clusters))
    low, high = interval if interval is not None and interval[0] < interval[1] else (None, None)
    return Interval(value=base.value - other.value, low=low, high=high)


def _resampled(value: float, scores: Scores, metric: Metric, seed: int) -> _Resampled:
    sample, counts = collapsed(scores, detail(metric))
    clusters, job = int(counts.sum()), on_data(metric, sample, counts)
    if clusters > 1 and job.exists and metric.interval == "bootstrap":
        resample([job], sample, counts, seed, RESAMPLES)
    # If the metric failed on a resample, the result of its task already says so.
    return _Resampled(value, np.zeros(0) if job.fault or not job.chunks else job.values(), clusters)
