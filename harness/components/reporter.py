"""The reporter interface: how results are written for people and machines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from harness.components.base import Configured


class Reporter(Configured, ABC):
    """Turns a results document (schema 1) into text."""

    @abstractmethod
    def render(self, results: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
        """The whole text, ending in a newline. `width` in columns; `color` allows terminal codes."""
