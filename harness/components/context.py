"""What a run gives a component when it opens it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.components.base import Configured


def _none() -> Path:
    raise RuntimeError("there is no run folder here")


@dataclass(frozen=True)
class Context:
    """The run that a component is opened for: a component that declares `open(self, context)` is given it.

    `devices` are the devices that it may use, such as ("cuda:0",); () where nobody chose. `logger` reaches the user: what it
    is told as INFO or more is shown while the run goes on.
    """

    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("memobench"))
    devices: tuple[str, ...] = ()
    folder: Callable[[], Path] = _none

    @property
    def state(self) -> Path:
        """A folder of its own inside the run folder, for what it must find again when the run is resumed: ids of batches,
        caches. It is created when it is first asked for, and `--fresh` begins with an empty one. Raises `RuntimeError`
        where there is no run folder.
        """
        return self.folder()


def open_component(component: Configured, context: Context) -> None:
    """Open a component, with the context if its `open` takes one."""
    takes = [
        p
        for p in _parameters(component.open)
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name != "self"
    ]
    if takes:
        component.open(context)
    else:
        component.open()


def _parameters(method: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(method).parameters.values())
    except (TypeError, ValueError):  # not written in Python
        return []
