"""Preset files and the included presets."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BadTask
from harness.hub import read_presets
from harness.mllm import preset_of, presets

NEEDED = {"ref", "licence", "gated", "parameters", "architecture", "vllm", "transformers", "trust_remote_code",
          "context", "max_model_len", "limit_mm_per_prompt", "image_tokens", "prompt", "dtype", "status"}  # fmt: skip


def test_every_preset_has_all_facts_with_their_source() -> None:
    for name, preset in presets().items():
        assert set(preset.facts) >= NEEDED, name
        assert preset.summary, name
        assert all(fact.source for fact in preset.facts.values()), name
        assert preset.get("max_model_len") <= preset.get("context"), name


def test_names_and_references_are_unique() -> None:
    names = [n for p in presets().values() for n in (p.name, *p.aliases)]
    assert len(names) == len(set(names))
    refs = [p.ref for p in presets().values()]
    assert len(refs) == len(set(refs))


def test_prompt_forms_have_both_placeholders() -> None:
    for name, preset in presets().items():
        form = preset.get("prompt")
        assert form == "chat template" or ("{image}" in form and "{text}" in form), name


def test_the_expected_families_have_presets() -> None:
    wanted = {"llava", "llava-next", "llava-onevision", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "internvl3", "phi-3.5-vision",
              "phi-4-multimodal", "minicpm-v", "gemma-3", "llama-3.2-vision", "deepseek-vl2", "idefics3", "smolvlm",
              "pixtral", "molmo", "glm-4v", "kimi-vl", "qwen3-vl-30b-a3b", "qwen3.5-9b", "qwen3.5-4b", "qwen3.6-27b",
              "qwen3.6-35b-a3b", "internvl3.5", "gemma-4-12b", "glm-4.6v-flash", "glm-4.6v", "minicpm-v-4.6", "molmo2",
              "ministral-3", "step3-vl", "llava-onevision-2", "phi-4-reasoning-vision", "ovis2.5", "kimi-k2.5"}  # fmt: skip
    assert wanted <= set(presets())


def test_a_preset_is_found_by_its_reference() -> None:
    found = preset_of("llava-hf/llava-1.5-7b-hf")
    assert found is not None
    assert found.name == "llava"
    assert preset_of("somebody/else") is None
    assert ("memory", "13.2 GiB of weights", "estimate: parameters x bytes per parameter") in found.table()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[x]\nref = "a/b"', "must be a value with its source"),
        ('[x]\nlicence = { value = "MIT", source = "card" }', "has no ref"),
    ],
)
def test_an_invalid_preset(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "presets.toml"
    file.write_text(text)
    with pytest.raises(BadTask, match=message):
        read_presets(file)
