"""Imported data sets as components: `--data NAME` finds them like any other."""

from __future__ import annotations

from pathlib import Path

from harness.components.dataset import DataSet
from harness.components.options import HarnessOptions, option
from harness.datasets.home import imported
from harness.errors import unknown


class ImportedData(DataSet):
    """A data set that `harness data import` made."""

    class Options(HarnessOptions):
        """Options of an imported data set."""

        name: str = option(..., "the data set's name")

    def prepare(self) -> Path:
        """Its folder."""
        folder = imported().get(self.options.name)
        if folder is None:
            raise unknown("imported data set", self.options.name, imported())
        return folder
