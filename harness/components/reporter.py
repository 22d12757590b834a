"""The reporter interface: how results are written for people and machines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from harness.components.base import Configured
from harness.results import Results


class Reporter(Configured, ABC):
    """Turns results into text."""

    source: Any = None
    """A `harness.ExportSource`, set before `render` where results are of a run folder: its answers one by one, what was
    asked, the files of its pictures. It is for reading; what writes files is a `harness.Exporter`."""

    @abstractmethod
    def render(self, results: Results, *, width: int = 100, color: bool = False) -> str:
        """The whole text, ending in a newline. `width` in columns; `color` allows terminal codes."""
