"""Checks a preset against the installed vLLM, without weights."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from harness import PresetCheck
from harness.mllm import ModelPreset, check_model, known_name, known_reference, load_tokenizer, preset_of
from memobench_vllm import engine
from memobench_vllm.failures import EngineLog, captured_output
from memobench_vllm.options import VllmOptions


def check(options: VllmOptions, facts: Mapping[str, str]) -> Iterator[PresetCheck]:
    """The checks of one preset; only the architecture of a model that vLLM is known not to run."""
    overridden = options.hf_overrides is not None
    preset = ModelPreset(
        options.ref, options.revision, options.chat_template, options.lora, facts, options, overridden
    )
    if facts.get("vllm") == "no":
        known = preset_of(facts.get("ref", ""))
        hint = f": use transformers:{known.name}" if known else ""
        yield PresetCheck("architecture", skipped=f"vLLM does not run it{hint}")
        return
    yield from check_model(preset, functools.partial(_architecture, options), load_tokenizer)


def _architecture(options: VllmOptions, config: Mapping[str, Any], facts: Mapping[str, str]) -> PresetCheck:
    if importlib.util.find_spec("vllm") is None:
        return PresetCheck("architecture", skipped=f"vLLM is not installed: {engine.INSTALL}")
    known = preset_of(known_reference(options.ref).partition("@")[0])
    overrides = options.hf_overrides or (known.get("hf_overrides") if known else None) or {}
    names = overrides.get("architectures") or config.get("architectures") or []
    if not names and facts.get("architecture"):
        names = [facts["architecture"]]
    architectures, text_only = _registered()
    version = f"vLLM {engine.version()}"
    fix = "Correct the preset, or install a version of vLLM that knows it."
    return known_name(version, [str(name) for name in names], architectures, fix, text_only=text_only)


@functools.cache
def _registered() -> tuple[frozenset[str], frozenset[str]]:
    """The model classes that the installed vLLM knows, and those of them that take text only."""
    engine.set_environment()
    log = EngineLog()
    try:
        with captured_output(log):
            from vllm.model_executor.models import registry
    finally:
        log.close()
    both = frozenset(registry.ModelRegistry.get_supported_archs())
    text = frozenset(getattr(registry, "_TEXT_GENERATION_MODELS", ()))
    return both, text - frozenset(getattr(registry, "_MULTIMODAL_MODELS", ()))
