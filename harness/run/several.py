"""Several models that are asked the same, each in a run of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import BadOption, RequestError
from harness.run.participants import judge_options
from harness.run.plan import Plan, make_plan
from harness.run.request import RunRequest
from harness.run.watch import Watch


def make_plans(models: Sequence[Any], out: Path | None, given: Mapping[str, Any], watch: Watch) -> list[Plan]:
    """The plan of each model, with a folder of its own, in `out` if that is given.

    `given` are the other fields of `RunRequest`. In its options, `MODEL.KEY` is for one of the models.
    """
    for name in ("release", "gate"):
        if given.get(name) is not None:
            raise RequestError(
                f"--{name} is about one model, and several are given.", "Evaluate that one alone."
            )
    # Iterators are used up by the first of several requests.
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, Iterator) else v for k, v in given.items()}
    options = fields.pop("options", None) or {}
    _check_options(options, models)
    plans: dict[Path, Plan] = {}
    for model in models:
        own = judge_options(options, model) if isinstance(model, str) else options
        plan = make_plan(RunRequest(**{**fields, "model": model, "options": own}), watch)
        if out is not None:
            plan = replace(plan, request=replace(plan.request, out=out / plan.folder.name))
        if plan.folder in plans:
            raise RequestError(f"The model {plan.model.name!r} is given twice.", "Give each model once.")
        plans[plan.folder] = plan
    if not plans:
        raise RequestError("No model is given.", 'Name one, such as model="fer", or give an object.')
    return list(plans.values())


def _check_options(options: Mapping[str, Any], models: Sequence[Any]) -> None:
    named = [model for model in models if isinstance(model, str)]
    known = {*named, *(name.partition(":")[0] for name in named)}
    for key in options:
        target, dot, _ = str(key).rpartition(".")
        if dot and target not in known:
            raise BadOption(
                f"-o {key}: {target!r} is not one of the models.", f"Models: {', '.join(named) or 'none'}."
            )
