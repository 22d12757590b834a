"""The judges and generators of a run: created from names or Python objects with their options, identified, not opened."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.components.base import Configured
from harness.components.executor import Specification
from harness.components.failures import is_interrupt, message_of
from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.errors import BadOption, HarnessError, PluginError, RequestError
from harness.registry.factory import check_no_secrets, make, specification_of, trained_on
from harness.registry.registry import registry
from harness.run.code_identity import code_identity
from harness.run.supervisor import current
from harness.types import Capability


@dataclass(frozen=True)
class Participant:
    """A judge or generator of a run, created but not opened."""

    name: str
    instance: Any
    described: Mapping[str, Any]
    """Its name, plugin, answer-affecting options, identity and (if given) release, as `run.json` stores them."""
    specification: Specification | None = None
    """How to make it again elsewhere; None for an object made in Python."""
    trained_on: tuple[str, ...] = ()
    """Generators and data sets whose pictures its training used."""

    @property
    def oracle(self) -> bool:
        """Whether it is shown the truth."""
        return isinstance(self.instance, Judge) and Capability.ORACLE in self.instance.capabilities


def make_participant(
    kind: str, model: str | Configured, options: Mapping[str, Any], release: str | None = None
) -> Participant:
    """A judge or generator (`kind`) from its name, or from an object made in Python.

    `release` names the release of the model: part of what is asked, so that another one is asked anew.
    """
    if isinstance(model, str):
        try:
            found = registry().find(kind, model)
        except HarnessError as e:
            other = "generator" if kind == "judge" else "judge"
            if any(f.component.name == model.partition(":")[0] for f in registry().components(other)):
                e.hint = f"{model!r} is a {other}; this task needs a {kind}. " + e.hint
            raise
        with current().calling(found.component.name, "being made"):
            name, instance, owner = found.reference, make(found, options), found.dist
        learnt_from, specification = trained_on(found), specification_of(found, options)
    else:
        wanted = Judge if kind == "judge" else Generator
        if not isinstance(model, wanted):
            given = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
            raise RequestError(
                f"A {kind} is needed, not {given}.",
                f"Pass a name or an instance of harness.{wanted.__name__}.",
            )
        name, instance, owner = type(model).__name__, model, "python"
        learnt_from, specification = (), None
    if getattr(instance, "options", None) is None:
        instance.options = instance.Options()  # A user's class whose __init__ does not call ours.
    described = {
        "name": name,
        "plugin": owner,
        "options": instance.options.answer_affecting(),
        "identity": identity_of(name, instance, owner if isinstance(model, str) else ""),
    }
    check_no_secrets(name, described["options"])
    if (
        release is not None
    ):  # Without one, requests keep the ids that they had before releases could be named.
        described["release"] = release
    return Participant(name, instance, described, specification, learnt_from)


def identity_of(name: str, instance: Any, owner: str) -> dict[str, str]:
    """What determines a component's answers besides its options. `owner` is its distribution; "" for an object.

    A component without `identity()` is identified by its code. An object made in Python may hold anything, such as the
    latest checkpoint: it counts as a new model each time, so that no stale answer is ever reused.
    Raises `PluginError` for an `identity()` that raises.
    """
    try:
        with current().calling(name, "identifying itself"):
            identity = {str(k): str(v) for k, v in instance.identity().items()}
        if isinstance(instance, Judge):
            wrong = [c for c in instance.capabilities if not isinstance(c, Capability)]
            if wrong:
                raise TypeError(f"{wrong[0]!r} is not a harness.Capability")
    except HarnessError:
        raise
    except BaseException as e:  # both are a plugin's code
        if is_interrupt(e):
            raise
        raise PluginError(
            f"{name}: identity() or capabilities raises {type(e).__name__}: {message_of(e)}.",
            "Report it to the plugin's authors.",
        ) from e
    if type(instance).identity is not Configured.identity:
        return identity
    version = next((plugin.version for plugin in registry().plugins if plugin.dist == owner), "")
    code = code_identity(type(instance), version) if owner else None
    return code or {"object": uuid.uuid4().hex}


def judge_options(options: Mapping[str, Any], judge: str | Judge) -> dict[str, Any]:
    """The options in --judge-option that are for one judge: `KEY=VALUE` is for all, `JUDGE.KEY=VALUE` for one."""
    name = judge if isinstance(judge, str) else ""
    chosen: dict[str, Any] = {}
    for key, value in options.items():
        target, dot, option = key.rpartition(".")
        if not dot:
            chosen.setdefault(option, value)
        elif target in (name, name.partition(":")[0]):
            chosen[option] = value
    return chosen


def check_judge_options(options: Mapping[str, Any], judges: Sequence[str | Judge]) -> None:
    """Refuse options for a judge that is not part of the run."""
    names = [judge for judge in judges if isinstance(judge, str)]
    for key in options:
        target, dot, _ = key.rpartition(".")
        if dot and target not in {*names, *(name.partition(":")[0] for name in names)}:
            raise BadOption(
                f"--judge-option {key}: {target!r} is not one of the judges.",
                f"Judges of this run: {', '.join(names) or 'none'}.",
            )


def check_costs(participants: Sequence[Participant]) -> None:
    """Refuse a limit on the cost where it is known that a participant's replies will not say what they cost."""
    for participant in participants:
        try:
            known = participant.instance.reports_cost()
        except BaseException as e:  # it is a plugin's code
            if is_interrupt(e):
                raise
            raise PluginError(
                f"{participant.name}: reports_cost() raises {type(e).__name__}: {message_of(e)}.",
                "Report it to the plugin's authors.",
            ) from e
        if known is False:
            prices = [
                name for name in type(participant.instance).Options.model_fields if name.startswith("price_")
            ]
            raise RequestError(
                f"--max-cost cannot limit {participant.name}: its replies do not say what they cost.",
                f"Give its prices: {', '.join(prices)}." if prices else "Omit --max-cost.",
            )
