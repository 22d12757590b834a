"""The entries of several runs, lined up: what each run found on the same task, data, judge and prompt variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.charts.names import STAGES, EntryKey, entry_names
from harness.report.stored import StoredReport
from harness.results import MetricValue, TaskResult


@dataclass(frozen=True)
class Entry:
    """One task, data set, judge and prompt variant, in all runs."""

    key: EntryKey
    name: str
    tasks: Sequence[TaskResult | None]
    """One for each run; None where it has none."""

    @property
    def first(self) -> TaskResult:
        """The first run's results, or those of the first run that has any."""
        return next(task for task in self.tasks if task is not None)

    @property
    def metric(self) -> MetricValue | None:
        """The primary metric of the first of its results."""
        return self.first.primary

    def held(self) -> Iterator[tuple[int, TaskResult]]:
        """The runs that have it, by number, with their results."""
        yield from ((number, task) for number, task in enumerate(self.tasks) if task is not None)

    def filter(self, run: int | None = None, **more: str) -> Mapping[str, object]:
        """What picks its rows in the gallery."""
        key = self.key
        chosen: dict[str, object] = {
            "task": key.task,
            "data": key.data,
            "judge": key.judge,
            "variant": key.variant,
        }
        return {**chosen, **({} if run is None else {"run": run}), **more}


def line_up(runs: Sequence[StoredReport]) -> list[Entry]:
    """All entries, coarse to nuance, else in the order of the runs."""
    keys = list(dict.fromkeys(run.key_of(task) for run in runs for task in run.results.tasks))
    names = entry_names(keys)
    found = [Entry(key, names[key], [run.entry(key) for run in runs]) for key in keys]
    return sorted(
        found, key=lambda e: STAGES.index(e.first.stage) if e.first.stage in STAGES else len(STAGES)
    )


def is_panel(task: TaskResult, judges: Sequence[str]) -> bool:
    """Whether an entry is of all judges together: it has no answers of its own."""
    return task.role == "generator" and task.judge is not None and task.judge not in judges
