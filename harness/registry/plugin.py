"""The record of an installed plugin, and of a component with the plugin that offers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.components.record import Component

HOOKS = {
    "generator": "harness_generators",
    "judge": "harness_judges",
    "data set": "harness_datasets",
    "detector": "harness_detectors",
    "metric": "harness_metrics",
    "reporter": "harness_reporters",
    "exporter": "harness_exporters",
    "executor": "harness_executors",
    "importer": "harness_importers",
    "command": "harness_commands",
    "task folder": "harness_tasks",
}
"""Kind of what a plugin offers -> the hook that returns it."""


@dataclass
class Plugin:
    """An installed plugin: its distribution, its components, and what does not work."""

    dist: str
    version: str
    entry_point: str
    problem: str = ""
    """Why it is disabled as a whole."""
    faults: list[str] = field(default_factory=list)
    """Why some of what it offers is disabled; the rest works."""
    offers: dict[str, list[Any]] = field(default_factory=dict)
    api: str = ""
    """The version of the interface that it was written for; "" if it does not say."""
    remedy: str = ""
    """What to do about `problem`, if more is known than that it should be updated."""
    remarks: list[str] = field(default_factory=list)
    """What its authors should change, though everything works."""

    @property
    def state(self) -> str:
        """ "works", or what does not."""
        if self.problem:
            return f"disabled: {self.problem}"
        return f"partly disabled: {'; '.join(self.faults)}" if self.faults else "works"


@dataclass(frozen=True)
class RegisteredComponent:
    """A component with the distribution that provides it, and the model reference given after its name."""

    kind: str
    component: Component
    dist: str
    ref: str | None = None

    @property
    def reference(self) -> str:
        """The component as the user specifies it: `NAME` or `NAME:REF`."""
        return self.component.name if self.ref is None else f"{self.component.name}:{self.ref}"
