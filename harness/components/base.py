"""What judges and generators share: options, identity, opening and closing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.components.options import HarnessOptions


class Configured:
    """A component made from its validated options. Making one imports and loads nothing heavy."""

    class Options(HarnessOptions):
        """The component's options; a subclass declares its own."""

    def __init__(self, options: Any = None) -> None:
        """Keep validated `options` (an instance of `Options`, or None for all defaults)."""
        self.options: Any = self.Options() if options is None else options

    def identity(self) -> Mapping[str, str]:
        """What determines answers besides options (weights' revision or digest), before weights load.

        Without it a plugin is known by its source file, and an object made in Python counts as a new model
        each time: its run cannot be resumed.
        """
        return {}

    def open(self) -> None:
        """Load what answering needs. Called once, before the first request."""

    def close(self) -> None:
        """Free what `open` took. May be called twice, and without `open`."""
