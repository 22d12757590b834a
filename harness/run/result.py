"""What a finished run gives back to Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HUMAN = "human"
"""The baseline that says how well people do: no trivial reader."""


@dataclass(frozen=True)
class RunResult:
    """A scored run: its folder and its results document (schema 1)."""

    path: Path
    results: dict[str, Any] = field(repr=False)
    faults: tuple[str, ...] = ()
    """Ways in which a plugin broke its contract in this attempt."""

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """One entry for each task, judge, data set and wording."""
        return list(self.results["tasks"])

    @property
    def failed(self) -> int:
        """How many questions have no answer."""
        return sum(int(t["failed"]) for t in self.results["tasks"])

    def __str__(self) -> str:
        lines = [f"{self.path}" + ("" if self.results["run"]["complete"] else " (incomplete)")]
        for entry in self.results["tasks"]:
            main = next((m for m in entry["metrics"] if m["primary"]), None)
            if main is not None:
                value = "-" if main["value"] is None else f"{main['value']:.3f}"
                interval = "" if main["low"] is None else f" [{main['low']:.3f}, {main['high']:.3f}]"
                asked = "".join(f" [{entry[key]}]" for key in ("judge", "wording") if entry[key])
                lines.append(f"{entry['task']}{asked}: {main['name']} {value}{interval}, n {main['n']}, unparsed "
                             f"{entry['unparsed']}, failed {entry['failed']}")  # fmt: skip
        return "\n".join(lines)

    __repr__ = __str__

    def metric(self, name: str, task: str | None = None, **group: str) -> float | None:
        """The value of a metric: of the first task that has it, or of the task named.

        `group` picks a group (`emotion="happy"`). Raises `KeyError` where there is no such figure.
        """
        for entry in self.results["tasks"]:
            if task in (None, entry["task"]):
                for m in entry["metrics"]:
                    if m["name"] == name and m["group"] == group:
                        return None if m["value"] is None else float(m["value"])
        known = sorted({m["name"] for entry in self.results["tasks"] for m in entry["metrics"]})
        where = f" in the task {task!r}" if task else ""
        raise KeyError(
            f"no metric {name!r}{where}{f' for {group}' if group else ''}; there are: {', '.join(known)}"
        )
