"""Defines every plugin hook. A plugin implements the hooks it needs and returns `Component` records.

A plugin is a distribution with an entry point in the group `memobench`:

    [project.entry-points.memobench]
    mine = "memobench_plugin_mine.plugin"

whose module states the version of this interface that it was written for, and marks functions with `@hookimpl`:

    API_VERSION = "1.0"

Hooks only return values; they have no side effects. The module must not import heavy packages; `Component.load` imports
the class on first use.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pluggy

from harness.components.record import Component

API_VERSION = "1.0"
"""The version of the plugin interface: these hooks, the base classes of components, and the public names of `harness`.

The minor number grows when something is added, the major one when something that a plugin may use is changed or removed.
A plugin works with every core of its major version that is not older than the minor version that it states.
"""
PROJECT = "memobench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_generators() -> Sequence[Component]:  # type: ignore[empty-body]
    """Text-to-image models: components that load a `harness.Generator`."""


@hookspec
def harness_judges() -> Sequence[Component]:  # type: ignore[empty-body]
    """Models that recognise emotion: components that load a `harness.Judge`."""


@hookspec
def harness_datasets() -> Sequence[Component]:  # type: ignore[empty-body]
    """Labelled portraits: components that load a `harness.DataSet`."""


@hookspec
def harness_detectors() -> Sequence[Component]:  # type: ignore[empty-body]
    """Face detectors: components that load a `harness.Detector`."""


@hookspec
def harness_metrics() -> Sequence[Component]:  # type: ignore[empty-body]
    """Metrics that task files refer to: components that load a `harness.Metric`."""


@hookspec
def harness_tasks() -> Sequence[Path]:  # type: ignore[empty-body]
    """Folders with task and suite files (`*.toml`) and an optional `prompts/*.csv`."""


@hookspec
def harness_reporters() -> Sequence[Component]:  # type: ignore[empty-body]
    """Output formats for results: components that load a `harness.Reporter`."""


@hookspec
def harness_exporters() -> Sequence[Component]:  # type: ignore[empty-body]
    """Files of other tools, for `harness export --format NAME`: components that load a `harness.Exporter`."""


@hookspec
def harness_executors() -> Sequence[Component]:  # type: ignore[empty-body]
    """Where judges and generators run: components that load a `harness.Executor`."""


@hookspec
def harness_importers() -> Sequence[Component]:  # type: ignore[empty-body]
    """Kinds of release for `harness data import KIND`: components that load a `harness.datasets.imports.Importer`."""


@hookspec
def harness_commands() -> Sequence[Component]:  # type: ignore[empty-body]
    """Subcommands of `harness`: components whose `load` returns a `click.Command`. It is loaded when it is used."""
