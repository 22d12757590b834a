"""How charts name runs and the entries of their results, and how long texts become labels that are never cut off."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from harness.escaping import plain
from harness.results import MetricValue, Results, TaskResult

STAGES = ("coarse", "fine", "nuance")
NAME_WIDTH, LABEL_WIDTH, LABEL_LINES = 24, 30, 3
"""Characters of a line of a run's name, of a label, and lines of each; the whole text is in the tooltip."""
SEPARATOR = "\N{SYMBOL FOR UNIT SEPARATOR}"
"""Stands in data between what sorts and tells labels apart, and what is shown."""
_BREAKS = str.maketrans({c: f"{c}\u200b" for c in "_/:-"})


class EntryKey(NamedTuple):
    """What an entry of results is about, apart from the model under test."""

    task: str
    data: str
    judge: str
    variant: str


def key_of(task: TaskResult) -> EntryKey:
    """What an entry is about. A judge task has no judge, a task asked in one way no prompt variant: these are empty."""
    return EntryKey(task.task, task.data.name, task.judge or "", task.prompt_variant or "")


def entry_names(keys: Sequence[EntryKey]) -> dict[EntryKey, str]:
    """A name for each entry: the task, and of data set, judge and prompt variant what differs between its entries."""
    several = {
        field: any(
            len({getattr(k, field) for k in keys if k.task == task}) > 1 for task in {k.task for k in keys}
        )
        for field in ("data", "judge", "variant")
    }
    return {key: ", ".join(_parts(key, several)) for key in keys}


def _parts(key: EntryKey, several: dict[str, bool]) -> list[str]:
    parts = [key.task]
    parts += [key.data] if several["data"] else []
    parts += [f"judge {key.judge}"] if several["judge"] and key.judge else []
    parts += [f"prompt {key.variant}"] if several["variant"] and key.variant else []
    return parts


def in_order(tasks: Sequence[TaskResult]) -> list[TaskResult]:
    """The entries from coarse to nuance, else in their own order."""
    return sorted(tasks, key=lambda t: STAGES.index(t.stage) if t.stage in STAGES else len(STAGES))


def run_names(results: Sequence[Results]) -> list[str]:
    """A name for each run, on short lines: its model, with the release or the run's name where models are alike."""
    runs = [found.run for found in results]
    candidates = (
        [run.model for run in runs],
        [f"{run.model} {run.release}" if run.release else run.model for run in runs],
        [f"{run.model} ({run.name})" for run in runs],
        [f"{k} {run.model} ({run.name})" for k, run in enumerate(runs, 1)],
    )
    for found in candidates:
        names = ["\n".join(lines(name, NAME_WIDTH)) for name in found]
        if len(set(names)) == len(runs):
            break
    return names


def lines(text: str, width: int = LABEL_WIDTH, most: int = LABEL_LINES) -> list[str]:
    """A text on lines of at most `width` characters, at most `most` of them; what is left out is an ellipsis."""
    # Names break after their punctuation first, within a word only where nothing else is left.
    spaced = plain(text, 400).translate(_BREAKS).replace("\u200b", "\u200b ")
    found: list[str] = []
    for word in spaced.split(" "):
        glued = bool(found) and found[-1].endswith("\u200b")
        joined = (found[-1][:-1] if glued else found[-1] + " ") + word if found else word
        if found and len(joined.rstrip("\u200b")) <= width:
            found[-1] = joined
        else:
            if glued:
                found[-1] = found[-1][:-1]
            found += textwrap.wrap(word, width) or ([""] if not found else [])
    found = [line.rstrip("\u200b") for line in found]
    return (
        found
        if len(found) <= most
        else [*found[: most - 1], found[most - 1][: width - 1] + "\N{HORIZONTAL ELLIPSIS}"]
    )


def label(*parts: str) -> str:
    """A label of several parts, each on lines of its own."""
    return "\n".join(line for part in parts if part for line in lines(part))


def rows_in(n: int, clusters: int | None) -> str:
    """How many rows entered, and in how many clusters where these are fewer."""
    found = f"n {n} in {clusters}" if clusters is not None and 0 < clusters < n else f"n {n}"
    return found.replace(" ", "\N{NO-BREAK SPACE}")


def metric_label(metric: MetricValue) -> str:
    """The metric, with a word where lower is better."""
    return f"{metric.name} (lower is better)" if metric.direction == "lower" else metric.name
