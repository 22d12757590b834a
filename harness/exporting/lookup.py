"""Finds the one metric value that a caller means, and says what there is where that is not clear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.errors import RequestError, UnknownName, nearest
from harness.escaping import plain
from harness.results import MetricValue, TaskResult

SHOWN = 12


class NoSuchMetric(UnknownName, KeyError):
    """No result has this metric, task, data set, judge, prompt variant or group."""


class AmbiguousMetric(RequestError, KeyError):
    """Several results have this metric."""


def where(group: Mapping[str, str]) -> str:
    """A group as a text: "emotion=happy"; "" for all rows."""
    return ", ".join(f"{column}={value}" for column, value in group.items())


def find_metric(
    tasks: Sequence[TaskResult], name: str, wanted: Mapping[str, str], group: Mapping[str, str]
) -> MetricValue:
    """The value named `name` in the one result that `wanted` (task, data, judge, variant) leaves.

    Raises `NoSuchMetric` or `AmbiguousMetric`.
    """
    for keyword, text in {"name": name, **wanted}.items():
        if not isinstance(text, str):
            raise RequestError(
                f"{keyword} must be a name, not {plain(repr(text), 60)}.", 'For example: metric("accuracy").'
            )
    left = list(tasks)
    for key, value in wanted.items():
        known = dict.fromkeys(_of(task)[key] for task in left)
        left = [task for task in left if _of(task)[key] == value]
        if not left:
            kind = "prompt variant" if key == "variant" else "data set" if key == "data" else key
            raise _no(f"no {kind} {value!r}", value, filter(None, known))
    named = [task for task in left if any(m.name == name for m in task.metrics)]
    if not named:
        at = "".join(f" in {_texts(wanted)}" if wanted else "")
        raise _no(f"no metric {name!r}{at}", name, sorted({m.name for task in left for m in task.metrics}))
    group = {column: str(value) for column, value in group.items()}
    found = [
        (task, next(m for m in task.metrics if m.name == name and m.group == group))
        for task in named
        if any(m.name == name and m.group == group for m in task.metrics)
    ]
    if not found:
        groups = dict.fromkeys(
            where(m.group) for task in named for m in task.metrics if m.name == name and m.group
        )
        raise _no(f"no group {_texts(group)} of the metric {name!r}", where(group), groups)
    if len(found) > 1:
        raise _ambiguous(name, [task for task, _ in found])
    return found[0][1]


def _of(task: TaskResult) -> dict[str, str]:
    """What tells results apart, by the keyword that picks it."""
    return {
        "task": task.task,
        "data": task.data.name,
        "judge": task.judge or "",
        "variant": task.prompt_variant or "",
    }


def _ambiguous(name: str, found: Sequence[TaskResult]) -> AmbiguousMetric:
    parts = [_of(task) for task in found]
    differ = [key for key in parts[0] if len({part[key] for part in parts}) > 1]
    listed = [_texts({key: part[key] for key in differ}) for part in parts[:SHOWN]]
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return AmbiguousMetric(
        f"{len(found)} results have the metric {name!r}: {'; '.join(listed)}{more}.",
        f"Add {' and '.join(f'{key}=' for key in differ)}"
        + (", such as " + listed[0] if listed[0] else "")
        + ".",
    )


def _texts(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={plain(value)!r}" for key, value in values.items())


def _no(what: str, value: str, known: Iterable[str]) -> NoSuchMetric:
    names = list(known)
    guess = nearest(value, names)
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = f"There is {', '.join(map(plain, names[:SHOWN]))}{more}." if names else "There is none."
    return NoSuchMetric(f"{what}.", f"Did you mean {guess!r}? {listed}" if guess else listed)
