"""In which words questions are put, and how much a figure depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import RequestError, unknown
from harness.tasks.catalog import ResolvedTask

DEFAULT, ALL = "default", "all"


def with_prompt_variants(tasks: Sequence[ResolvedTask], asked: Sequence[str]) -> tuple[ResolvedTask, ...]:
    """The tasks with just those wordings marked as asked that `asked` names: "default", "all", or names.

    Raises `UnknownName` for a name that no task has, and `RequestError` where a task has none of those named.
    """
    known = {w.name for task in tasks for w in task.spec.prompts}
    for name in asked:
        if name not in (DEFAULT, ALL) and name not in known:
            raise unknown("wording", name, {*known, DEFAULT, ALL})
    return tuple(_with_prompt_variants(task, asked) for task in tasks)


def _with_prompt_variants(task: ResolvedTask, asked: Sequence[str]) -> ResolvedTask:
    spec = task.spec
    chosen = [ALL in asked or w.name in asked or (DEFAULT in asked and w.default) for w in spec.prompts]
    if not any(chosen):
        raise RequestError(
            f"The task {spec.name!r} has no wording {' or '.join(map(repr, asked))}.",
            f"Its wordings: {', '.join(w.name for w in spec.prompts)}. Name one for each task, or run tasks apart.",
        )
    prompts = tuple(w.model_copy(update={"default": on}) for w, on in zip(spec.prompts, chosen, strict=True))
    return replace(task, spec=spec.model_copy(update={"prompts": prompts}))
