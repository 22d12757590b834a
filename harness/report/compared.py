"""Several runs side by side: paired differences with the first one, and the pictures won and lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.charts.names import EntryKey
from harness.comparing.compare import compare_loaded
from harness.comparing.loaded import load_run
from harness.comparing.records import ComparedValue, Comparison, RunDifference
from harness.errors import HarnessError
from harness.report.answers import Answers, Unit
from harness.report.blocks import (
    Cell,
    Column,
    Notes,
    Section,
    Strip,
    Table,
    Tone,
    as_filter,
    columns,
    estimate,
    number,
    probability,
    rows_cell,
    value_cell,
    words,
)
from harness.report.stored import StoredReport

RIGHT, WRONG = "newly right", "newly wrong"


def compare_runs(runs: Sequence[StoredReport]) -> Comparison | str:
    """The comparison of all runs with the first one, runs named as on the page; or why there is none."""
    loaded = []
    try:
        for run in runs:
            found = load_run(run.path)
            loaded.append(replace(found, record=replace(found.record, name=run.name)))
        return compare_loaded(loaded, samples=True)
    except HarnessError as e:
        return e.message


def mark_changes(
    found: Comparison, answers: Answers, places: Mapping[Unit, int], runs: Sequence[StoredReport]
) -> None:
    """Mark the rows whose correctness changed against the first run, in that run and in the other one."""
    numbers = {run.name: number for number, run in enumerate(runs)}
    for change in found.samples:
        key = EntryKey(change.task, change.data, change.judge or "", change.prompt_variant or "")
        row = places.get((numbers[change.run], key, change.sample, change.repeat))
        if row is not None:
            answers.rows["change"].put(row, change.change)


def section(found: Comparison | str | None, runs: Sequence[StoredReport]) -> Section:
    """The differences, and the pictures won and lost."""
    first = runs[0].name
    shown = Section(
        "compare", "Differences",
        f"Each model minus {first}, paired on the samples that all runs share; intervals by cluster, p corrected for everything shown (Holm).",
    )  # fmt: skip
    if not isinstance(found, Comparison):
        shown.lead = ""
        shown.blocks.append(Notes("These runs are not compared", [str(found)]))
        return shown
    rows = [
        [*_about(value, found), *_difference(value, difference, number, runs)]
        for value in found.rows
        if value.kind == "metric" or any(value.values)
        for number, difference in enumerate(value.differences, 1)
    ]
    heads = [Column("Task"), Column("Metric"), Column("Model"), *columns("", first, runs[1].name if len(runs) == 2 else "Value", "Difference and 95% interval", "p (Holm)", "Newly right", "Newly wrong", "n")[1:], Column("Verdict")]  # fmt: skip
    shown.blocks.append(Table("Paired differences", heads, rows))
    shown.blocks += strips(found, runs)
    if found.warnings:
        shown.blocks.append(Notes("What is not compared", found.warnings))
    return shown


def _about(value: ComparedValue, found: Comparison) -> list[Cell]:
    several = {
        name: len({getattr(row, name) for row in found.rows}) > 1
        for name in ("data", "judge", "prompt_variant")
    }
    parts = [
        value.task,
        *(str(getattr(value, name)) for name, differs in several.items() if differs and getattr(value, name)),
    ]
    return [words(" \N{MIDDLE DOT} ".join(parts)), words(value.metric)]


def _difference(
    value: ComparedValue, difference: RunDifference | None, run: int, runs: Sequence[StoredReport]
) -> list[Cell]:
    other = words(runs[run].name if len(runs) > 2 else "")
    row = [other, value_cell(value.values[0]), value_cell(value.values[run])]
    if difference is None:
        return [*row, Cell(), Cell(), Cell(), Cell(), rows_cell(value.n, value.clusters), words("")]
    says, tone = verdict(value, difference)
    changed = [
        Cell() if count is None else Cell(figure=number(count, count=True))
        for count in (difference.newly_right, difference.newly_wrong)
    ]
    return [
        *row,
        estimate(difference, signed=True),
        probability(difference.p_adjusted),
        *changed,
        rows_cell(value.n, value.clusters),
        words(says, tone),
    ]


def verdict(value: ComparedValue, difference: RunDifference) -> tuple[str, Tone]:
    """Whether a difference is shown at 5% after the correction, and in which direction."""
    if difference.value is None or difference.p_adjusted is None:
        return "no test", "muted"
    if difference.p_adjusted > 0.05:
        return "not shown to differ", "muted"
    if value.direction == "none":
        return "differs", "warn"
    better = (difference.value > 0) == (value.direction == "higher")
    return ("better", "good") if better else ("worse", "bad")


def strips(found: Comparison, runs: Sequence[StoredReport]) -> list[Strip]:
    """The pictures won and lost, a strip for each task and run."""
    counted = Counter(
        (c.task, c.data, c.judge or "", c.prompt_variant or "", c.run, c.change) for c in found.samples
    )
    numbers = {run.name: number for number, run in enumerate(runs)}
    shown = []
    order = list(dict.fromkeys(key[:4] for key in counted))
    ordered = sorted(
        counted.items(), key=lambda item: (order.index(item[0][:4]), numbers[item[0][4]], item[0][5] == WRONG)
    )
    for (task, data, judge, variant, run, change), count in ordered:
        chosen = as_filter(
            {
                "task": task,
                "data": data,
                "judge": judge,
                "variant": variant,
                "change": change,
                "run": numbers[run],
            }
        )
        where = f"{task} \N{MIDDLE DOT} {judge}" if judge else task
        title = f"{where}: {change}" + (f" in {run}" if len(runs) > 2 else "")
        shown.append(Strip(title, chosen, count, "good" if change == RIGHT else "bad"))
    return shown
