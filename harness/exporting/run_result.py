"""What a run gives a caller from Python: its folder, its results, and its questions as data frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.exporting.frames import frame
from harness.exporting.lookup import find_metric, where
from harness.exporting.notebook import as_html
from harness.exporting.sample_columns import SampleColumns
from harness.exporting.samples import SampleRow, iter_samples
from harness.results import MetricValue, Results, TaskResult

METRIC_COLUMNS = (
    "task", "stage", "data", "judge", "prompt_variant", "model", "release", "metric", "primary", "group", "value",
    "low", "high", "n", "clusters", "method", "direction", "asked", "answered", "unparsed", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class RunResult:
    """A scored run: its folder and its results."""

    path: Path
    results: Results
    faults: tuple[str, ...] = ()
    """Ways in which a plugin broke its contract in this attempt."""
    stopped: str = ""
    """Why the run asked no further, in one line: a limit on cost or time, for example; "" if everything was asked."""
    settled: bool = False
    """Whether that stop is a success: all is known that was to be known."""

    @property
    def tasks(self) -> list[TaskResult]:
        """One entry for each task, judge, data set and prompt variant."""
        return self.results.tasks

    @property
    def failed(self) -> int:
        """How many questions have no answer."""
        return sum(task.failed for task in self.tasks)

    def __str__(self) -> str:
        lines = [f"{self.path}" + ("" if self.results.run.complete else " (incomplete)")]
        for task in self.tasks:
            main = task.primary
            if main is not None:
                value = "-" if main.value is None else f"{main.value:.3f}"
                interval = "" if main.low is None else f" [{main.low:.3f}, {main.high:.3f}]"
                asked = "".join(f" [{name}]" for name in (task.judge, task.prompt_variant) if name)
                lines.append(
                    f"{task.task}{asked}: {main.name} {value}{interval}, n {main.n}, "
                    f"unparsed {task.unparsed}, failed {task.failed}"
                )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The ladder as a table, for notebooks."""
        return as_html(self.path, self.results, self.stopped)

    def metric(
        self,
        name: str,
        task: str | None = None,
        *,
        data: str | None = None,
        judge: str | None = None,
        variant: str | None = None,
        **group: str,
    ) -> float | None:
        """The value of a metric; None where it does not exist and a warning of its task says why.

        `task`, `data`, `judge` and `variant` (a prompt variant) are needed where several results have the metric;
        `group` picks a group (`emotion="happy"`). Raises `KeyError` (an `UnknownName`) that names the nearest where there
        is no such value, and one that lists what there is where several results fit.
        """
        return self.metric_value(name, task, data=data, judge=judge, variant=variant, **group).value

    def metric_value(
        self,
        name: str,
        task: str | None = None,
        *,
        data: str | None = None,
        judge: str | None = None,
        variant: str | None = None,
        **group: str,
    ) -> MetricValue:
        """The same as `metric`, with its interval, n and method."""
        wanted = {"task": task, "data": data, "judge": judge, "variant": variant}
        return find_metric(self.tasks, name, {k: v for k, v in wanted.items() if v is not None}, group)

    def rows(self, *, strict: bool = False) -> Iterator[SampleRow]:
        """One typed row for each question, streamed from the run folder: see `SampleRow`."""
        return iter_samples(self.path, strict=strict)

    def samples(self, *, strict: bool = False) -> Any:
        """One row for each question, with the columns of `harness export`, all in memory.

        A pandas data frame, or a list of dicts where pandas is not installed. `strict` counts answers that are
        understood from a sentence as unparsed.
        """
        columns = SampleColumns.of_run(self.path)
        cells: list[list[Any]] = [[] for _ in columns.kinds]
        for row in self.rows(strict=strict):
            for column, cell in zip(cells, columns.cells(row), strict=True):
                column.append(cell)
        return frame(dict(zip(columns.kinds, cells, strict=True)), columns.kinds)

    def metrics(self) -> Any:
        """One row for each metric value: of each result, on all rows and in each group.

        A pandas data frame, or a list of dicts where pandas is not installed. `group` is "" for all rows, else
        "emotion=happy"; `asked`, `answered`, `unparsed` and `failed` are those of the result.
        """
        rows = [self._metric_row(task, metric) for task in self.tasks for metric in task.metrics]
        kinds: dict[str, Any] = dict.fromkeys(METRIC_COLUMNS, "text")
        kinds |= dict.fromkeys(("value", "low", "high", "clusters"), "number")
        kinds |= dict.fromkeys(("n", "asked", "answered", "unparsed", "failed"), "count")
        kinds["primary"] = "flag"
        return frame({name: [row[name] for row in rows] for name in METRIC_COLUMNS}, kinds)

    def _metric_row(self, task: TaskResult, metric: MetricValue) -> dict[str, Any]:
        cells: Sequence[Any] = (
            task.task, task.stage, task.data.name, task.judge or "", task.prompt_variant or "",
            self.results.run.model, self.results.run.release or "", metric.name, metric.primary, where(metric.group),
            metric.value, metric.low, metric.high, metric.n, metric.clusters, metric.method or "", metric.direction,
            task.n, task.answered, task.unparsed, task.failed,
        )  # fmt: skip
        row: Mapping[str, Any] = dict(zip(METRIC_COLUMNS, cells, strict=True))
        return dict(row)
