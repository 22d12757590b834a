"""The presets of open text-to-image models: data files beside this module."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from harness.hub import Preset, read_presets

FOLDER = Path(__file__).with_name("models")


@functools.cache
def presets() -> Mapping[str, Preset]:
    """Published models by short name, each field with its source."""
    return {name: p for file in sorted(FOLDER.glob("*.toml")) for name, p in read_presets(file).items()}


def preset_of(ref: str) -> Preset | None:
    """What is known of the model that a reference (without its revision) means; None for others."""
    return next((p for p in presets().values() if p.ref == ref), None)
