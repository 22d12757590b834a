"""Discovers plugins, isolates broken ones, and looks up components by name."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from harness import hookspecs
from harness.components.failures import is_interrupt, message_of
from harness.components.record import Component
from harness.errors import RequestError, UnknownName, unknown
from harness.installing import PLUGINS, install_command
from harness.registry import builtins

GROUP = "memobench"
HOOKS = {
    "generator": "harness_generators",
    "judge": "harness_judges",
    "data set": "harness_datasets",
    "detector": "harness_detectors",
    "metric": "harness_metrics",
    "reporter": "harness_reporters",
    "exporter": "harness_exporters",
    "executor": "harness_executors",
    "task folder": "harness_tasks",
}


@dataclass
class Plugin:
    """An installed plugin: its distribution, its components, and what does not work."""

    dist: str
    version: str
    entry_point: str
    problem: str = ""
    """Why it is disabled as a whole."""
    faults: list[str] = field(default_factory=list)
    """Why some of its hooks offer nothing; what the others offer works."""
    offers: dict[str, list[Any]] = field(default_factory=dict)

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


class Registry:
    """All plugins and their components."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = list(plugins)

    def components(self, kind: str) -> list[RegisteredComponent]:
        """Every component of a kind, sorted by name, including presets and duplicates."""
        found = [
            RegisteredComponent(kind, c, p.dist)
            for p in self.plugins
            if not p.problem
            for c in p.offers.get(kind, [])
        ]
        return sorted(found, key=lambda f: (f.component.name, f.dist))

    def task_folders(self) -> list[Path]:
        """Folders with task files, the built-in one first."""
        return [path for p in self.plugins if not p.problem for path in p.offers.get("task folder", [])]

    def find(self, kind: str, reference: str) -> RegisteredComponent:
        """The component that `NAME`, `NAME:REF` or `DIST/NAME[:REF]` refers to.

        Raises `UnknownName` with the nearest name, or `RequestError` if several plugins define the name.
        """
        head, colon, ref = reference.partition(":")
        dist, slash, name = head.rpartition("/")
        everything = self.components(kind)
        matches = [
            f
            for f in everything
            if name in (f.component.name, *f.component.aliases) and (not slash or f.dist == dist)
        ]
        if not matches:
            raise _not_installed(kind, head) or unknown(
                kind, head, {f.component.name for f in everything}, self._where_to_look(kind)
            )
        if len(matches) > 1:
            owners = " and ".join(f"{f.dist}/{f.component.name}" for f in matches)
            raise RequestError(
                f"The {kind} {name!r} is defined by several plugins: {owners}.",
                "Use one of these instead of the bare name.",
            )
        return RegisteredComponent(kind, matches[0].component, matches[0].dist, ref if colon else None)

    def _where_to_look(self, kind: str) -> str:
        listing = {"judge": "models", "generator": "models", "data set": "data", "metric": "metrics"}.get(
            kind
        )
        see = f"See `harness list {listing}`; plugins (memobench-plugin-*) add more." if listing else ""
        broken = [
            f"{p.dist} ({p.problem or '; '.join(p.faults)})" for p in self.plugins if p.state != "works"
        ]
        return f"{see} Disabled plugins: {'; '.join(broken)}." if broken else see


_OWNERS = {name: name for name in PLUGINS} | {
    "nano-transformers": "nano",
    "nano-vllm": "nano",
    "openai-images": "openai",
    "tiny-face": "fer",
}
"""The plugin of this project that provides each component, presets aside."""


def _not_installed(kind: str, name: str) -> UnknownName | None:
    """The error for a name that belongs to an official plugin that is not installed; None for other names."""
    from harness.mllm.model_presets import presets

    preset = next((p for p in presets().values() if name in (p.name, *p.aliases)), None)
    if kind == "judge" and preset is not None:
        return UnknownName(
            f"The judge {name!r} is {preset.ref} on vLLM, and the vLLM plugin is not installed.",
            f"Install it: {install_command('memobench_vllm')}",
        )
    if name in _OWNERS:
        return UnknownName(
            f"The {kind} {name!r} belongs to a plugin that is not installed.",
            f"Install it: {install_command(f'memobench_{_OWNERS[name]}')}",
        )
    return None


@functools.cache
def registry() -> Registry:
    """The registry of installed plugins, loaded once per process."""
    return load()


def load() -> Registry:
    """Load the built-ins and every installed plugin, in order of distribution name."""
    version = importlib.metadata.version("memobench") if _installed() else "checkout"
    plugins = [_collect(Plugin("memobench", version, "harness.registry.builtins"), builtins)]
    points = importlib.metadata.entry_points(group=GROUP)
    for (dist, dist_version), point in sorted(
        ((_distribution(p), p) for p in points), key=lambda found: (found[0][0].lower(), found[1].name)
    ):
        plugin = Plugin(dist, dist_version, point.value)
        try:
            module = point.load()
        except BaseException as e:
            # A plugin may fail in any way; it must not affect the others.
            if is_interrupt(e):
                raise
            plugin.problem = f"fails to import: {type(e).__name__}: {message_of(e)}"
        else:
            _collect(plugin, module)
        plugins.append(plugin)
    return Registry(plugins)


def _distribution(point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """The name and version of a plugin's distribution; "?" where its metadata is damaged."""
    try:
        assert point.dist is not None, "entry points that were looked up have one"
        return point.dist.name or "?", point.dist.version or "?"
    except Exception:  # the metadata of other distributions is not ours to trust
        return "?", "?"


def _installed() -> bool:
    try:
        importlib.metadata.version("memobench")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _collect(plugin: Plugin, module: ModuleType) -> Plugin:
    """Call the module's hooks and store the returned components, or why a hook, or the plugin, is disabled."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, plugin.entry_point)
        manager.check_pending()
    except BaseException as e:  # pluggy raises various exceptions for a misspelt hook or wrong arguments
        if is_interrupt(e):
            raise
        plugin.problem = f"misuses a hook: {e}"
        return plugin
    unmarked = [
        n for n in HOOKS.values() if hasattr(module, n) and not getattr(manager.hook, n).get_hookimpls()
    ]
    if unmarked:
        plugin.problem = f"{unmarked[0]} lacks @hookimpl"
        return plugin
    for kind, hook in HOOKS.items():
        expected = Path if kind == "task folder" else Component
        try:
            returned = [item for result in getattr(manager.hook, hook)() for item in result]
        except BaseException as e:
            # An error in a hook disables only what that hook offers.
            if is_interrupt(e):
                raise
            plugin.faults.append(f"{hook} raises {type(e).__name__}: {message_of(e)}")
            continue
        wrong = next((item for item in returned if not isinstance(item, expected)), None)
        if wrong is not None:
            plugin.faults.append(f"{hook} returns {type(wrong).__name__} instead of {expected.__name__}")
            continue
        plugin.offers[kind] = returned
    if plugin.faults and not any(plugin.offers.values()):
        plugin.problem = "; ".join(plugin.faults)
    return plugin
