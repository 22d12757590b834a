"""Finds plugins, keeps a broken one from harming the others, and looks components up by name."""

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
from harness.components.record import Component
from harness.errors import RequestError, UnknownName, unknown
from harness.registry import builtins

GROUP = "memobench"
HOOKS = {
    "generator": "harness_generators",
    "judge": "harness_judges",
    "data set": "harness_datasets",
    "detector": "harness_detectors",
    "metric": "harness_metrics",
    "reporter": "harness_reporters",
    "executor": "harness_executors",
    "task folder": "harness_tasks",
}


@dataclass
class Plugin:
    """One installed plugin: where it comes from, what it offers, why it is disabled (if it is)."""

    dist: str
    version: str
    entry_point: str
    problem: str = ""
    offers: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A component with its owner, and the model reference that stood behind its name."""

    kind: str
    component: Component
    dist: str
    ref: str | None = None

    @property
    def reference(self) -> str:
        """The name as a user types it."""
        return self.component.name if self.ref is None else f"{self.component.name}:{self.ref}"


class Registry:
    """All plugins and what they offer."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = list(plugins)

    def components(self, kind: str) -> list[Found]:
        """Every component of a kind, in order of name; presets and doubles included."""
        found = [
            Found(kind, c, p.dist) for p in self.plugins if not p.problem for c in p.offers.get(kind, [])
        ]
        return sorted(found, key=lambda f: (f.component.name, f.dist))

    def task_folders(self) -> list[Path]:
        """Folders with task files, the built-in one first."""
        return [path for p in self.plugins if not p.problem for path in p.offers.get("task folder", [])]

    def find(self, kind: str, reference: str) -> Found:
        """The component that `NAME`, `NAME:REF` or `DIST/NAME[:REF]` means.

        Raises `UnknownName` with the nearest name, or `RequestError` where several plugins own the name.
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
            raise _known_elsewhere(kind, head) or unknown(
                kind, head, {f.component.name for f in everything}, self._where_to_look(kind)
            )
        if len(matches) > 1:
            owners = " and ".join(f"{f.dist}/{f.component.name}" for f in matches)
            raise RequestError(
                f"The {kind} {name!r} is defined by several plugins: {owners}.",
                "Type one of these instead of the bare name.",
            )
        return Found(kind, matches[0].component, matches[0].dist, ref if colon else None)

    def _where_to_look(self, kind: str) -> str:
        listing = {"judge": "models", "generator": "models", "data set": "data", "metric": "metrics"}.get(
            kind
        )
        see = f"See `harness list {listing}`; plugins (memobench-plugin-*) add more." if listing else ""
        broken = [f"{p.dist} ({p.problem})" for p in self.plugins if p.problem]
        return f"{see} Disabled plugins: {'; '.join(broken)}." if broken else see


PLUGINS = {"vllm": "memobench-plugin-vllm", "transformers": "memobench-plugin-transformers",
           "openai": "memobench-plugin-openai", "nano": "memobench-plugin-nano", "fer": "memobench-plugin-fer",
           "portraits": "memobench-plugin-portraits", "echo": "memobench-plugin-echo"}  # fmt: skip
"""What to install for a name of ours that nothing is registered under."""


def _known_elsewhere(kind: str, name: str) -> UnknownName | None:
    """The error for a name that a plugin of ours would offer; None for others."""
    from harness.mllm.zoo import presets

    preset = next((p for p in presets().values() if name in (p.name, *p.aliases)), None)
    if kind == "judge" and preset is not None:
        return UnknownName(
            f"The judge {name!r} is {preset.ref} on vLLM, whose plugin is not installed.",
            f"Install it: pip install {PLUGINS['vllm']}",
        )
    if name in PLUGINS:
        return UnknownName(
            f"The {kind} {name!r} belongs to a plugin that is not installed.",
            f"Install it: pip install {PLUGINS[name]}",
        )
    return None


@functools.cache
def registry() -> Registry:
    """The registry of what is installed, loaded once in a process."""
    return load()


def load() -> Registry:
    """Load the built-ins and every installed plugin, one by one, in order of distribution name."""
    version = importlib.metadata.version("memobench") if _installed() else "checkout"
    plugins = [_collect(Plugin("memobench", version, "harness.registry.builtins"), builtins)]
    points = importlib.metadata.entry_points(group=GROUP)
    for point in sorted(points, key=lambda p: (p.dist.name.lower() if p.dist else "", p.name)):
        plugin = Plugin(
            point.dist.name if point.dist else "?", point.dist.version if point.dist else "?", point.value
        )
        try:
            module = point.load()
        except (Exception, SystemExit) as e:
            # A plugin may fail in any way at all; it must not stop the others.
            plugin.problem = f"fails to import: {type(e).__name__}: {e}"
        else:
            _collect(plugin, module)
        plugins.append(plugin)
    return Registry(plugins)


def _installed() -> bool:
    try:
        importlib.metadata.version("memobench")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _collect(plugin: Plugin, module: ModuleType) -> Plugin:
    """Call the module's hooks one by one and keep what they return, or why that is not possible."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, plugin.entry_point)
        manager.check_pending()
    except Exception as e:  # pluggy reports a misspelt hook or wrong arguments in several ways
        plugin.problem = f"misuses a hook: {e}"
        return plugin
    unmarked = [
        n for n in HOOKS.values() if hasattr(module, n) and not getattr(manager.hook, n).get_hookimpls()
    ]
    if unmarked:
        plugin.problem = f"{unmarked[0]} lacks @hookimpl"
        return plugin
    for kind, hook in HOOKS.items():
        wanted = Path if kind == "task folder" else Component
        try:
            returned = [item for result in getattr(manager.hook, hook)() for item in result]
        except (Exception, SystemExit) as e:
            # Any error in a plugin's hook disables that plugin alone.
            plugin.problem = f"{hook} raises {type(e).__name__}: {e}"
            return plugin
        wrong = next((item for item in returned if not isinstance(item, wanted)), None)
        if wrong is not None:
            plugin.problem = f"{hook} returns {type(wrong).__name__} where {wanted.__name__} belongs"
            return plugin
        plugin.offers[kind] = returned
    return plugin
