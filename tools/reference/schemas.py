"""The formats of files, from the pydantic models that read and write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from harness.gating.config import GateConfig
from harness.results import Results
from harness.tasks.spec import SuiteSpec, TaskSpec
from reference.markdown import table

RESULTS = """# results.json

Schema 1, as `harness schema result` prints it for machines. `harness run --json`, `harness show RUN --json` and the file in the run
folder hold the same. Fields are added, never renamed or removed. A value that does not exist is null, and a warning says why.
In Python they are attributes: `harness.load(RUN).results.tasks[0].metrics[0].value`.

"""
TASKS = """# Task files

What a task or suite file may hold; [Tasks and suites](../tasks.md) explains it. `harness schema task` prints the JSON Schema, with
which an editor completes and checks the file. Unknown keys are errors.

"""
GATE = """# Gate settings

What `gate.toml` in the folder of a baseline may hold; [the gate](../gate.md) explains it. `harness schema gate` prints the JSON Schema.

"""


def results() -> str:
    """The page on results.json."""
    return RESULTS + _models([Results])


def tasks() -> str:
    """The page on task and suite files."""
    return TASKS + _models([TaskSpec, SuiteSpec])


def gate() -> str:
    """The page on gate.toml."""
    return GATE + _models([GateConfig])


def _models(roots: Sequence[type[BaseModel]]) -> str:
    definitions: dict[str, Any] = {}
    for root in roots:
        schema = root.model_json_schema()
        definitions |= {root.__name__: schema} | schema.get("$defs", {})
    names = list(dict.fromkeys(n for root in roots for n in _reachable(root.__name__, definitions)))
    return "\n".join(part for name in names for part in _section(name, definitions[name]))


def _reachable(name: str, definitions: dict[str, Any]) -> list[str]:
    """The models that a model refers to, itself first, in the order of its fields."""
    found, queue = [], [name]
    while queue:
        one = queue.pop(0)
        if one not in found:
            found.append(one)
            queue += re.findall(r"'#/\$defs/(\w+)'", str(definitions[one].get("properties", {})))
    return found


def _section(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"## {name}\n"
    yield " ".join(str(schema.get("description", "")).split("\n\n")[0].split()) + "\n"
    if "enum" in schema:
        yield "One of " + ", ".join(f"`{v}`" for v in schema["enum"]) + ".\n"
        return
    required = schema.get("required", ())
    rows = [
        (f"`{key}`", _type(value), _default(value, key in required), value.get("description", ""))
        for key, value in schema.get("properties", {}).items()
    ]
    yield table(["Key", "Type", "Default", "Meaning"], rows)


def _default(value: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    default = value.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""
    return f"`{default}`".replace("True", "true").replace("False", "false")


_PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def _type(value: dict[str, Any]) -> str:
    """A type of JSON Schema in words, with links to models."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in value:
        return " or ".join(f"`{v}`" for v in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "anyOf" in value or "allOf" in value:
        return " or ".join(dict.fromkeys(_type(v) for v in value.get("anyOf", value.get("allOf"))))
    if value.get("type") == "array":
        items = value.get("items") or (value.get("prefixItems") or [{}])[0]
        return f"list of {_type(items)}" if items else "list"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"table of {_type(inner)}" if isinstance(inner, dict) and inner else "table"
    return _PLAIN.get(str(value.get("type")), "any")
