"""The reporter interface: how results are written for people and machines."""

from __future__ import annotations

from abc import ABC, abstractmethod

from harness.components.base import Configured
from harness.results import Results


class Reporter(Configured, ABC):
    """Turns results into text."""

    @abstractmethod
    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        """The whole text, ending in a newline. `width` in columns; `color` allows terminal codes."""
