"""The presets of open multimodal LLMs, from the TOML files next to this module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.hub.presets import Preset, Zoo

_ZOO = Zoo(Path(__file__).with_name("models"))
preset_of = _ZOO.of
known_reference = _ZOO.reference


def presets() -> Mapping[str, Preset]:
    """Published models by short name."""
    return _ZOO.presets
