"""How comparisons and reports of the gate are written, the same in every form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.comparing.records import ChangedSample, ComparedRun, ComparedValue, Comparison, RunDifference
from harness.gating.records import Check, SelfTest
from harness.reporters.formatting import interval, number, probability

SIGNIFICANT = 0.05
LONGEST_LABEL = 18
"""Characters of a run's label in the head of a column."""
LEGEND = (
    "difference: the run minus the first, [95% interval]; p: Holm-corrected over all differences here; * p < 0.05",
    "detects: the smallest difference that the test finds with power 0.8; n in c: n samples in c clusters",
)


@dataclass(frozen=True)
class Names:
    """Which names tell the rows of a report apart, and those that all rows share."""

    shown: frozenset[str]
    shared: dict[str, str] = field(default_factory=dict)


def names(rows: Sequence[ComparedValue | Check | ChangedSample]) -> Names:
    """The names that differ between rows: `data`, `judge` and `prompt_variant`; the others once for all."""
    shown, shared = set(), {}
    for name in ("data", "judge", "prompt_variant"):
        found = {getattr(row, name) for row in rows}
        if len(found) > 1:
            shown.add(name)
        elif found and (value := found.pop()) is not None:
            shared[name] = value
    return Names(frozenset(shown), shared)


def context(shared: dict[str, str], separator: str = " \N{MIDDLE DOT} ") -> str:
    """What all rows share, on one line."""
    words = {"data": "on", "judge": "judge", "prompt_variant": "prompt variant"}
    return separator.join(f"{words[name]} {value}" for name, value in shared.items())


def place(row: ComparedValue | Check | ChangedSample | SelfTest, shown: frozenset[str]) -> str:
    """The task, and what else tells it apart."""
    parts = [row.task]
    if "data" in shown:
        parts.append(f"on {row.data}")
    if "judge" in shown and row.judge:
        parts.append(f"judge {row.judge}")
    if "prompt_variant" in shown and row.prompt_variant:
        parts.append(f"prompt variant {row.prompt_variant}")
    return ", ".join(parts)


def metric_name(row: ComparedValue | Check) -> str:
    """The metric, with its direction where lower is better."""
    lower = row.kind == "metric" and row.direction == "lower"
    return f"{row.metric} (lower is better)" if lower else row.metric


def group_name(row: ComparedValue | Check) -> str:
    """The group, as `column=value`; nothing for a value on all rows."""
    return ", ".join(f"{column}={value}" for column, value in row.group.items())


def measure(row: ComparedValue | Check) -> str:
    """The metric and the group."""
    return ", ".join(filter(None, (metric_name(row), group_name(row))))


def label_lines(
    row: ComparedValue | Check, previous: ComparedValue | Check | None, shown: frozenset[str]
) -> list[str]:
    """The lines that name a row, without those that the row before it already has: task, metric, group."""
    named = place(row, shown)
    group = group_name(row)
    if previous is None or place(previous, shown) != named:
        lines = [named, metric_name(row)]
    else:
        lines = [] if group and previous.metric == row.metric else [metric_name(row)]
    return [*lines, *([f"  {group}"] if group else [])]


def visible(comparison: Comparison) -> list[ComparedValue]:
    """The rows that say something: shares of unparsed replies and failures that are zero throughout do not."""
    return [
        row
        for row in comparison.rows
        if row.kind == "metric"
        or any(row.values)
        or any(difference is not None and difference.value for difference in row.differences)
    ]


def rows_in(row: ComparedValue | Check) -> str:
    """How many rows entered, and in how many clusters where these are fewer."""
    return f"{row.n} in {row.clusters}" if 0 < row.clusters < row.n else str(row.n)


def signed(value: float | None) -> str:
    """A difference with its sign, zero without one; a dash where it does not exist."""
    if value is None:
        return number(None)
    # Also what rounds to zero: "-0.000" reads like a loss.
    return f"{value:+.3f}" if abs(value) >= 0.0005 else number(0.0)


def significant(difference: RunDifference | None) -> bool:
    """Whether the difference is significant after the correction."""
    return (
        difference is not None and difference.p_adjusted is not None and difference.p_adjusted < SIGNIFICANT
    )


def p_value(p: float | None) -> str:
    """A p value; a dash where there is no test."""
    return number(None) if p is None else probability(p)


def change(difference: RunDifference | None) -> str:
    """The difference and its interval."""
    return (
        number(None) if difference is None else f"{signed(difference.value)} {interval(difference)}".strip()
    )


def better(row: ComparedValue, difference: RunDifference | None) -> bool | None:
    """Whether a significant difference is for the better; None where it is not significant or has no direction."""
    if difference is None or not significant(difference) or not difference.value or row.direction == "none":
        return None
    return (difference.value > 0) == (row.direction == "higher")


def flips(difference: RunDifference | None) -> str:
    """How many samples are newly wrong and newly right; nothing for metrics that are no shares."""
    if difference is None or difference.newly_wrong is None or difference.newly_right is None:
        return ""
    return f"{difference.newly_wrong} / {difference.newly_right}"


def labels(runs: Sequence[ComparedRun]) -> list[str]:
    """A short label for each run: model, release or name if short and all different, else a number."""
    candidates = (
        [run.model for run in runs],
        [f"{run.model} {run.release}" if run.release else "" for run in runs],
        [run.release or "" for run in runs],
        [run.name for run in runs],
    )
    for found in candidates:
        if len(set(found)) == len(runs) and all(0 < len(label) <= LONGEST_LABEL for label in found):
            return found
    return [f"run {number}" for number in range(1, len(runs) + 1)]


def described(run: ComparedRun) -> str:
    """A run on one line: name, model, release, when it was made, whether it is complete."""
    parts = [run.name, f"model {run.model}"]
    if run.release:
        parts.append(f"release {run.release}")
    parts.append(run.created)
    return " \N{MIDDLE DOT} ".join(parts) + ("" if run.complete else "  (incomplete)")


def ordered_samples(comparison: Comparison) -> list[ChangedSample]:
    """The changed samples, those newly wrong first."""
    return sorted(comparison.samples, key=lambda sample: sample.change != "newly wrong")


SAMPLE_COLUMNS = ("sample", "change", "truth", "before", "after", "task", "run")


def sample_cells(comparison: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of the changed samples; columns with one value throughout are omitted."""
    found = ordered_samples(comparison)
    shown = names(found).shown
    by_name = dict(zip([run.name for run in comparison.runs], labels(comparison.runs), strict=True))
    rows = [
        (
            s.sample + (f" (repeat {s.repeat})" if s.repeat else ""),
            s.change,
            s.truth,
            s.before,
            s.after,
            place(s, shown),
            by_name.get(s.run, s.run),
        )
        for s in found
    ]
    optional = {"task", "run"}
    kept = [
        k
        for k, column in enumerate(SAMPLE_COLUMNS)
        if column not in optional or len({row[k] for row in rows}) > 1
    ]
    return tuple(SAMPLE_COLUMNS[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]
