"""A LoRA adapter gives the same answers as merged weights, and is part of the identity."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from memobench_vllm.judge import VllmJudge

from harness import EMOTIONS, JudgeRequest
from harness.testing import Listed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
RANK, ALPHA = 4, 8


def adapter(folder: Path) -> Path:
    """An adapter for the first layer's query and output projections."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(0)
    tensors = {}
    for name in ("q_proj", "o_proj"):
        at = f"base_model.model.model.language_model.layers.0.self_attn.{name}"
        tensors[f"{at}.lora_A.weight"] = torch.randn(RANK, 128, generator=random) * 0.2
        tensors[f"{at}.lora_B.weight"] = torch.randn(128, RANK, generator=random) * 0.2
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": ["q_proj", "o_proj"],
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def merged(model: Path, lora: Path, target: Path) -> Path:
    """The same model with the adapter's changes in its weights."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForImageTextToText, AutoProcessor

    whole = AutoModelForImageTextToText.from_pretrained(model, dtype=torch.float32)
    tensors = load_file(lora / "adapter_model.safetensors")
    weights = dict(whole.named_parameters())
    with torch.no_grad():
        for name in ("q_proj", "o_proj"):
            at = f"model.language_model.layers.0.self_attn.{name}"
            a, b = (tensors[f"base_model.model.{at}.lora_{part}.weight"] for part in "AB")
            weights[f"{at}.weight"] += ALPHA / RANK * b @ a
    whole.save_pretrained(target)
    AutoProcessor.from_pretrained(model).save_pretrained(target)
    return target


def test_an_adapter_gives_the_answers_of_the_merged_model(
    tiny: Callable[[str], Path], ask: Callable[..., list[JudgeRequest]], tmp_path: Path
) -> None:
    plain = tiny("qwen2-vl")
    lora = adapter(tmp_path / "adapter")
    whole = merged(plain, lora, tmp_path / "merged")
    scores = []
    for options in ({"ref": str(plain), "lora": str(lora)}, {"ref": str(whole)}):
        judge = VllmJudge(VllmJudge.Options(**options, dtype="float32", max_model_len=256))
        judge.open()
        try:
            scores.append({r.id: r.scores for r in judge.stream(Listed(ask(EMOTIONS, "logprobs", 4)))})
        finally:
            judge.close()
    for id_, found in scores[0].items():
        assert found == pytest.approx(scores[1][id_], abs=1e-3)


def test_an_adapter_is_part_of_the_identity(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    plain = VllmJudge(VllmJudge.Options(ref=str(tiny("qwen2-vl")))).identity()
    lora = adapter(tmp_path / "adapter")
    options = VllmJudge.Options(ref=str(tiny("qwen2-vl")), lora=str(lora))
    adapted = VllmJudge(options).identity()
    assert {k: v for k, v in adapted.items() if not k.startswith("lora")} == plain
    assert adapted.keys() - plain.keys() == {"lora weights"}
    (lora / "adapter_config.json").write_text(
        (lora / "adapter_config.json").read_text() + " ", encoding="utf-8"
    )
    assert VllmJudge(options).identity()["lora weights"] != adapted["lora weights"]
