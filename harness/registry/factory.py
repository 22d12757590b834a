"""Creates components from their registered class and the options that the user gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from harness.components.executor import Specification
from harness.components.failures import is_interrupt, message_of
from harness.components.guest_code import guest_code, imported_code
from harness.components.options import HarnessOptions
from harness.components.record import Component, lazy
from harness.config import config
from harness.errors import BadOption, HarnessError, MissingPackage, PluginError, nearest
from harness.registry.plugin import RegisteredComponent
from harness.registry.registry import registry
from harness.secrets import HINT, looks_like_key, names_secret, secret_in, shown

CLASSES: Mapping[str, lazy] = {
    "generator": lazy("harness.components.generator:Generator"),
    "judge": lazy("harness.components.judge:Judge"),
    "data set": lazy("harness.components.dataset:DataSet"),
    "detector": lazy("harness.components.detector:Detector"),
    "metric": lazy("harness.components.metric:Metric"),
    "reporter": lazy("harness.components.reporter:Reporter"),
    "exporter": lazy("harness.exporting.exporter:Exporter"),
    "executor": lazy("harness.components.executor:Executor"),
    "importer": lazy("harness.datasets.imports.base:Importer"),
    "command": lazy("click:Command"),
}
"""The base class required for each kind of component."""


OBJECTS = frozenset({"command"})
"""Kinds whose components load an object of the base class, not a class."""
WITHOUT_OPTIONS = frozenset({"command", "importer"})


def _is_class(loaded: Any, base: Any) -> bool:
    return isinstance(loaded, type) and issubclass(loaded, base)


def load_class(found: RegisteredComponent) -> Any:
    """Import the class of a component, or the object of a command. Raises `MissingPackage` or `PluginError`."""
    found, base = extended(found), CLASSES[found.kind]()
    try:
        with imported_code(limited=False):
            loaded = found.component.load()
        fits = isinstance(loaded, base) if found.kind in OBJECTS else _is_class(loaded, base)
        if not fits:
            raise TypeError(f"{loaded!r} is not a {base.__name__}")
    except HarnessError:
        raise
    except ModuleNotFoundError as e:
        raise MissingPackage(f"The {found.kind} {found.component.name!r}", e.name or "?") from e
    except BaseException as e:  # importing a plugin may raise anything
        if is_interrupt(e):
            raise
        raise PluginError(
            f"The {found.kind} {found.component.name!r} of {found.dist} cannot be loaded: "
            f"{type(e).__name__}: {message_of(e)}.",
            f"Reinstall or update {found.dist}.",
        ) from e
    return loaded


MOST_EXTENSIONS = 10
"""Presets that may extend each other in a row."""


def extended(found: RegisteredComponent) -> RegisteredComponent:
    """The component itself, or the one that it extends, with the defaults and the reference of both.

    Raises `PluginError` if what it extends is not installed, or is extended in a circle.
    """
    defaults, ref, base = dict(found.component.defaults), found.ref, found
    for _ in range(MOST_EXTENSIONS):
        if not base.component.extends:
            return replace(
                found, component=replace(base.component, defaults=defaults), dist=base.dist, ref=ref
            )
        try:
            base = registry().find(found.kind, base.component.extends)
        except HarnessError as e:
            raise PluginError(
                f"The {found.kind} {found.component.name!r} of {found.dist} extends {base.component.extends!r}: {e.message}",
                e.hint,
            ) from e
        defaults = {**base.component.defaults, **({} if base.ref is None else {"ref": base.ref}), **defaults}
    raise PluginError(
        f"The {found.kind} {found.component.name!r} of {found.dist} extends others in a circle.",
        f"Reinstall or update {found.dist}.",
    )


def preset_problem(found: RegisteredComponent) -> str:
    """What is wrong with the defaults of a component, as a sentence; "" if nothing. Imports its class.

    An option that must be given may be missing; a class that cannot be imported here is no fault of the defaults.
    """
    try:
        cls, defaults = load_class(found), extended(found).component.defaults
    except MissingPackage:
        return ""
    except HarnessError as e:
        return e.message
    if found.kind in WITHOUT_OPTIONS:
        return f"{found.component.name}: a component of this kind has no options" if defaults else ""
    for key in defaults:
        if key not in cls.Options.model_fields:
            guess = nearest(key, cls.Options.model_fields)
            return f"{found.component.name}: no option {key!r}" + (
                f"; did it mean {guess!r}?" if guess else ""
            )
    try:
        cls.Options.model_validate(defaults)
    except ValidationError as e:
        wrong = [error for error in e.errors() if error["type"] != "missing" and error["loc"]]
        return "; ".join(f"{found.component.name}: {_explain(error, cls.Options)}" for error in wrong)
    return ""


def make(found: RegisteredComponent, given: Mapping[str, Any] | None = None) -> Any:
    """Create a component with validated options, without loading anything heavy.

    `given` are the user's options: strings from the command line, or values from Python.
    Raises `BadOption` naming the option and the nearest valid one.
    """
    cls = load_class(found)
    values: dict[str, Any] = dict(extended(found).component.defaults)
    if found.ref is not None and looks_like_key(found.ref):
        raise BadOption(
            f"The name of the model after {found.component.name}: looks like a key, which would be stored with the run.",
            HINT,
        )
    if found.ref is not None:
        if "ref" not in cls.Options.model_fields:
            raise BadOption(
                f"{found.component.name!r} takes no reference, but was given {found.ref!r}.",
                f"Use {found.component.name} without a colon.",
            )
        values["ref"] = _preset_ref(found)
    given = _given(found, given or {})
    values |= {k: _parse_option(cls.Options, k, v, found) for k, v in given.items()}
    check_no_secrets(found.component.name, {k: values[k] for k in given})
    try:
        with guest_code():
            return cls(cls.Options.model_validate(values))
    except ValidationError as e:
        raise BadOption(
            f"{found.component.name}: "
            + "; ".join(_explain(error, cls.Options) for error in e.errors())
            + ".",
            f"See `harness show {found.component.name}` for its options.",
        ) from e
    except HarnessError:
        raise
    except BaseException as e:  # a plugin's constructor may raise anything
        if is_interrupt(e):
            raise
        raise PluginError(
            f"The {found.kind} {found.component.name!r} of {found.dist} cannot be created: "
            f"{type(e).__name__}: {message_of(e)}.",
            f"Reinstall or update {found.dist}.",
        ) from e


def _given(found: RegisteredComponent, given: Mapping[str, Any]) -> dict[str, Any]:
    """The user's options, with the defaults of the configuration for the rest."""
    return {**config().options_of(found.kind, found.dist, found.component.name), **given}


def specification_of(found: RegisteredComponent, given: Mapping[str, Any]) -> Specification:
    """How to make a component again, in another process too."""
    reference = "" if found.ref is None else f":{found.ref}"
    return Specification(found.kind, f"{found.dist}/{found.component.name}{reference}", _given(found, given))


def make_component(specification: Specification) -> Any:
    """The component of a specification, not opened. For executors that run it in another process.

    Raises `UnknownName` where its plugin is not installed, `MissingPackage`, `BadOption` and `PluginError` as a run does.
    """
    found = registry().find(specification.kind, specification.name)
    return make(found, specification.options)


def check_no_secrets(component: str, options: Mapping[str, Any]) -> None:
    """Raise `BadOption`, without the value, for a key in a table, or where one stands in place of another value."""
    for name, value in options.items():
        # A plain option that is named after a secret is its plugin's own affair: it may not be stored at all.
        where = "" if name.endswith("_env") else secret_in(value, name)
        if where and not (isinstance(value, str) and "://" in value):
            raise BadOption(
                f"{component}: {where} holds what looks like a key or password, which would be stored with the run.",
                HINT,
            )


def trained_on(found: RegisteredComponent) -> tuple[str, ...]:
    """The generators and data sets whose pictures the model's training used, as its component or preset declares."""
    preset = _preset(found)
    return found.component.trained_on if preset is None else preset.trained_on


def _preset_ref(found: RegisteredComponent) -> Any:
    """The model reference; in `BASE:PRESET`, the preset's reference."""
    preset = _preset(found)
    return found.ref if preset is None else preset.defaults["ref"]


def _preset(found: RegisteredComponent) -> Component | None:
    """The preset that the reference names; None where it names none."""
    for other in registry().components(found.kind):
        names = (other.component.name, *other.component.aliases)
        if found.ref in names and "ref" in other.component.defaults:
            return other.component
    return None


def _parse_option(options: type[HarnessOptions], key: str, value: Any, found: RegisteredComponent) -> Any:
    """The value of an option. Strings are parsed as JSON if the option is a list or table."""
    fields = options.model_fields
    if key not in fields:
        guess = nearest(key, fields)
        known = ", ".join(fields) or "none"
        raise BadOption(
            f"{found.component.name!r} has no option {key!r}.",
            (f"Did you mean {guess!r}? " if guess else "") + f"Options: {known}.",
        )
    if not isinstance(value, str) or _is_text(fields[key].annotation):
        return value
    if value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as e:
            raise BadOption(
                f"{found.component.name}: {key} is not valid JSON: {e}.",
                "Give lists and tables as JSON.",
            ) from e
    return value


def _is_text(annotation: Any) -> bool:
    """Whether an option accepts text: `str` or a union containing it (but not `list[str]`)."""
    union = get_origin(annotation) in (Union, UnionType)
    return annotation is str or (union and any(map(_is_text, get_args(annotation))))


def _explain(error: Mapping[str, Any], options: type[HarnessOptions]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "options"
    if error["type"] == "missing":
        return f"the option {key!r} must be given: -o {key}=..."
    message = error["msg"].removeprefix("Value error, ")
    # A check across options receives all of them, which may include a URL with a password.
    given = f" (given: {shown(error.get('input'))})" if error["loc"] and not names_secret(key) else ""
    return f"{key}: {message[:1].lower()}{message[1:]}{given}"


def options_table(found: RegisteredComponent) -> list[dict[str, Any]]:
    """One row per option of a component: name, type, default, whether required, description."""
    cls, defaults = load_class(found), extended(found).component.defaults
    if found.kind in WITHOUT_OPTIONS:
        return []
    rows = []
    for name, info in cls.Options.model_fields.items():
        default = defaults.get(
            name, None if info.is_required() else info.get_default(call_default_factory=True)
        )
        rows.append(
            {
                "name": name,
                "type": _type_name(info.annotation),
                "default": default,
                "required": info.is_required() and name not in defaults,
                "description": info.description or "",
            }
        )
    return rows


_PLAIN_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}


def _type_name(annotation: Any) -> str:
    """A type as shown to users: `text`, `whole | error`, `table of text`."""
    origin, inner = get_origin(annotation), [a for a in get_args(annotation) if a is not type(None)]
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " | ".join(map(_type_name, inner))
    if origin in (dict, list, tuple, set, frozenset):
        return f"{'table' if origin is dict else 'list'} of {_type_name(inner[-1])}" if inner else "list"
    if isinstance(annotation, type) and issubclass(annotation, str):
        return "text"  # such as an address, which is a text with attributes
    return _PLAIN_NAMES.get(annotation) or str(getattr(annotation, "__name__", annotation))
