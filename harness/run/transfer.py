"""How far a task's figure drops from the first data set to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.components.metric import Floats, Metric, Scores
from harness.metrics.base import BuiltIn
from harness.metrics.interval import collapsed, uses_tables
from harness.run.figures import DRAWS, made, scores_of
from harness.run.rows import Key, Rows
from harness.stats.bootstrap import cluster_weights, percentile_interval
from harness.taskspec import TaskSpec

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
    return [_transfer(specs[task], wording, group, rows, seed)
            for (task, wording), group in alike.items() if len(group) > 1]  # fmt: skip


@dataclass(frozen=True)
class _Drawn:
    """A figure, what it is on each bootstrap draw (shape (draws,), or empty), and of how many clusters."""

    value: float | None
    draws: Floats
    clusters: int


def _transfer(spec: TaskSpec, wording: str | None, entries: Sequence[Mapping[str, Any]],
              rows: Mapping[Key, Rows], seed: int) -> dict[str, Any]:  # fmt: skip
    metric, name = made(spec.primary), wording or spec.wordings[0].name
    sets: list[dict[str, Any]] = []
    first: _Drawn | None = None
    for number, entry in enumerate(entries):
        figure, data = next(m for m in entry["metrics"] if m["primary"]), entry["data"]["name"]
        drawn = _Drawn(figure["value"], np.zeros(0), 0)
        if figure["value"] is not None:
            found = next(r for key, r in rows.items() if (key[0], *key[2:]) == (spec.name, data, name))
            drawn = _drawn(figure["value"], scores_of(found, metric, spec.cluster), metric, seed + number)
        sets.append({"data": data, **{k: figure[k] for k in ("value", "low", "high", "n")},
                     "drop": None if first is None else _drop(first, drawn)})  # fmt: skip
        first = first or drawn
    return {"task": spec.name, "wording": wording, "metric": spec.primary.name, "direction": metric.direction,
            "sets": sets}  # fmt: skip


def _drop(first: _Drawn, other: _Drawn) -> dict[str, Any]:
    if first.value is None or other.value is None:
        return {"value": None, "low": None, "high": None}
    interval = None
    if len(first.draws) and len(other.draws):
        # As wide as the set with fewer clusters asks for.
        interval = percentile_interval(first.draws - other.draws, LEVEL, min(first.clusters, other.clusters))
    low, high = interval if interval is not None and interval[0] < interval[1] else (None, None)
    return {"value": first.value - other.value, "low": low, "high": high}


def _drawn(value: float, scores: Scores, metric: Metric, seed: int) -> _Drawn:
    sample, counts = collapsed(scores, uses_tables(metric))
    nothing = _Drawn(value, np.zeros(0), int(counts.sum()))
    if counts.sum() < 2 or metric.interval != "bootstrap" or not metric.resampled:
        return nothing
    draws = []
    for weights in cluster_weights(counts, DRAWS, seed, sample.n):
        try:
            with np.errstate(all="ignore"):
                draws.append(metric.estimate(sample, weights))
        except Exception:  # a plugin's metric may fail on a draw; that its interval is missing says so
            if isinstance(metric, BuiltIn):
                raise
            return nothing
    return replace(nothing, draws=np.concatenate(draws))
