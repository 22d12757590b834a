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


def first_variants(
    tasks: Sequence[ResolvedTask], judge: str
) -> tuple[tuple[ResolvedTask, ...], tuple[str, ...]]:
    """The tasks with only the first of their enabled prompt variants, and a note on what is not asked and why."""
    omitted = {t.spec.name: [v.name for v in t.spec.prompt_variants[1:]] for t in tasks}
    left = [f"{', '.join(names)} of {task}" for task, names in omitted.items() if names]
    kept = tuple(_only(t, [v is t.spec.prompt_variants[0] for v in t.spec.prompts]) for t in tasks)
    if not left:
        return kept, ()
    why = f"{judge} does not read the prompt, and would answer each alike"
    return kept, (f"prompt variants are omitted: {'; '.join(left)}: {why}.",)


def _select(task: ResolvedTask, asked: Sequence[str]) -> ResolvedTask:
    spec = task.spec
    chosen = [ALL in asked or v.name in asked or (DEFAULT in asked and v.default) for v in spec.prompts]
    if not any(chosen):
        raise RequestError(
            f"The task {spec.name!r} has no prompt variant {' or '.join(map(repr, asked))}.",
            f"Its prompt variants: {', '.join(v.name for v in spec.prompts)}. "
            "Name one for each task, or run the tasks separately.",
        )
    return _only(task, chosen)


def _only(task: ResolvedTask, chosen: Sequence[bool]) -> ResolvedTask:
    prompts = task.spec.prompts
    enabled = tuple(v.model_copy(update={"default": on}) for v, on in zip(prompts, chosen, strict=True))
    return replace(task, spec=task.spec.model_copy(update={"prompts": enabled}))
