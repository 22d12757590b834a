"""Where model weights come from: folders and hub references, checked before an engine is imported; preset files."""

from harness.hub.presets import Fact, Preset, Zoo, memory_gib, read_presets
from harness.hub.references import Resolved, resolve

__all__ = ["Fact", "Preset", "Resolved", "Zoo", "memory_gib", "read_presets", "resolve"]
