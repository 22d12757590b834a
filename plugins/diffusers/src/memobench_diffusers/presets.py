"""Presets of open text-to-image models, read from the TOML files in `models`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.hub import Preset, Zoo

_ZOO = Zoo(Path(__file__).with_name("models"))
preset_of = _ZOO.of


def presets() -> Mapping[str, Preset]:
    """Published models by short name, each field with its source."""
    return _ZOO.presets
