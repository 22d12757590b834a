"""Selects the prompt variants in which questions are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.errors import RequestError, unknown
from harness.tasks.catalog import ResolvedTask

DEFAULT, ALL = "default", "all"


def select_prompt_variants(tasks: Sequence[ResolvedTask], asked: Sequence[str]) -> tuple[ResolvedTask, ...]:
    """The tasks with just those prompt variants enabled that `asked` names: "default", "all", or names.

    Raises `UnknownName` for a name that no task has, and `RequestError` where a task has none of those named.
    """
    known = {variant.name for task in tasks for variant in task.spec.prompts}
    for name in asked:
        if name not in (DEFAULT, ALL) and name not in known:
            raise unknown("prompt variant", name, {*known, DEFAULT, ALL})
    return tuple(_select(task, asked) for task in tasks)


def _select(task: ResolvedTask, asked: Sequence[str]) -> ResolvedTask:
    spec = task.spec
    chosen = [ALL in asked or v.name in asked or (DEFAULT in asked and v.default) for v in spec.prompts]
    if not any(chosen):
        raise RequestError(
            f"The task {spec.name!r} has no prompt variant {' or '.join(map(repr, asked))}.",
            f"Its prompt variants: {', '.join(v.name for v in spec.prompts)}. "
            "Name one for each task, or run the tasks separately.",
        )
    prompts = tuple(v.model_copy(update={"default": on}) for v, on in zip(spec.prompts, chosen, strict=True))
    return replace(task, spec=spec.model_copy(update={"prompts": prompts}))
