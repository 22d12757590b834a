"""How far a task's figure drops from the first data set to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.components.metric import Metric, Scores
from harness.metrics.collapsed import collapsed, uses_tables
from harness.metrics.resampling import first, resample
from harness.scoring.rows import Key, Rows
from harness.scoring.score_rows import RESAMPLES, made, scores_of
from harness.stats.bootstrap import percentile_interval
from harness.tasks.spec import TaskSpec

LEVEL = 0.95


def transfers(
    specs: Mapping[str, TaskSpec], rows: Mapping[Key, Rows], entries: Sequence[Mapping[str, Any]], seed: int
) -> list[dict[str, Any]]:
    """For each task and wording that was asked on several data sets: the primary figure on each, and the drops.

    A drop is the figure on the first set less that on another; its interval comes from independent bootstrap draws
    of both, by cluster. Where a figure does not exist, or has no such draws, the interval is null.
    """
    alike: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for entry in entries:
        alike.setdefault((entry["task"], entry["wording"]), []).append(entry)
    return [
        _transfer(specs[task], variant, group, rows, seed)
        for (task, variant), group in alike.items()
        if len(group) > 1
    ]


@dataclass(frozen=True)
class _Resampled:
    """A figure, what it is on each bootstrap draw (shape (draws,), or empty), and of how many clusters."""

    value: float | None
    resamples: Floats
    clusters: int


def _transfer(
    spec: TaskSpec,
    variant: str | None,
    entries: Sequence[Mapping[str, Any]],
    rows: Mapping[Key, Rows],
    seed: int,
) -> dict[str, Any]:
    metric, name = made(spec.primary), variant or spec.prompt_variants[0].name
    sets: list[dict[str, Any]] = []
    base: _Resampled | None = None
    for number, entry in enumerate(entries):
        figure, data = next(m for m in entry["metrics"] if m["primary"]), entry["data"]["name"]
        resampled_form = _Resampled(figure["value"], np.zeros(0), 0)
        if figure["value"] is not None:
            found = next(r for key, r in rows.items() if (key[0], *key[2:]) == (spec.name, data, name))
            resampled_form = _resampled(
                figure["value"], scores_of(found, metric, spec.cluster), metric, seed + number
            )
        sets.append(
            {
                "data": data,
                **{k: figure[k] for k in ("value", "low", "high", "n")},
                "drop": None if base is None else _drop(base, resampled_form),
            }
        )
        base = base or resampled_form
    return {"task": spec.name, "wording": variant, "metric": spec.primary.name, "direction": metric.direction,
            "sets": sets}  # fmt: skip


def _drop(base: _Resampled, other: _Resampled) -> dict[str, Any]:
    if base.value is None or other.value is None:
        return {"value": None, "low": None, "high": None}
    interval = None
    resamples = min(len(base.resamples), len(other.resamples))
    if resamples:
        # As wide as the set with fewer clusters asks for.
        apart = base.resamples[:resamples] - other.resamples[:resamples]
        interval = percentile_interval(apart, LEVEL, min(base.clusters, other.clusters))
    low, high = interval if interval is not None and interval[0] < interval[1] else (None, None)
    return {"value": base.value - other.value, "low": low, "high": high}


def _resampled(value: float, scores: Scores, metric: Metric, seed: int) -> _Resampled:
    sample, counts = collapsed(scores, uses_tables(metric))
    clusters, job = int(counts.sum()), first(metric, sample, counts)
    if clusters > 1 and job.exists and metric.interval == "bootstrap":
        resample([job], sample, counts, seed, RESAMPLES)
    # That the metric of a plugin failed on a draw stands in the entry already.
    return _Resampled(value, np.zeros(0) if job.fault or not job.chunks else job.values(), clusters)
