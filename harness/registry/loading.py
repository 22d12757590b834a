"""Loads installed plugins one by one: what is wrong with one, or with a part of it, never affects the others."""

from __future__ import annotations

import importlib.metadata
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from harness import hookspecs
from harness._version import __version__
from harness.components.failures import is_interrupt, message_of
from harness.components.guest_code import imported_code
from harness.components.record import Component, nothing
from harness.config import config
from harness.errors import nearest
from harness.registry import builtins
from harness.registry.compatibility import Unfit, check_requirements, stated_version
from harness.registry.plugin import HOOKS, Plugin

GROUP = "memobench"
CORE = "memobench"
"""The distribution of the core, whose components own their names."""
MOST_OFFERED = 10_000
"""Items of one hook: a hook that never ends must not hang what lists them."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def load_plugins() -> list[Plugin]:
    """The built-ins and every installed plugin, in order of distribution name."""
    version = importlib.metadata.version(CORE) if _installed() else "checkout"
    plugins = [_collect(Plugin(CORE, version, "harness.registry.builtins"), builtins)]
    chosen = config()
    points = importlib.metadata.entry_points(group=GROUP)
    for (dist, dist_version), point in sorted(
        ((_distribution(p), p) for p in points), key=lambda found: (found[0][0].lower(), found[1].name)
    ):
        plugin = Plugin(dist, dist_version, point.value, problem=chosen.denied(dist))
        plugins.append(plugin if plugin.problem else _loaded(plugin, point))
    return plugins


def load_plugin(point: importlib.metadata.EntryPoint) -> Plugin:
    """The plugin of one entry point."""
    return _loaded(Plugin(*_distribution(point), point.value), point)


def _loaded(plugin: Plugin, point: importlib.metadata.EntryPoint) -> Plugin:
    """The same plugin with what it offers, or why it is disabled."""
    try:
        check_requirements(point, __version__)
        with imported_code():
            module = point.load()
        plugin.api = stated_version(module)
    except Unfit as e:
        plugin.problem, plugin.remedy = e.problem, e.remedy
    except BaseException as e:
        # A plugin may fail in any way; it must not affect the others.
        if is_interrupt(e):
            raise
        plugin.problem = f"fails to import: {type(e).__name__}: {message_of(e)}"
    else:
        _collect(plugin, module)
        if not plugin.api:
            plugin.remarks.append(f'states no API_VERSION: the current one is "{hookspecs.API_VERSION}"')
    return plugin


def _distribution(point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """The name and version of a plugin's distribution; "?" where its metadata is damaged."""
    try:
        assert point.dist is not None, "entry points that were looked up have one"
        return point.dist.name or "?", point.dist.version or "?"
    except Exception:  # the metadata of other distributions is not ours to trust
        return "?", "?"


def _installed() -> bool:
    try:
        importlib.metadata.version(CORE)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _collect(plugin: Plugin, module: ModuleType) -> Plugin:
    """Call the module's hooks and store the returned components, or why a hook, or the plugin, is disabled."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugin.problem = _misuse(manager, module, plugin.entry_point)
    if plugin.problem:
        return plugin
    implemented = {name for name in HOOKS.values() if getattr(manager.hook, name).get_hookimpls()}
    for kind, hook in HOOKS.items():
        plugin.offers[kind] = []
        if hook not in implemented:
            continue
        try:
            with imported_code():
                offered = (item for result in getattr(manager.hook, hook)() for item in result)
                returned = list(islice(offered, MOST_OFFERED + 1))
        except BaseException as e:
            # An error in a hook disables only what that hook offers.
            if is_interrupt(e):
                raise
            plugin.faults.append(f"{hook} raises {type(e).__name__}: {message_of(e)}")
            continue
        expected = Path if kind == "task folder" else Component
        wrong = next((item for item in returned if not isinstance(item, expected)), None)
        if wrong is not None:
            plugin.faults.append(f"{hook} returns {type(wrong).__name__} instead of {expected.__name__}")
            continue
        if len(returned) > MOST_OFFERED:
            plugin.faults.append(f"{hook} offers more than {MOST_OFFERED:,} items")
            continue
        if not returned and plugin.dist != CORE:
            plugin.remarks.append(f"{hook} offers nothing")
        faults = dict(_folder_faults(returned) if expected is Path else _component_faults(returned))
        plugin.faults += [f"{hook}: {fault}" for fault in faults.values()]
        plugin.offers[kind] = [item for at, item in enumerate(returned) if at not in faults]
    if not implemented:
        plugin.problem = "implements no hook"
    elif plugin.faults and not any(plugin.offers.values()):
        plugin.problem = "; ".join(plugin.faults)
    return plugin


def _misuse(manager: pluggy.PluginManager, module: ModuleType, entry_point: str) -> str:
    """How a module misuses the hooks, as a sentence; "" if it does not. Registers the module."""
    known = set(HOOKS.values())
    unmarked = [name for name in sorted(known) if hasattr(module, name) and not _is_marked(module, name)]
    if unmarked:
        return f"{unmarked[0]} lacks @hookimpl"
    for name in sorted(vars(module)):
        if name.startswith("harness_") and name not in known and callable(getattr(module, name)):
            guess = nearest(name, known)
            return f"{name} is not a hook" + (f": did it mean {guess}?" if guess else "")
    try:
        manager.register(module, entry_point)
        manager.check_pending()
    except BaseException as e:  # pluggy raises various exceptions for a misspelt hook or wrong arguments
        if is_interrupt(e):
            raise
        return f"misuses a hook: {message_of(e)}"
    return ""


def _is_marked(module: ModuleType, name: str) -> bool:
    return hasattr(getattr(module, name), f"{hookspecs.PROJECT}_impl")


def _component_faults(returned: list[Any]) -> Iterator[tuple[int, str]]:
    """What is wrong with components, by position."""
    seen: Counter[str] = Counter()
    for at, component in enumerate(returned):
        fault = _component_fault(component)
        if not fault:
            seen.update([component.name])
            if seen[component.name] > 1:
                fault = f"{component.name!r} is offered twice"
        if fault:
            yield at, fault


def _component_fault(component: Component) -> str:
    for name in (component.name, *_texts(component.aliases)):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return f"{name!r:.80} is no name: letters, digits, and . _ + - after the first"
    if not isinstance(component.summary, str) or not isinstance(component.extends, str):
        return f"{component.name!r}: summary and extends are texts"
    if not isinstance(component.defaults, Mapping) or not all(isinstance(k, str) for k in component.defaults):
        return f"{component.name!r}: defaults are a mapping of option names to values"
    if not isinstance(component.aliases, (tuple, list)):
        return f"{component.name!r}: aliases are a tuple of names"
    if not callable(component.load):
        return f"{component.name!r}: load is no function: write lazy('package.module:Class')"
    if component.extends and component.load is not nothing:
        return f"{component.name!r} has both load and extends"
    if not component.extends and component.load is nothing:
        return f"{component.name!r} has neither load nor extends"
    return ""


def _texts(aliases: Any) -> tuple[Any, ...]:
    return tuple(aliases) if isinstance(aliases, (tuple, list)) else ()


def _folder_faults(returned: list[Any]) -> Iterator[tuple[int, str]]:
    for at, folder in enumerate(returned):
        if not folder.is_dir():
            yield at, f"the folder {str(folder)!r} does not exist"
