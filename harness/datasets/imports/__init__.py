"""Imports published data sets safely and accounts for every row. A plugin's importer derives from `Importer`."""

from harness.datasets.home import data_home, document, imported
from harness.datasets.imports.base import (
    DOMAINS,
    LABELS,
    Importer,
    ImportOptions,
    LabelParser,
    Record,
    StoredReply,
)
from harness.datasets.imports.importer import import_data
from harness.datasets.imports.kinds import KINDS, folded, kind_of
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.verify import Difference, verify

__all__ = [
    "DOMAINS",
    "Difference",
    "ImportOptions",
    "Importer",
    "KINDS",
    "LABELS",
    "LabelParser",
    "Record",
    "Report",
    "Source",
    "StoredReply",
    "data_home",
    "document",
    "folded",
    "import_data",
    "imported",
    "kind_of",
    "verify",
]
