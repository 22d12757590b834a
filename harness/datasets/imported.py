"""Registers imported data sets as components, so that `--data NAME` finds them."""

from __future__ import annotations

from pathlib import Path

from harness.components.dataset import DataSet
from harness.components.options import HarnessOptions, option
from harness.datasets.home import imported
from harness.errors import unknown


class ImportedData(DataSet):
    """A data set created by `harness data import`."""

    class Options(HarnessOptions):
        name: str = option(..., "the data set's name")

    def prepare(self) -> Path:
        folder = imported().get(self.options.name)
        if folder is None:
            raise unknown("imported data set", self.options.name, imported())
        return folder
