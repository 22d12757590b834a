"""Checks a preset against the installed transformers, without weights."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from harness import MissingPackage, PresetCheck
from harness.mllm import ModelPreset, check_model, known_name, load_tokenizer
from memobench_transformers import packages
from memobench_transformers.options import TransformersOptions


def check(options: TransformersOptions, facts: Mapping[str, str]) -> Iterator[PresetCheck]:
    """The checks of one preset."""
    preset = ModelPreset(options.ref, options.revision, options.chat_template, options.lora, facts, options)
    yield from check_model(preset, functools.partial(_architecture, options), load_tokenizer)


def _architecture(
    options: TransformersOptions, config: Mapping[str, Any], facts: Mapping[str, str]
) -> PresetCheck:
    try:
        version = f"transformers {packages.version()}"
    except MissingPackage as e:
        return PresetCheck("architecture", skipped=f"{e.message} {e.hint}")
    if options.trust_remote_code and (config.get("auto_map") or not config):
        return PresetCheck("architecture", skipped="its classes are code in its repository")
    types, classes = _registered()
    fix = "Correct the preset, or install a version of transformers that knows it."
    kind = str(config.get("model_type") or facts.get("model_type", ""))
    if kind and kind not in types:
        return known_name(version, [kind], types, fix)
    # transformers goes by the type; classes of another name are those of code in the repository.
    stored = [str(name) for name in config.get("architectures") or ()]
    if kind and (not stored or config.get("auto_map")):
        return PresetCheck("architecture")
    if stored:
        return known_name(version, stored, classes, "Correct `architectures` in its config.json.")
    names = [facts["architecture"]] if facts.get("architecture") else []
    return known_name(version, names, classes, fix)


@functools.cache
def _registered() -> tuple[frozenset[str], frozenset[str]]:
    """The model types that make text from pictures in the installed transformers, and the names of their classes."""
    from transformers.models.auto import modeling_auto

    mapping: Any = modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    values = (value if isinstance(value, (tuple, list)) else (value,) for value in mapping.values())
    return frozenset(mapping), frozenset(name for names in values for name in names)
