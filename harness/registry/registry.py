"""Looks up components, tasks and plugins by name."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from harness.errors import RequestError, UnknownName, unknown
from harness.installing import PLUGINS, distribution, install_command
from harness.registry.loading import CORE, load_plugins
from harness.registry.plugin import Plugin, RegisteredComponent

_FIRST_PARTY = {distribution(f"memobench_{name}") for name in PLUGINS}


def precedence(dist: str) -> int:
    """Which of several distributions owns a name that each of them offers: the core, then this project's plugins, then others."""
    return 0 if dist == CORE else 1 if dist in _FIRST_PARTY else 2


class Registry:
    """All plugins and their components.

    A name belongs to the core before a plugin, and to a plugin of this project before others: what else is offered under
    it is reached as `DIST/NAME`.
    """

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
        return sorted(found, key=lambda f: (f.component.name, precedence(f.dist), f.dist))

    def task_folders(self) -> list[tuple[str, Path]]:
        """Folders with task files and the distributions that offer them, in order of precedence."""
        found = [
            (p.dist, path) for p in self.plugins if not p.problem for path in p.offers.get("task folder", [])
        ]
        return sorted(found, key=lambda owned: precedence(owned[0]))

    def find(self, kind: str, reference: str) -> RegisteredComponent:
        """The component that `NAME`, `NAME:REF` or `DIST/NAME[:REF]` refers to.

        Raises `UnknownName` with the nearest name, or `RequestError` if several plugins of others define the name.
        """
        head, colon, ref = reference.partition(":")
        dist, slash, name = head.rpartition("/")
        everything = self.components(kind)
        owners = _owners([f for f in everything if not slash or f.dist == dist], name)
        if not owners:
            raise _not_installed(kind, head) or unknown(
                kind, head, self._known(everything, dist), self._where_to_look(kind)
            )
        if len(owners) > 1:
            named = " and ".join(f"{f.dist}/{f.component.name}" for f in owners)
            raise RequestError(
                f"The {kind} {name!r} is defined by several plugins: {named}.",
                "Use one of these instead of the bare name.",
            )
        return RegisteredComponent(kind, owners[0].component, owners[0].dist, ref if colon else None)

    def _known(self, everything: list[RegisteredComponent], dist: str) -> set[str]:
        """The names to suggest: with the distribution, if that was given and exists."""
        own = {f"{dist}/{f.component.name}" for f in everything if f.dist == dist}
        return own or {f.component.name for f in everything}

    def name_of(self, found: RegisteredComponent) -> str:
        """The name that reaches a component: bare, or `DIST/NAME` where the bare one is another's."""
        name = found.component.name
        owners = _owners(self.components(found.kind), name)
        alone = len(owners) == 1 and (owners[0].dist, owners[0].component.name) == (found.dist, name)
        return name if alone else f"{found.dist}/{name}"

    def clashes(self, plugin: Plugin) -> list[str]:
        """Names of a plugin's components that belong to others, a sentence each."""
        found = []
        for kind in plugin.offers:
            if kind == "task folder":
                continue
            everything = self.components(kind)
            for one in everything:
                if one.dist != plugin.dist:
                    continue
                for name in (one.component.name, *one.component.aliases):
                    others = [f.dist for f in _owners(everything, name) if f.dist != plugin.dist]
                    if others:
                        whose = f"also that of {' and '.join(others)}"
                        found.append(f"the {kind} {name!r} is {whose}: use {plugin.dist}/{name}")
        return found

    def _where_to_look(self, kind: str) -> str:
        listing = {"judge": "models", "generator": "models", "data set": "data", "metric": "metrics"}.get(
            kind
        )
        see = f"See `harness list {listing}`; plugins (memobench-plugin-*) add more." if listing else ""
        broken = [
            f"{p.dist} ({p.problem or '; '.join(p.faults)})" for p in self.plugins if p.state != "works"
        ]
        return f"{see} Disabled plugins: {'; '.join(broken)}." if broken else see


def _owners(found: Sequence[RegisteredComponent], name: str) -> list[RegisteredComponent]:
    """The components that a name means: of the foremost distributions that have it, by its own name before an alias."""
    matches = [f for f in found if name in (f.component.name, *f.component.aliases)]
    ranks = [(precedence(f.dist), f.component.name != name) for f in matches]
    return [f for f, rank in zip(matches, ranks, strict=True) if rank == min(ranks)]


_OWNERS = {name: name for name in PLUGINS} | {
    "nano-transformers": "nano",
    "nano-vllm": "nano",
    "openai-images": "openai",
    "people": "annotate",
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
    """A new registry of the built-ins and every installed plugin."""
    return Registry(load_plugins())
