"""The data set interface: what provides a folder of labelled portraits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from harness.components.base import Configured


class DataSet(Configured, ABC):
    """A registered data set: it puts a data folder on disk, which the core then reads like a user's own."""

    @abstractmethod
    def prepare(self) -> Path:
        """Return a folder with `manifest.csv`, making it on first use (written aside, then renamed).

        Columns: `image` (path relative to the folder); optional `id`, `emotion`, `intensity`, `quality`,
        `prompt_id`, `subject`, `generator`; any others are kept as attributes to group by.
        """
