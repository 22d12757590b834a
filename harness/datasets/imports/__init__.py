"""Imports published data sets safely and accounts for every row."""

from harness.datasets.home import data_home, document, imported
from harness.datasets.imports.base import LABELS, ImportOptions, Kind, Record
from harness.datasets.imports.importer import import_data
from harness.datasets.imports.kinds import KINDS, kind_of
from harness.datasets.imports.verify import Difference, verify

__all__ = [
    "Difference",
    "ImportOptions",
    "KINDS",
    "Kind",
    "LABELS",
    "Record",
    "data_home",
    "document",
    "import_data",
    "imported",
    "kind_of",
    "verify",
]
