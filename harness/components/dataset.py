"""The data set interface: provides a folder of labelled portraits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from harness.components.base import Configured


class DataSet(Configured, ABC):
    """A registered data set. It puts a data folder on disk, which the core reads like any other."""

    @abstractmethod
    def prepare(self) -> Path:
        """Return a folder with `manifest.csv`; create it on first use (in a temporary folder, then rename).

        Columns: `image` (path relative to the folder); optional `id`, `emotion`, `intensity`, `quality`,
        `prompt_id`, `subject`, `generator`; all others become attributes to group by.
        """
