"""The record that registers a component. Kept lightweight, because plugin entry modules import only this."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Loader = Callable[[], Any]


def nothing() -> Any:
    """The loader of a component that extends another one."""
    raise TypeError("the component has neither load nor extends")


@dataclass(frozen=True)
class Component:
    """A named class that is imported on first use.

    `load` imports and returns the class. A preset is also a component: the same class with different `defaults`, or, with
    `extends` instead of `load`, the class of another component of the same kind, named as a user names it (`openai`,
    `DIST/NAME`), which may belong to another plugin. `aliases` are alternative names. `facts` returns rows (name, value,
    source) about the model, which `harness show` prints. `trained_on` names the generators and data sets whose pictures
    its training used: results on such pictures carry a warning.
    """

    name: str
    load: Loader = nothing
    summary: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    facts: Callable[[], Sequence[tuple[str, str, str]]] | None = None
    trained_on: tuple[str, ...] = ()
    extends: str = ""


@dataclass(frozen=True)
class lazy:  # noqa: N801 - reads as a function where plugins use it
    """A loader that imports `"package.module:Name"` when called: `lazy("mine.judge:Mine")`."""

    target: str

    def __call__(self) -> Any:
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)
