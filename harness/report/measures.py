"""Sections about how well models do: the ladder, metrics, groups, gaps, agreement and people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.report.blocks import (
    DASH,
    Cell,
    Column,
    Details,
    Section,
    Table,
    columns,
    estimate,
    metric_cell,
    number,
    probability,
    rows_cell,
    table_of,
    value_cell,
    words,
)
from harness.report.entries import Entry
from harness.report.stored import StoredReport
from harness.reporters import formatting
from harness.results import HUMAN, HypothesisTest, MetricValue, TaskResult

GAP = "valence_gap"


def named(name: str, run: StoredReport, runs: Sequence[StoredReport]) -> str:
    """What a row is about, with its run where there are several."""
    return name if len(runs) < 2 else f"{name} \N{MIDDLE DOT} {run.name}"


def ladder(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table:
    """One row a task: value and interval of each run, the best baseline, people, n, unparsed, failed."""
    several = len(runs) > 1
    rows = []
    for entry in entries:
        for k, task in entry.held():
            main = task.primary
            if main is None:
                continue
            trivial, (person, judge) = task.best_baseline, people(task, main)
            baseline = (
                Cell(DASH) if trivial is None else Cell(figure=number(trivial.value), extra=(trivial.name,))
            )
            rows.append([
                words(entry.name), words("" if several else task.stage), words(runs[k].name if several else ""), words(main.name), metric_cell(main),
                baseline, person, judge, rows_cell(main.n, main.clusters), value_cell(task.unparsed, count=True), value_cell(task.failed, count=True),
            ])  # fmt: skip
    heads = [
        *map(Column, ("Task", "Stage", "Model", "Metric")),
        *columns(
            "", "Value and 95% interval", "Best baseline", "One person", "Model against the same people"
        )[1:],
        *columns("", "n", "Unparsed", "Failed")[1:],
    ]
    note = "n in c: n rows of c people, prompts or pairs, the units of resampling."
    return Table("The ladder, coarse to nuance", heads, rows, note)


def people(task: TaskResult, metric: MetricValue) -> tuple[Cell, Cell]:
    """What one person reaches, and the model against the same people. Results of earlier versions have a baseline instead."""
    ceiling = task.people.ceiling if task.people else None
    if ceiling is not None and ceiling.judge is not None and ceiling.value is not None:
        return estimate(ceiling), estimate(ceiling.judge)
    old = next((b.value for b in task.baselines if b.metric == metric.name and b.name == HUMAN), None)
    return value_cell(old), Cell()


def metrics(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Section:
    """Every metric on all rows, with baselines; tests, repeats and prompt variants."""
    section = Section(
        "metrics",
        "All metrics",
        "Each value with its 95% interval by cluster, beside what trivial predictors reach on the same rows. The primary metric is marked *.",
    )
    for entry in entries:
        rows = [
            [
                words(named(metric.name + (" *" if metric.primary else ""), runs[k], runs)), metric_cell(metric),
                rows_cell(metric.n, metric.clusters), words(formatting.baselines(task, metric.name)), words(metric.method or ""),
            ]
            for name in dict.fromkeys(m.name for _, t in entry.held() for m in t.metrics if not m.group)
            for k, task in entry.held()
            for metric in task.metrics
            if metric.name == name and not metric.group
        ]  # fmt: skip
        heads = [
            *columns("Metric", "Value and 95% interval", "n"),
            Column("Baselines"),
            Column("Interval by"),
        ]
        blocks: list[Any] = [Table(entry.name, heads, rows)] if rows else []
        blocks += _extras(entry, runs, ("test", "repeats"))
        section.blocks += blocks
    for k, run in enumerate(runs):
        for name, lines in formatting.across_tasks(run.results):
            caption = named(name[:1].upper() + name[1:], runs[k], runs)
            section.blocks.append(table_of(caption, ("Task", *formatting.COLUMNS[name]), lines))
    return section


def _extras(entry: Entry, runs: Sequence[StoredReport], names: Sequence[str]) -> Iterator[Table]:
    """Tables below the metrics of an entry, one for each run that has one."""
    for k, task in entry.held():
        for name, lines in formatting.within_task(task):
            if name in names:
                title = f"{entry.name}: {'tests' if name == 'test' else name}"
                first = {"test": "Test", "repeats": "Repeats"}.get(name, "Measure")
                yield table_of(named(title, runs[k], runs), (first, *formatting.COLUMNS[name]), lines)


def groups(
    entries: Sequence[Entry], runs: Sequence[StoredReport], chart: Callable[[str, TaskResult], Any]
) -> Section:
    """The primary metric by each column, and the test of equal values in all groups with Holm's correction."""
    section = Section(
        "groups",
        "Groups",
        "The primary metric in each group. A column is tested once for equal values in all its groups; p is corrected for all tests of the run (Holm).",
    )
    for entry in entries:
        tables = list(_group_tables(entry, runs))
        # With many runs, charts of each would bury the tables.
        drawn = []
        if tables and len(runs) < 3:
            drawn = [chart(named(entry.name, runs[k], runs), task) for k, task in entry.held()]
        if tables:
            shown = [block for block in drawn if block is not None]
            section.blocks += (
                [*shown, Details(f"{entry.name}: groups as tables", tables)] if shown else tables
            )
    return section


def _group_tables(entry: Entry, runs: Sequence[StoredReport]) -> Iterator[Table]:
    by_column: dict[str, dict[str, dict[tuple[int, str], MetricValue]]] = {}
    for k, task in entry.held():
        for column, values in formatting.grouped(task):
            for value, found in values:
                cells = by_column.setdefault(column, {}).setdefault(value, {})
                cells.update({(k, metric.name): metric for metric in found})
    for column, by_value in by_column.items():
        names = list(dict.fromkeys(name for cells in by_value.values() for _, name in cells))
        for name in names:
            held = [k for k, _ in entry.held()]
            rows = [
                [
                    words(value),
                    *(
                        c
                        for k in held
                        for c in _group_cells(cells.get((k, name)), name, column, entry.tasks[k])
                    ),
                ]
                for value, cells in by_value.items()
                if any((k, name) in cells for k in held)
            ]
            heads = [h for k in held for h in (f"{runs[k].name} {name}" if len(runs) > 1 else name, "n")]
            yield Table(
                f"{entry.name}: {name} by {column}",
                columns(column, *heads),
                rows,
                _tested(entry, runs, name, column),
            )


def _group_cells(
    metric: MetricValue | None, name: str, column: str, task: TaskResult | None
) -> tuple[Cell, Cell]:
    return metric_cell(metric), Cell() if metric is None else rows_cell(metric.n, metric.clusters)


def _tested(entry: Entry, runs: Sequence[StoredReport], name: str, column: str) -> str:
    """What the tests between the groups of a column say."""
    found = []
    for k, task in entry.held():
        for test in task.tests:
            if test.name == f"{name} by {column}":
                p, adjusted = formatting.probability(test.p), formatting.probability(test.p_adjusted)
                found.append(named(f"p {p}, corrected {adjusted}", runs[k], runs))
    return "Equal in all groups? " + "; ".join(found) + "." if found else ""


def valence(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Table | None:
    """How much better positive emotions are than negative ones, with the test."""
    rows = []
    for entry in entries:
        for k, task in entry.held():
            gap = next((m for m in task.metrics if m.name == GAP and not m.group), None)
            if gap is not None:
                test: HypothesisTest | None = next((t for t in task.tests if t.name == GAP), None)
                p = (probability(test.p), probability(test.p_adjusted)) if test else (Cell(), Cell())
                rows.append(
                    [
                        words(named(entry.name, runs[k], runs)),
                        estimate(gap, signed=True),
                        *p,
                        rows_cell(gap.n, gap.clusters),
                    ]
                )
    heads = columns("Task", "Positive minus negative, 95% interval", "p", "p (Holm)", "n")
    return Table("Gap between positive and negative emotions", heads, rows) if rows else None


def agreement(entries: Sequence[Entry], runs: Sequence[StoredReport]) -> Section:
    """How far judges agree, what people said of the same pictures, and values calibrated on people."""
    section = Section(
        "agreement",
        "Judges and people",
        "How far judges agree with each other, how far people do, and what one person reaches on the same pictures.",
    )
    for entry in entries:
        for name in ("agreement of judges", "people", "calibrated on people"):
            section.blocks += _extras(entry, runs, (name,))
    return section
