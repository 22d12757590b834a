"""Subcommands that plugins add to `harness`: looked up when no built-in one has the name."""

from __future__ import annotations

import click

from harness.registry.factory import load_class
from harness.registry.plugin import RegisteredComponent
from harness.registry.registry import registry


def names() -> dict[str, str]:
    """The subcommands of plugins, as they are typed, with a line on each."""
    return {registry().name_of(f): f.component.summary for f in registry().components("command")}


def find_command(name: str) -> click.Command | None:
    """The subcommand `NAME` or `DIST/NAME` of a plugin; None if there is none.

    Raises `RequestError` where several plugins have it, and `PluginError` where it cannot be loaded.
    """
    if not any(_is_named(found, name) for found in registry().components("command")):
        return None
    command: click.Command = load_class(registry().find("command", name))
    return command


def _is_named(found: RegisteredComponent, name: str) -> bool:
    own = (found.component.name, *found.component.aliases)
    return name in own or name in {f"{found.dist}/{one}" for one in own}
