"""The contract that users, plugins and scripts rely on, as snapshots that a person reads.

A change here is a decision: something that was removed or changed breaks others, and needs a deprecation first
(`harness/deprecations.py`); something that was added raises the minor version of the interface (`harness/hookspecs.py`).

    UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/unit/test_contract.py && git diff tests/unit/contract
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import pytest

import harness
from harness import hookspecs
from harness.cli.main import COMMANDS
from harness.cli.main import harness as group
from harness.results import Results
from harness.tasks.spec import SuiteSpec, TaskSpec

SNAPSHOTS = Path(__file__).parent / "contract"


def names() -> Iterator[str]:
    """Each public name; of a class its bases, fields, and the methods that plugins call or override."""
    for name in sorted(harness.__all__):
        value = getattr(harness, name)
        if inspect.isclass(value):
            bases = ", ".join(base.__name__ for base in value.__bases__)
            yield f"class {name}({bases})"
            yield from (f"    {line}" for line in members(value))
        elif callable(value):
            yield f"def {name}{signature(value)}"
        elif name == "__version__":
            yield "__version__: str"
        else:
            yield f"{name} = {value!r}"


def members(cls: type) -> Iterator[str]:
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            required = field.default is field.default_factory is dataclasses.MISSING
            yield f"{field.name}: {field.type}" + ("" if required else " = ...")
    elif issubclass(cls, Enum):
        yield from (f"{item.name} = {item.value!r}" for item in cls)
    elif hasattr(cls, "model_fields"):
        yield from (f"{field}: ..." for field in cls.model_fields)
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    for name, value in sorted(vars(cls).items()):
        if name.startswith(("_", "model_")) or name in fields or issubclass(cls, Enum):
            continue
        raw = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        if inspect.isfunction(raw):
            coroutine = "async " if inspect.iscoroutinefunction(raw) else ""
            yield f"{coroutine}def {name}{signature(raw)}"
        elif isinstance(value, (property, cached_property)):
            yield f"@property {name}"
        elif inspect.isclass(value):
            yield f"class {name}"
        elif isinstance(value, (set, frozenset)):
            yield f"{name} = {sorted(value)}"
        elif not inspect.ismemberdescriptor(value):
            yield f"{name} = {value!r}"


def signature(value: Any) -> str:
    return str(inspect.signature(value)).replace("'", "")


def hooks() -> Iterator[str]:
    yield f"API_VERSION {hookspecs.API_VERSION}"
    for name, value in sorted(vars(hookspecs).items()):
        if name.startswith("harness_"):
            yield f"{name}{signature(value)}"


def command_line() -> Iterator[str]:
    """Every command with its arguments and options, and whether they are required, repeated, or take a value."""
    for name in COMMANDS:
        yield from command(name, importlib.import_module(f"harness.cli.{name}_command").command)
    yield from command("", group)


def command(name: str, found: click.Command) -> Iterator[str]:
    yield f"harness {name}".rstrip()
    for parameter in found.params:
        option = isinstance(parameter, click.Option)
        notes = [
            "required" if parameter.required else "",
            "repeatable" if getattr(parameter, "multiple", False) or parameter.nargs == -1 else "",
            "flag" if option and parameter.is_flag else "",
            "|".join(map(str, parameter.type.choices)) if isinstance(parameter.type, click.Choice) else "",
        ]
        label = ", ".join(parameter.opts) if option else (parameter.name or "").upper()
        yield f"    {label}" + "".join(f"  {note}" for note in notes if note)
    if isinstance(found, click.Group) and name:
        for inner, nested in found.commands.items():
            yield from command(f"{name} {inner}", nested)


def schema(model: Any) -> str:
    """A JSON Schema without its texts: what is valid, not how it is explained."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {
                k: v
                for k, v in value.items()
                if k != "title" and not (k == "description" and isinstance(v, str))
            }
            return {k: bare(v) for k, v in kept.items()}
        return [bare(item) for item in value] if isinstance(value, list) else value

    return json.dumps(bare(model.model_json_schema(by_alias=True)), indent=1, sort_keys=True)


CONTRACT = {
    "names.txt": lambda: "\n".join(names()),
    "hooks.txt": lambda: "\n".join(hooks()),
    "command_line.txt": lambda: "\n".join(command_line()),
    "task.json": lambda: schema(TaskSpec),
    "suite.json": lambda: schema(SuiteSpec),
    "results.json": lambda: schema(Results),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract(name: str) -> None:
    path, text = SNAPSHOTS / name, CONTRACT[name]() + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; see the head of this file"
