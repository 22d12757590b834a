"""The figures of one task's rows: what its metrics want to know is gathered, and pairs are joined where they ask."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from harness.components.metric import Metric, Scores
from harness.metrics.base import uses
from harness.metrics.groups import MAX_GROUPS, Column, intersections
from harness.metrics.pairs import PairMetric, by_pair
from harness.metrics.score import MetricRequest, score_metrics
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.scoring.rows import Rows
from harness.tasks.answers import LABELS
from harness.tasks.spec import MetricSpec, TaskSpec

RESAMPLES = 10_000


def made(metric: MetricSpec) -> Metric:
    """A metric of a task, with its options. Raises `UnknownName` for one that is not installed."""
    found: Metric = make(registry().find("metric", metric.name), metric.options)
    return found


def probable(specs: Mapping[str, TaskSpec], asked_by: Collection[TaskSpec] = ()) -> set[str]:
    """The questions of which some metric wants probabilities: of the judge tasks, or of generator tasks that ask them."""
    return {
        metric.asks or name
        for name, spec in [*specs.items(), *((s.name, s) for s in asked_by)]
        for metric in spec.metrics
        if uses(made(metric), "probabilities")
    }


def scores_of(rows: Rows, metric: Metric, cluster: str) -> Scores:
    """What one metric scores: a row for each reply, or for each pair."""
    scores = rows.scores(cluster, placed=uses(metric, "positions"))
    return by_pair(scores, rows.pairs()) if _joins(metric) else scores


def score_rows(
    rows: Rows, metrics: Sequence[MetricSpec], spec: TaskSpec, seed: int, valid: Sequence[bool] | None = None
) -> dict[str, Any]:
    """Figures, baselines, confusion and warnings. `valid` marks the rows of a group of their own."""
    requests = [MetricRequest(m.name, made(m), m.primary) for m in metrics]
    # Where options vary by sample, a guess is among those shown.
    placed = bool(rows.answer.contrast) or any(uses(r.metric, "positions") for r in requests)
    scores = rows.scores(spec.cluster, placed=placed)
    names = dict.fromkeys([*spec.group.by, *(name for cross in spec.group.cross for name in cross)])
    columns = {name: rows.column(name) for name in names}
    groups = [({name: label}, mask) for name in spec.group.by for label, mask in columns[name].groups()]
    cells = [
        intersections({name: columns[name] for name in cross}, spec.group.smallest)
        for cross in spec.group.cross
    ]
    groups += [group for crossing in cells for group in crossing.groups]
    if valid is not None:
        groups.append(({"portraits": "valid"}, np.array(valid)))
    single = [r for r in requests if not _joins(r.metric)]
    table = score_metrics(scores, single, groups, seed=seed, resamples=RESAMPLES)
    figures, warnings = table.metrics, table.warnings
    joined = [r for r in requests if _joins(r.metric)]
    if joined:
        pairs = score_metrics(by_pair(scores, rows.pairs()), joined, seed=seed, resamples=RESAMPLES)
        # As the task lists them, and groups after the figures on everything.
        place = {m.name: number for number, m in enumerate(metrics)}
        figures = sorted(
            figures + pairs.metrics, key=lambda m: (bool(m["group"]), place[m["name"]] * (not m["group"]))
        )
        warnings = [*dict.fromkeys([*warnings, *pairs.warnings])]
    return {
        "metrics": figures,
        "baselines": table.baselines,
        "confusion": table.confusion,
        "warnings": [
            *warnings,
            *_scale(rows),
            *_groups(columns),
            *(warning for crossing in cells for warning in crossing.warnings),
        ],
    }


def _joins(metric: Metric) -> bool:
    return isinstance(metric, PairMetric) and metric.by_pair


def _scale(rows: Rows) -> list[str]:
    """Warns where labels lie outside the task's scale."""
    scale = rows.answer.scale
    outside = (
        sum(not scale.low <= float(t) <= scale.high for t in rows.truths if t is not None) if scale else 0
    )
    if scale is None or not outside:
        return []
    return [
        f"{outside} labels lie outside the scale {scale.low:g} to {scale.high:g}: mae, rmse and bias compare different scales"
    ]


def _groups(columns: Mapping[str, Column]) -> list[str]:
    """Warns of columns that no sample has, and of those with too many values to group by."""
    filled = {name: column for name, column in columns.items() if name not in LABELS and len(column.codes)}
    missing = [name for name, column in filled.items() if not column.labels and not column.many]
    many = [name for name, column in columns.items() if column.many]
    warnings = []
    if missing:
        warnings.append(f"no sample has the columns by which the task groups: {', '.join(missing)}")
    if many:
        warnings.append(f"not grouped by {', '.join(many)}: more than {MAX_GROUPS} different values")
    return warnings
