"""What a run gives a caller from Python: its folder and its results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.results import Results, TaskResult


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

    def metric(self, name: str, task: str | None = None, **group: str) -> float | None:
        """The value of a metric: of the first task that has it, or of the task named.

        `group` picks a group (`emotion="happy"`). Raises `KeyError` where there is no such value.
        """
        for entry in self.tasks:
            if task in (None, entry.task):
                for found in entry.metrics:
                    if found.name == name and found.group == group:
                        return found.value
        known = sorted({m.name for entry in self.tasks for m in entry.metrics})
        where = f" in the task {task!r}" if task else ""
        raise KeyError(
            f"no metric {name!r}{where}{f' for {group}' if group else ''}; available: {', '.join(known)}"
        )
