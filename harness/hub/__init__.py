"""Model references (folders and hub repositories), resolved before an engine is imported; preset files."""

from harness.hub.certificates import certificate_problem
from harness.hub.presets import Fact, Preset, Zoo, memory_gib, read_presets
from harness.hub.references import Resolved, on_disk, resolve
from harness.hub.weights import check_files, stored_tensors

__all__ = [
    "Fact",
    "Preset",
    "Resolved",
    "Zoo",
    "certificate_problem",
    "check_files",
    "memory_gib",
    "on_disk",
    "read_presets",
    "resolve",
    "stored_tensors",
]
