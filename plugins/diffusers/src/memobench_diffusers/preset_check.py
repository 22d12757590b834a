"""Checks a preset against the installed diffusers, without weights."""

from __future__ import annotations

import importlib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import HarnessError, MissingPackage, PresetCheck, nearest
from harness.hub import Resolved, on_disk
from memobench_diffusers.components import check_names, config_of, given_components
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.presets import preset_of
from memobench_diffusers.reference import INDEX, diffusers_version, is_component
from memobench_diffusers.settings import PipelineCall, resolve_settings

ABSENT = "the model is not on this disk"
UPDATE = "Correct the preset, or install a version of diffusers that knows it."


def check(options: DiffusersOptions, facts: Mapping[str, str]) -> Iterator[PresetCheck]:
    """The checks of one preset, in order; a reference that is wrong ends them."""
    try:
        model = on_disk(options.ref, options.revision, config=INDEX)
        index = model.read_json(INDEX) if model else {}
    except HarnessError as e:
        yield PresetCheck("reference", e.message, e.hint)
        return
    yield PresetCheck("reference")
    try:
        version = f"diffusers {diffusers_version()}"
    except MissingPackage as e:
        yield PresetCheck("pipeline", skipped=f"{e.message} {e.hint}")
        return
    preset = preset_of(options.ref.partition("@")[0])
    stated = str(facts.get("pipeline") or (preset.get("pipeline", "") if preset else ""))
    components = given_components(options)
    yield _files(model, index, version, components)
    pipeline = _pipeline(options, stated, index, version)
    yield pipeline if isinstance(pipeline, PresetCheck) else PresetCheck("pipeline")
    if not isinstance(pipeline, PresetCheck):
        if components:
            yield _components(pipeline, components)
        try:
            # Asking for them rejects those that the pipeline does not have.
            _ = PipelineCall(pipeline, resolve_settings(options, preset)).arguments
            yield PresetCheck("arguments")
        except HarnessError as e:
            yield PresetCheck("arguments", e.message, e.hint)


def _pipeline(options: DiffusersOptions, stated: str, index: Mapping[str, Any], version: str) -> Any:
    """The pipeline's class, or what is wrong with its name."""
    stored = index.get("_class_name")
    if isinstance(stored, list):
        return PresetCheck(
            "pipeline",
            f"{options.ref!r} needs Python code from its repository, which is never run.",
            "Use a model whose pipeline is part of diffusers.",
        )
    if stated and isinstance(stored, str) and stated != stored:
        return PresetCheck(
            "pipeline",
            f"The preset says {stated!r}, but {INDEX} of {options.ref!r} says {stored!r}.",
            "Correct the pipeline, or the reference.",
        )
    name = stated or str(stored or "")
    if not name:
        return PresetCheck("pipeline", skipped=f"{ABSENT}, and the preset does not say its pipeline")
    found = _class("diffusers", name)
    if found is None:
        guess = nearest(
            name, [n for n in dir(importlib.import_module("diffusers")) if n.endswith("Pipeline")]
        )
        hint = f"Did you mean {guess!r}? " if guess else ""
        return PresetCheck("pipeline", f"{version} has no pipeline {name!r}.", hint + UPDATE)
    return found


def _components(pipeline: Any, components: Mapping[str, str]) -> PresetCheck:
    """Whether the pipeline has the components that come from elsewhere, and their references have the right form."""
    try:
        check_names(pipeline, components)
        for ref in components.values():
            on_disk(ref, config=config_of(ref))
    except HarnessError as e:
        return PresetCheck("components", e.message, e.hint)
    return PresetCheck("components")


def _files(
    model: Resolved | None, index: Mapping[str, Any], version: str, elsewhere: Container[str]
) -> PresetCheck:
    """Whether a folder of the user's has the components that its index names; the cache may hold a part of a model."""
    if model is None or model.path is None:
        return PresetCheck("files", skipped=ABSENT)
    for name, entry in index.items():
        if not is_component(name, entry) or name in elsewhere:
            continue
        library, component = str(entry[0]), str(entry[1])
        if library in ("diffusers", "transformers") and _class(library, component) is None:
            return PresetCheck(
                "files",
                f"The component {name!r} of {model.ref!r} is {component}, which {version} does not know.",
                UPDATE,
            )
        if model.kind == "local" and not _has_files(model.path / name):
            return PresetCheck(
                "files",
                f"{model.ref!r} is incomplete: its component {name!r} is missing.",
                "Download the whole model again.",
            )
    return PresetCheck("files")


def _has_files(folder: Path) -> bool:
    """Whether a component has its configuration: a folder with at least one file of JSON."""
    return folder.is_dir() and any(folder.glob("*.json"))


def _class(library: str, name: str) -> Any:
    # The classes of both libraries are imported when they are asked for; one may need a package that is not installed.
    try:
        return getattr(importlib.import_module(library), name, None)
    except (ImportError, RuntimeError):
        return None
