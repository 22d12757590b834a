"""Model references (folders and hub repositories), resolved before an engine is imported, and preset files."""

from harness.hub.presets import Fact, Preset, Zoo, memory_gib, read_presets
from harness.hub.references import Resolved, resolve

__all__ = ["Fact", "Preset", "Resolved", "Zoo", "memory_gib", "read_presets", "resolve"]
