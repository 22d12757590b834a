"""Scores the rows of one task: gathers what its metrics use, joins the two orders of pairs, groups, and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.arrays import Ints, Mask
from harness.components.metric import Metric, Scores, ScoresColumn
from harness.metrics import groups as grouping
from harness.metrics.group_tests import group_tests
from harness.metrics.pairs import join_orders
from harness.metrics.score import MetricRequest, metric_tests, score_metrics
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.results import BaselineValue, ConfusionMatrix, HypothesisTest, MetricValue
from harness.scoring.extensions import extension_of
from harness.scoring.rows import Rows
from harness.tasks.answers import LABELS
from harness.tasks.spec import MetricSpec, TaskSpec

RESAMPLES = 10_000
SIGNIFICANT = 0.05
"""The level at which an interval and a test are compared: intervals are at 95%."""


@dataclass
class RowScores:
    """What the rows of a task come to; several questions of a generator task are added up."""

    metrics: list[MetricValue] = field(default_factory=list)
    baselines: list[BaselineValue] = field(default_factory=list)
    tests: list[HypothesisTest] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    confusion: ConfusionMatrix | None = None
    extensions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Distribution -> metric -> the fields that it adds."""

    def add(self, other: RowScores) -> None:
        """Append what another question came to."""
        self.metrics += other.metrics
        self.baselines += other.baselines
        self.tests += other.tests
        self.warnings += other.warnings
        self.confusion = self.confusion or other.confusion
        for dist, found in other.extensions.items():
            self.extensions[dist] = {**found, **self.extensions.get(dist, {})}


def make_metric(metric: MetricSpec) -> Metric:
    """A metric of a task, with its options. Raises `UnknownName` for one that is not installed."""
    found: Metric = make(registry().find("metric", metric.name), metric.options)
    return found


def columns_used(specs: Mapping[str, TaskSpec]) -> dict[str, frozenset[ScoresColumn]]:
    """Question -> the optional columns of `Scores` that its metrics use, in judge tasks or generator tasks that ask it."""
    used: dict[str, frozenset[ScoresColumn]] = {}
    for name, spec in specs.items():
        for metric in spec.metrics:
            question = metric.asks or name
            used[question] = used.get(question, frozenset()) | make_metric(metric).uses
    return used


def scores_for(rows: Rows, metric: Metric, cluster: str) -> Scores:
    """What one metric scores: a row for each reply, or for each pair."""
    scores = rows.scores(cluster, metric.uses)
    return join_orders(scores, rows.pairs()) if metric.joins_orders else scores


def score_rows(
    rows: Rows, metrics: Sequence[MetricSpec], spec: TaskSpec, seed: int, valid: Sequence[bool] | None = None
) -> RowScores:
    """Score one question. `valid` marks rows that form a group of their own."""
    requests = [MetricRequest(m.name, make_metric(m), m.primary) for m in metrics]
    used = frozenset[ScoresColumn]().union(*(request.metric.uses for request in requests))
    # Where options vary by sample, a chance baseline guesses among those shown.
    scores = rows.scores(
        spec.cluster, used | frozenset[ScoresColumn]({"positions"}) if rows.answer.contrast else used
    )
    shown = _groups(rows, spec)
    groups = [*shown.groups]
    if valid is not None:
        groups.append(({"portraits": "valid"}, np.array(valid)))
    by_reply = [request for request in requests if not request.metric.joins_orders]
    by_pair = [request for request in requests if request.metric.joins_orders]
    table = score_metrics(scores, by_reply, groups, seed=seed, resamples=RESAMPLES)
    values, warnings = table.metrics, table.warnings
    if by_pair:
        joined = join_orders(scores, rows.pairs())
        pairs = score_metrics(joined, by_pair, seed=seed, resamples=RESAMPLES)
        # In the order of the task, groups after the values on everything.
        place = {m.name: number for number, m in enumerate(metrics)}
        values = sorted(
            values + pairs.metrics, key=lambda m: (bool(m.group), 0 if m.group else place[m.name])
        )
        warnings = [*dict.fromkeys([*warnings, *pairs.warnings])]
    tests, test_warnings = _tests(requests, rows, spec, seed)
    for request in (request for request in by_reply if request.primary):
        found, notes = group_tests(request, scores, shown.tested, seed=seed, resamples=RESAMPLES)
        tests += [test.model_copy(update={"question": rows.question}) for test in found]
        test_warnings += notes
    test_warnings += _share_intervals(tests, values)
    extensions, extension_warnings = _extensions(requests, rows, spec)
    return RowScores(
        extensions=extensions,
        metrics=values,
        baselines=table.baselines,
        tests=tests,
        warnings=[*warnings, *_off_scale(rows), *shown.warnings, *test_warnings, *extension_warnings],
        confusion=table.confusion,
    )


def _tests(
    requests: Sequence[MetricRequest], rows: Rows, spec: TaskSpec, seed: int
) -> tuple[list[HypothesisTest], list[str]]:
    tests: list[HypothesisTest] = []
    warnings: list[str] = []
    for request in requests:
        metric = request.metric
        if type(metric).tests is Metric.tests:
            continue
        scores = scores_for(rows, metric, spec.cluster)
        found, problems = metric_tests(request, scores, rows.question, seed=seed, resamples=RESAMPLES)
        tests += found
        warnings += problems
    return tests, warnings


def _extensions(
    requests: Sequence[MetricRequest], rows: Rows, spec: TaskSpec
) -> tuple[dict[str, dict[str, dict[str, Any]]], list[str]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    warnings = []
    for request in requests:
        if type(request.metric).extension is Metric.extension:
            continue
        scores = scores_for(rows, request.metric, spec.cluster)
        fields, warning = extension_of(request.name, request.metric, scores)
        if fields is not None:
            dist = registry().find("metric", request.name).dist
            found.setdefault(dist, {})[request.name] = fields
        warnings += [warning] if warning else []
    return found, warnings


def _share_intervals(tests: Sequence[HypothesisTest], values: Sequence[MetricValue]) -> list[str]:
    """Give a test of a metric the value and interval that the metric has: a difference has one interval.

    Returns warnings of intervals that say something else than their test.
    """
    overall = {value.name: value for value in values if not value.group}
    warnings = []
    for test in tests:
        if test.name in overall:
            found = overall[test.name]
            test.value, test.low, test.high = found.value, found.low, found.high
            if found.low is not None and found.high is not None:
                excludes = found.low > 0 or found.high < 0
                if excludes != (test.p < SIGNIFICANT):
                    warnings.append(
                        f"{test.name}: the interval {'excludes' if excludes else 'contains'} 0, the test has p {test.p:.3f}: "
                        f"rely on the test ({test.method}), which is valid with few errors"
                    )
    return warnings


@dataclass(frozen=True)
class _Groups:
    """The groups that a task reports apart, the columns that are tested, and warnings about what is not reported."""

    groups: list[tuple[dict[str, str], Mask]]
    tested: dict[str, Ints]
    """Column -> the group of each row, shape (n,), -1 for those in none that is shown."""
    warnings: list[str]


def _groups(rows: Rows, spec: TaskSpec) -> _Groups:
    """Groups by single columns and by crossings. Labels are shown however few rows have one, and are not tested."""
    names = dict.fromkeys([*spec.group.by, *(name for cross in spec.group.cross for name in cross)])
    columns = {name: rows.column(name) for name in names}
    labels = {*LABELS, rows.answer.truth.field}
    singles = {
        name: grouping.intersections({name: columns[name]}, 1 if name in labels else spec.group.smallest)
        for name in spec.group.by
    }
    crossings = [
        grouping.intersections({name: columns[name] for name in cross}, spec.group.smallest)
        for cross in spec.group.cross
    ]
    cells = [*singles.values(), *crossings]
    return _Groups(
        [group for cell in cells for group in cell.groups],
        {name: cells.codes(len(rows.samples)) for name, cells in singles.items() if name not in labels},
        [*_ungrouped(columns), *grouping.small_cells(cells, spec.group.smallest)],
    )


def _ungrouped(columns: Mapping[str, grouping.Column]) -> list[str]:
    """Warns of columns that no sample has, and of those with too many values to group by."""
    filled = {name: column for name, column in columns.items() if name not in LABELS and len(column.codes)}
    missing = [name for name, column in filled.items() if not column.labels and not column.many]
    many = [name for name, column in columns.items() if column.many]
    warnings = []
    if missing:
        warnings.append(f"no sample has the columns by which the task groups: {', '.join(missing)}")
    if many:
        warnings.append(f"not grouped by {', '.join(many)}: more than {grouping.MAX_GROUPS} different values")
    return warnings


def _off_scale(rows: Rows) -> list[str]:
    """Warns where labels lie outside the task's scale."""
    scale = rows.answer.scale
    outside = (
        sum(not scale.low <= float(t) <= scale.high for t in rows.truths if t is not None) if scale else 0
    )
    if scale is None or not outside:
        return []
    return [
        f"{outside} labels lie outside the scale {scale.low:g} to {scale.high:g}: "
        "mae, rmse and bias compare different scales"
    ]
