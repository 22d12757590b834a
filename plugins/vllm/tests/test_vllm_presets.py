"""Presets for published models, with their facts and sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from memobench_vllm import plugin
from memobench_vllm.judge import VllmJudge

from harness import Capability
from harness.mllm import presets

EXPECTED = (
    "llava",
    "llava-next",
    "llava-onevision",
    "qwen2-vl",
    "qwen2.5-vl",
    "qwen3-vl",
    "internvl3",
    "phi-3.5-vision",
    "phi-4-multimodal",
    "minicpm-v",
    "gemma-3",
    "llama-3.2-vision",
    "deepseek-vl2",
    "idefics3",
    "smolvlm",
    "pixtral",
    "molmo",
    "glm-4v",
    "kimi-vl",
)
COMPONENTS = {c.name: c for c in plugin.harness_judges()}


def test_the_presets_cover_the_published_models() -> None:
    assert set(EXPECTED) <= COMPONENTS.keys()
    assert COMPONENTS.keys() == {"vllm", *presets()}
    names = [n for c in COMPONENTS.values() for n in (c.name, *c.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(presets()))
def test_each_preset_has_facts_with_sources(name: str) -> None:
    component = COMPONENTS[name]
    assert component.facts is not None
    rows = {key: (value, source) for key, value, source in component.facts()}
    assert rows.keys() >= {
        "ref",
        "licence",
        "status",
        "memory",
        "max_model_len",
        "limit_mm_per_prompt",
        "prompt",
        "trust_remote_code",
        "vllm",
    }
    assert all(value and source for value, source in rows.values())
    assert "estimate" in rows["memory"][1]
    assert component.defaults == {"ref": rows["ref"][0]}
    assert component.summary
    judge = component.load()(VllmJudge.Options(**component.defaults))
    assert {Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS} <= judge.capabilities


def test_show_prints_the_facts_of_a_preset(command: Callable[..., Any]) -> None:
    shown = command("show", "llava")
    assert shown.code == 0, shown.err
    for text in (
        "llava-hf/llava-1.5-7b-hf",
        "Llama 2 Community License",
        "13.2 GiB of weights",
        "estimate",
        "untested",
        "hub page",
        "tensor_parallel_size",
        "max_num_seqs",
    ):
        assert text in shown.out
    [document] = json.loads(command("show", "llava", "--json").out)
    known = {row["name"]: row for row in document["known"]}
    assert known["status"] == {"name": "status", "value": "untested", "source": "not run by this project"}
    assert document["plugin"] == "memobench-plugin-vllm"


def test_show_describes_the_options_of_the_judge(command: Callable[..., Any]) -> None:
    [document] = json.loads(command("show", "vllm", "--json").out)
    options = {o["name"]: o for o in document["options"]}
    assert options["ref"]["required"]
    assert all(o["description"] for o in options.values())
    assert "known" not in document
