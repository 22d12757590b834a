"""The rules on a plugin's components that need no test: they load, have options, can be made, and their defaults fit."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.checking.records import Offer, State, Verdict, joined
from harness.components.failures import is_interrupt, message_of
from harness.components.options import HarnessOptions
from harness.errors import BadOption, HarnessError, MissingPackage, PluginError
from harness.registry.factory import WITHOUT_OPTIONS, load_class, make, preset_problem
from harness.registry.plugin import Plugin, RegisteredComponent

_OPTION = re.compile(r"[a-z][a-z0-9_]{0,49}")
Given = Mapping[str, Mapping[str, str]]
"""Options by the name of the component that they are for; "" for those of every component that has them."""


def component_verdicts(
    plugin: Plugin, given: Given, begin: Callable[[str], None]
) -> Iterator[Verdict | Offer]:
    """The verdicts on every component of a plugin, and what is to be tested of each."""
    offered = [
        RegisteredComponent(kind, component, plugin.dist)
        for kind, components in plugin.offers.items()
        if kind != "task folder"
        for component in components
    ]
    for found in offered:
        yield from _verdicts(found, given, begin)


def named(found: RegisteredComponent) -> str:
    """A component as verdicts name it."""
    return f"{found.kind} {found.component.name}"


def _verdicts(
    found: RegisteredComponent, given: Given, begin: Callable[[str], None]
) -> Iterator[Verdict | Offer]:
    name = named(found)
    begin(f"loads {name}")
    try:
        loaded = load_class(found)
    except MissingPackage as e:
        yield Verdict("loads", "skipped", e.message, e.hint, name)
        yield Offer(found.kind, found.component.name, e.message)
        return
    except HarnessError as e:
        fix = "`load` returns the class: lazy('package.module:Class')"
        yield Verdict("loads", "failed", e.message, fix, name)
        yield Offer(found.kind, found.component.name, "it cannot be loaded")
        return
    yield Verdict("loads", "held", component=name)
    if found.kind in WITHOUT_OPTIONS:
        yield Offer(found.kind, found.component.name)
        return
    begin(f"options {name}")
    problems = list(_option_problems(loaded.Options))
    state: State = "failed" if problems else "held"
    fix = 'Write `name: type = option(default, "what it does")`, with small letters, digits and underscores'
    yield Verdict("options", state, joined(problems), fix if problems else "", name)
    if found.component.defaults:
        begin(f"presets {name}")
        problem = preset_problem(found)
        fix = "Correct the defaults of the Component: `harness show NAME` lists the options"
        yield Verdict("presets", "failed" if problem else "held", problem, fix if problem else "", name)
    begin(f"made {name}")
    yield from _made(found, loaded, given)


def _option_problems(options: Any) -> Iterator[str]:
    if not (isinstance(options, type) and issubclass(options, HarnessOptions)):
        yield "its class Options does not derive from harness.HarnessOptions"
        return
    for name, info in options.model_fields.items():
        if not _OPTION.fullmatch(name):
            yield f"the option {name!r:.60} has no plain name"
        elif not (info.description or "").strip():
            yield f"the option {name!r} has no description"
    if options.model_config.get("extra") != "forbid":
        yield "it accepts options that it does not have"


def options_for(found: RegisteredComponent, loaded: Any, given: Given) -> dict[str, str]:
    """The options given for a component: those by its name, and those for all that it has."""
    all_given = {**given.get("", {}), **given.get(found.component.name, {})}
    return {key: value for key, value in all_given.items() if key in loaded.Options.model_fields}


def _made(found: RegisteredComponent, loaded: Any, given: Given) -> Iterator[Verdict | Offer]:
    name, options, known = named(found), options_for(found, loaded, given), tuple(loaded.Options.model_fields)

    def offer(skip: str) -> Offer:
        return Offer(found.kind, found.component.name, skip, known)

    try:
        component = make(found, options)
        kept = isinstance(getattr(component, "options", None), loaded.Options)
        skip = "" if options or not kept else _needs(component)
    except PluginError as e:
        yield Verdict(
            "made", "failed", e.message, "Its constructor takes the options alone, and loads nothing", name
        )
        yield offer("it cannot be made")
        return
    except BadOption as e:
        yield Verdict(
            "made", "skipped", e.message, f"Give its options: -o {found.component.name}.KEY=VALUE", name
        )
        yield replace(offer(e.message), refused=e.message if options else "")
        return
    except HarnessError as e:
        # Without options it may lack a model or a key, which is no fault of its own.
        state: State = "failed" if options else "skipped"
        yield Verdict(
            "made", state, e.message, f"Give its options: -o {found.component.name}.KEY=VALUE", name
        )
        yield offer(f"it cannot be made without options: {e.message}")
        return
    except BaseException as e:  # what it declares may raise too
        if is_interrupt(e):
            raise
        yield Verdict("made", "failed", f"{type(e).__name__}: {message_of(e)}", "See the error", name)
        yield offer("it cannot be made")
        return
    problem = "" if kept else "it has no `options` after it is made"
    fix = "" if kept else "Begin `__init__(self, options=None)` with `super().__init__(options)`"
    yield Verdict("made", "held" if kept else "failed", problem, fix, name)
    yield offer(skip if kept else "it does not keep its options")


def _needs(component: Any) -> str:
    """What a component needs that a check does not choose: a model, a server; "" if nothing."""
    ref = getattr(component.options, "ref", None)
    if "ref" in type(component.options).model_fields and not (ref and os.path.exists(str(ref))):
        return "it needs a model" if not ref else f"it needs the model {ref}"
    contacted = [str(line) for line in component.contacts()]
    return f"it contacts {contacted[0]}" if contacted else ""
