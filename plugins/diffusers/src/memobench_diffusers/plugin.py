"""Plugin entry point: the generator `diffusers:REF` and a preset for each known published model."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy
from memobench_diffusers.presets import presets

API_VERSION = "1.0"

LOAD = lazy("memobench_diffusers.generator:DiffusersGenerator")


@hookimpl
def harness_generators() -> Sequence[Component]:
    generator = Component(
        "diffusers",
        LOAD,
        "any text-to-image model that diffusers supports: diffusers:FOLDER or diffusers:ORG/NAME[@REVISION]",
    )
    return [
        generator,
        *(Component(p.name, LOAD, p.summary, {"ref": p.ref}, p.aliases, p.table) for p in presets().values()),
    ]
