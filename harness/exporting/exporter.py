"""The exporter interface: how a run is written as files of another tool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from harness.components.base import Configured
from harness.exporting.source import ExportSource


class Exporter(Configured, ABC):
    """Writes a run in the format of another tool."""

    output: ClassVar[str] = ""
    """Name of the file or folder inside the run folder that is written where the user gives none."""

    @abstractmethod
    def write(self, source: ExportSource, out: Path) -> Sequence[Path]:
        """Write the run to `out`, a file or a folder as the format has it, and return the files written.

        Writing the same run again to the same place replaces what was written. Every figure is that of
        `source.results`; rows are read as often as needed and not kept. Raise `harness.RequestError` for a run that the
        format cannot hold.
        """
