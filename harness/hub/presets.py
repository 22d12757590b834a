"""Preset files: properties of published models, each a value with its source."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from harness.errors import BadOption, BadTask, nearest

BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "fp8": 1.0, "int8": 1.0, "8bit": 1.0, "4bit": 0.5}
"""Bytes per parameter, by data type."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A property of a model and its source ("model card", "config.json", "assumed")."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A published model under a short name."""

    name: str
    aliases: tuple[str, ...]
    summary: str
    facts: Mapping[str, Fact]

    @property
    def ref(self) -> str:
        """The model's reference on the hub."""
        return str(self.facts["ref"].value)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a fact, or `default` if it is unknown."""
        fact = self.facts.get(key)
        return default if fact is None else fact.value

    def table(self) -> tuple[tuple[str, str, str], ...]:
        """Rows (name, value, source) as `harness show` prints them, with the memory estimate."""
        rows = [(key, _shown(fact.value), fact.source) for key, fact in self.facts.items()]
        if "parameters" in self.facts:
            need = memory_gib(float(self.get("parameters")), str(self.get("dtype", "bfloat16")))
            rows.append(
                ("memory", f"{need:.1f} GiB of weights", "estimate: parameters x bytes per parameter")
            )
        return tuple(rows)


def memory_gib(billions: float, dtype: str) -> float:
    """Memory of the weights in GiB, estimated from the number of parameters in billions."""
    return billions * 1e9 * BYTES.get(dtype, 2.0) / 2**30


class Zoo:
    """The published models in a folder of preset files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @functools.cached_property
    def presets(self) -> Mapping[str, Preset]:
        """All presets by short name."""
        return {
            name: p for file in sorted(self.folder.glob("*.toml")) for name, p in read_presets(file).items()
        }

    def of(self, ref: str) -> Preset | None:
        """The preset of a hub reference without revision, or None."""
        return next((p for p in self.presets.values() if p.ref == ref), None)

    def reference(self, given: str) -> str:
        """The folder or hub reference that `given` means; short names are replaced, revisions kept.

        Raises `BadOption` with the nearest name for anything else.
        """
        if "/" in given or os.path.exists(os.path.expanduser(given)):
            return given
        name, at, revision = given.partition("@")
        names = {alias: p.ref for p in self.presets.values() for alias in (p.name, *p.aliases)}
        if name in names:
            return names[name] + at + revision
        guess = nearest(name, names)
        raise BadOption(
            f"{given!r} is neither an existing folder, nor a hub reference (ORG/NAME), nor a known name.",
            f"Did you mean {guess!r}?" if guess else "Known names: " + ", ".join(self.presets),
        )


@functools.cache
def read_presets(path: Path) -> Mapping[str, Preset]:
    """The presets of a TOML file by name. Raises `BadTask` that names the invalid preset and field."""
    with path.open("rb") as file:
        tables = tomli.load(file)
    return {name: _preset(name, dict(table), path) for name, table in tables.items()}


def _preset(name: str, table: dict[str, Any], path: Path) -> Preset:
    aliases, summary = tuple(table.pop("aliases", ())), str(table.pop("summary", ""))
    facts = {}
    for key, entry in table.items():
        if not isinstance(entry, dict) or set(entry) != {"value", "source"}:
            raise BadTask(
                f"{path}: {name}.{key} must be a value with its source.",
                'Write it as { value = ..., source = "..." }.',
            )
        facts[key] = Fact(entry["value"], str(entry["source"]))
    if "ref" not in facts:
        raise BadTask(f"{path}: {name} has no ref.", 'Add ref = { value = "ORG/NAME", source = "..." }.')
    return Preset(name, aliases, summary, facts)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_shown(v)}" for k, v in value.items())
    return str(value)
