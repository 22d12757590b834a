"""The ladder: a line for each task, data set, judge and prompt variant, from coarse to nuance, and what it adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.reporters.formatting import STAGES
from harness.results import BaselineValue, MetricValue, Results, TaskResult

Standing = Literal["beats", "unclear", "below", "none"]
"""Where a value's interval lies: beyond the best trivial baseline, around it, short of it; "none" where there is no
interval or no baseline."""
PANEL = "panel"
_NAMED = 3
"""Exceptions that are named; more are counted."""
_INPUT, _OUTPUT = ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")
_EITHER = ("total_tokens", "tokens")


@dataclass(frozen=True)
class Rung:
    """One line of the ladder."""

    task: TaskResult
    metric: MetricValue | None
    """The primary metric; None for a task without one."""
    baseline: BaselineValue | None
    """The best trivial baseline of what is compared: the metric, or its bound where unparsed replies are left out."""
    standing: Standing


@dataclass(frozen=True)
class Usage:
    """What a run used, as far as its replies say. None where they do not."""

    tokens_in: float | None
    tokens_out: float | None
    tokens: float | None
    """Where input and output are not counted apart."""
    cost: float | None
    seconds: float | None
    """Mean seconds from a question to its answer."""


def rungs(results: Results) -> list[Rung]:
    """The lines from coarse to nuance, those of a task together, in the order of the results."""
    order = {task.task: k for k, task in reversed(list(enumerate(results.tasks)))}
    tasks = sorted(results.tasks, key=lambda task: (_stage(task), order[task.task]))
    return [_rung(task) for task in tasks]


def _stage(task: TaskResult) -> int:
    return STAGES.index(task.stage) if task.stage in STAGES else len(STAGES)


def _rung(task: TaskResult) -> Rung:
    main = task.primary
    if main is None:
        return Rung(task, None, None, "none")
    best = task.best_baseline
    return Rung(
        task, main, best, _standing(task.compared or main, best, -1 if main.direction == "lower" else 1)
    )


def _standing(value: MetricValue, best: BaselineValue | None, sign: int) -> Standing:
    if best is None or best.value is None or value.value is None or value.direction == "none":
        return "none"
    if value.low is None or value.high is None:
        return "none"
    near, far = (value.low, value.high) if sign == 1 else (value.high, value.low)
    if sign * (near - best.value) > 0:
        return "beats"
    return "below" if sign * (far - best.value) < 0 else "unclear"


def differing(results: Results) -> list[str]:
    """Which of data, judge and prompt variant tell apart lines of the same task."""
    by_task: dict[str, list[TaskResult]] = {}
    for task in results.tasks:
        by_task.setdefault(task.task, []).append(task)
    return [
        name
        for name in ("data", "judge", "prompt_variant")
        if any(len({part(task, name) for task in tasks}) > 1 for tasks in by_task.values())
    ]


def part(task: TaskResult, name: str) -> str:
    """The data set, judge or prompt variant of an entry; nothing where it has none."""
    found = {"data": task.data.name, "judge": task.judge, "prompt_variant": task.prompt_variant}[name]
    return found or ""


def chosen(found: Sequence[Rung], room: int) -> list[Rung]:
    """At most `room` of a task's lines: first of each data set the panel, or its first judge and prompt variant."""
    if len(found) <= room:
        return list(found)
    first: dict[str, Rung] = {}
    for rung in sorted(found, key=lambda rung: rung.task.judge != PANEL):
        first.setdefault(rung.task.data.name, rung)
    leading = [rung for rung in found if any(rung is one for one in first.values())]
    rest = [rung for rung in found if not any(rung is one for one in leading)]
    keep = [*leading, *rest][:room]
    return [rung for rung in found if any(rung is one for one in keep)]


def but_for(values: Mapping[str, Iterable[str]]) -> str:
    """What tasks have in common, then the exceptions: "accuracy, but srcc of fine_intensity"."""
    named = {task: "/".join(dict.fromkeys(found)) for task, found in values.items()}
    counts = Counter(named.values())
    if not counts:
        return ""
    common = counts.most_common(1)[0][0]
    others: dict[str, list[str]] = {}
    for task, value in named.items():
        if value != common:
            others.setdefault(value, []).append(task)
    exceptions = "; ".join(
        f"{value} of {', '.join(tasks) if len(tasks) <= _NAMED else f'{len(tasks)} tasks'}"
        for value, tasks in others.items()
    )
    return f"{common}, but {exceptions}" if exceptions else common


def usage(results: Results) -> Usage:
    """Sums over the run. What generating portraits used is the same in the entries of all judges: it counts once."""
    answers = [task for task in results.tasks if task.judge != PANEL]
    shared = len({(t.task, t.judge) for t in answers}) != len({(t.data.digest, t.judge) for t in answers})
    if any(task.role == "generator" for task in answers) and shared:
        # Tasks with the same prompts may share portraits and answers: sums would count these twice.
        return Usage(None, None, None, None, None)
    generated = list(
        {task.task: task.generation_usage for task in answers if task.role == "generator"}.values()
    )
    used = [*(task.usage for task in answers), *generated]
    ins, outs, either = _sum(used, _INPUT), _sum(used, _OUTPUT), _sum(used, _EITHER)
    spent = _sum([task.timings for task in answers], ("seconds",))
    answered = sum(task.answered for task in answers)
    return Usage(
        ins,
        outs,
        either if ins is None and outs is None else None,
        _sum(used, ("cost",)),
        spent / answered if spent is not None and answered else None,
    )


def _sum(parts: Sequence[Mapping[str, float]], names: Sequence[str]) -> float | None:
    found = [next((used[name] for name in names if name in used), None) for used in parts]
    known = [value for value in found if value is not None]
    return sum(known) if known else None
