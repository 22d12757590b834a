"""The record by which a plugin offers a component. Light on purpose: entry modules import only this."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Loader = Callable[[], Any]


@dataclass(frozen=True)
class Component:
    """A named class that is imported when it is first used.

    `load` imports and returns the class. A preset is a component too: the same class with `defaults`
    filled in. `aliases` are further names for it. `facts` gives rows (name, value, source) that `harness show`
    prints: what is known of the model, and where from.
    """

    name: str
    load: Loader
    summary: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    facts: Callable[[], Sequence[tuple[str, str, str]]] | None = None


@dataclass(frozen=True)
class lazy:  # noqa: N801 - reads as a function where plugins use it
    """A loader that imports `"package.module:Name"` when called: `lazy("mine.judge:Mine")`."""

    target: str

    def __call__(self) -> Any:
        """Import the module and return the named attribute."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)
