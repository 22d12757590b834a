"""How far a task's figure drops from the first data set to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.components.metric import Floats, Metric, Scores
from harness.metrics.base import BuiltIn
from harness.metrics.interval import collapsed
from harness.run.figures import DRAWS, made, scores_of, wants
from harness.run.rows import Key, Rows
from harness.stats.bootstrap import cluster_weights, percentile_interval
from harness.taskspec import TaskSpec


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


def _transfer(spec: TaskSpec, wording: str | None, entries: Sequence[Mapping[str, Any]],
              rows: Mapping[Key, Rows], seed: int) -> dict[str, Any]:  # fmt: skip
    metric, first = made(spec.primary), None
    sets = []
    for number, entry in enumerate(entries):
        figure = next(m for m in entry["metrics"] if m["primary"])
        found = next(r for key, r in rows.items()
                     if (key[0], key[2], key[3]) == (spec.name, entry["data"]["name"], wording or spec.wordings[0].name))  # fmt: skip
        drawn = np.zeros(0)
        if figure["value"] is not None:
            drawn = _draws(scores_of(found.sorted(), metric, spec.cluster), metric, seed + number)
        part = {k: figure[k] for k in ("value", "low", "high", "n")} | {"data": entry["data"]["name"]}
        first = first or (figure["value"], drawn)
        sets.append(part | {"drop": None if number == 0 else _drop(first, (figure["value"], drawn))})
    return {"task": spec.name, "wording": wording, "metric": spec.primary.name, "direction": metric.direction,
            "sets": sets}  # fmt: skip


def _drop(first: tuple[float | None, Floats], other: tuple[float | None, Floats]) -> dict[str, Any]:
    if first[0] is None or other[0] is None:
        return {"value": None, "low": None, "high": None}
    low, high = None, None
    if len(first[1]) and len(other[1]):
        interval = percentile_interval(first[1] - other[1], 0.95)
        if interval is not None and interval[0] < interval[1]:
            low, high = interval
    return {"value": first[0] - other[0], "low": low, "high": high}


def _draws(scores: Scores, metric: Metric, seed: int) -> Floats:
    """The figure on each bootstrap draw, shape (draws,); empty where there is nothing to draw from."""
    sample, counts = collapsed(scores, tuple(w for w in ("positions", "probabilities") if wants(metric, w)))
    if counts.sum() < 2 or metric.interval != "bootstrap" or not metric.resampled:
        return np.zeros(0)
    drawn = []
    estimator = metric.draw_estimator(sample, counts) if isinstance(metric, BuiltIn) else None
    for weights in cluster_weights(counts, DRAWS, seed, sample.n):
        try:
            with np.errstate(all="ignore"):
                drawn.append(metric.estimate(sample, weights) if estimator is None else estimator(weights))
        except Exception:  # a plugin's metric may fail on a draw; that its interval is missing says so
            return np.zeros(0)
    return np.concatenate(drawn)
