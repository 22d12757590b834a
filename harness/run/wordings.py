"""In which words questions are put, and how much a figure depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.catalog import FoundTask
from harness.errors import RequestError, unknown

DEFAULT, ALL = "default", "all"


def with_wordings(tasks: Sequence[FoundTask], asked: Sequence[str]) -> tuple[FoundTask, ...]:
    """The tasks with just those wordings marked as asked that `asked` names: "default", "all", or names.

    Raises `UnknownName` for a name that no task has, and `RequestError` where a task has none of those named.
    """
    known = {w.name for task in tasks for w in task.spec.prompts}
    for name in asked:
        if name not in (DEFAULT, ALL) and name not in known:
            raise unknown("wording", name, {*known, DEFAULT, ALL})
    return tuple(_with_wordings(task, asked) for task in tasks)


def _with_wordings(task: FoundTask, asked: Sequence[str]) -> FoundTask:
    spec = task.spec
    chosen = [ALL in asked or w.name in asked or (DEFAULT in asked and w.default) for w in spec.prompts]
    if not any(chosen):
        raise RequestError(
            f"The task {spec.name!r} has no wording {' or '.join(map(repr, asked))}.",
            f"Its wordings: {', '.join(w.name for w in spec.prompts)}. Name one for each task, or run tasks apart.",
        )
    prompts = tuple(w.model_copy(update={"default": on}) for w, on in zip(spec.prompts, chosen, strict=True))
    return replace(task, spec=spec.model_copy(update={"prompts": prompts}))


def add_spread(entries: Sequence[dict[str, Any]]) -> None:
    """Give each entry of a task and data set that were asked in several wordings the spread over these."""
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in entries:
        if entry["wording"] is not None:
            alike.setdefault((entry["task"], entry["data"]["name"]), []).append(entry)
    for group in alike.values():
        spread = _spread(group)
        for entry in group:
            entry["wordings"] = spread


def _spread(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The primary figure of each wording; the least, the greatest, and their standard deviation (n - 1)."""
    main = {e["wording"]: next(m for m in e["metrics"] if m["primary"]) for e in entries}
    values = {wording: figure["value"] for wording, figure in main.items()}
    found = [v for v in values.values() if v is not None]
    return {
        "metric": next(iter(main.values()))["name"],
        "values": values,
        "min": min(found, default=None),
        "max": max(found, default=None),
        "sd": float(np.std(found, ddof=1)) if len(found) > 1 else None,
    }
