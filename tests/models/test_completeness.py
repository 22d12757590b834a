"""Checkpoints that lack tensors of the model are refused, and only those."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from harness.errors import RequestError
from harness.hub import resolve, stored_tensors
from harness.mllm import check_tensors
from harness.mllm.completeness import _compare
from harness.testing import models

BUILD = {"llava": models.tiny_llava, "qwen2-vl": models.tiny_qwen2_vl, "qwen2.5-vl": models.tiny_qwen2_5_vl}
Copied = Callable[..., Path]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("models")
    return lambda name: root / name if (root / name).is_dir() else BUILD[name](root / name)


@pytest.fixture
def changed(tiny: Callable[[str], Path], tmp_path: Path) -> Copied:
    """`changed(name, change, key=value)`: a copy with tensors changed by a function, and other values in config.json."""

    def copy(name: str, change: Callable[[dict[str, Any]], object] | None = None, **config: Any) -> Path:
        folder = Path(shutil.copytree(tiny(name), tmp_path / "copy", dirs_exist_ok=True))
        tensors = load_file(folder / "model.safetensors")
        if change is not None:
            change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | config))
        return folder

    return copy


def refused(folder: Path, *expected: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_tensors(resolve(str(folder)))
    for text in (str(folder), *expected):
        assert text in caught.value.message
    assert "Download the model again" in caught.value.hint


def dropped(*ends: str) -> Callable[[dict[str, Any]], None]:
    def drop(tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if name.endswith(ends)]:
            del tensors[name]

    return drop


@pytest.mark.parametrize("name", BUILD)
def test_each_tensor_is_needed(name: str, tiny: Callable[[str], Path]) -> None:
    stored = {tensor: header.shape for tensor, header in stored_tensors(tiny(name)).items()}
    assert _compare(str(tiny(name)), stored) == (set(), set())
    check_tensors(resolve(str(tiny(name))))
    for lost in stored:
        missing, misshapen = _compare(str(tiny(name)), {t: s for t, s in stored.items() if t != lost})
        assert [m.rpartition(".")[2] for m in missing] == [lost.rpartition(".")[2]], lost
        assert not misshapen


def test_missing_tensors_are_named(changed: Copied) -> None:
    refused(
        changed("llava", dropped("layers.1.self_attn.v_proj.weight")),
        "lack",
        "layers.1.self_attn.v_proj.weight",
    )
    refused(
        changed("qwen2-vl", dropped("k_proj.weight", "up_proj.weight")), "k_proj.weight", "and 1 more tensors"
    )


def test_a_config_of_a_larger_model(changed: Copied, tiny: Callable[[str], Path]) -> None:
    text = json.loads((tiny("llava") / "config.json").read_text())["text_config"]
    refused(changed("llava", text_config=text | {"num_hidden_layers": 3}), "layers.2.")
    refused(
        changed("llava", text_config=text | {"intermediate_size": 512}),
        "have a different shape for",
        "down_proj",
    )


def test_tied_embeddings_need_no_output_layer(changed: Copied, tiny: Callable[[str], Path]) -> None:
    without = dropped("lm_head.weight")
    refused(changed("qwen2-vl", without), "lm_head.weight")
    text = json.loads((tiny("qwen2-vl") / "config.json").read_text())["text_config"]
    tied = {"tie_word_embeddings": True}
    check_tensors(resolve(str(changed("qwen2-vl", without, **tied, text_config=text | tied))))


def test_names_of_another_version_pass(changed: Copied) -> None:
    """The engine may know them."""

    def rename(tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if ".v_proj." in name]:
            tensors[name.replace("model.", "decoder.", 1)] = tensors.pop(name)

    check_tensors(resolve(str(changed("llava", rename))))


def test_additional_tensors_pass_and_hide_nothing(changed: Copied) -> None:
    def add(tensors: dict[str, Any]) -> None:
        tensors["rotary_emb.inv_freq"] = tensors["lm_head.weight"][0, :8].clone()

    check_tensors(resolve(str(changed("qwen2-vl", add))))

    def change(tensors: dict[str, Any]) -> None:
        add(tensors)
        dropped("layers.0.self_attn.v_proj.weight")(tensors)

    refused(changed("qwen2-vl", change), "layers.0.self_attn.v_proj.weight")


@pytest.mark.parametrize(
    "form", ["qweight qzeros scales", "weight_packed weight_scale", "weight weight_scale"]
)
def test_quantized_checkpoints(form: str, changed: Copied) -> None:
    """Only a module without any tensor is incomplete; shapes are those of the format."""

    def quantize(tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if name.endswith("_proj.weight") and "layers" in name]:
            whole = tensors.pop(name)
            for part in form.split():
                tensors[name.removesuffix("weight") + part] = whole[:2, :2].clone()

    method = {"quantization_config": {"quant_method": "awq", "bits": 4}}
    check_tensors(resolve(str(changed("qwen2-vl", quantize, **method))))

    def broken(tensors: dict[str, Any]) -> None:
        quantize(tensors)
        dropped(*(f"layers.0.mlp.up_proj.{part}" for part in form.split()))(tensors)

    refused(changed("qwen2-vl", broken, **method), "layers.0.mlp.up_proj.weight")


@pytest.mark.parametrize("config", [
    {"model_type": "unknown"}, {"architectures": ["OwnModel"]}, {"architectures": []}, {"text_config": {"model_type": "x"}},
])  # fmt: skip
def test_models_that_transformers_does_not_know_pass(config: dict[str, Any], changed: Copied) -> None:
    check_tensors(resolve(str(changed("llava", dropped("v_proj.weight"), **config))))


def test_nothing_is_left_behind(changed: Copied, capfd: pytest.CaptureFixture[str]) -> None:
    """No output, and no memory: the model of a large config is not allocated."""
    import resource

    text = {
        "hidden_size": 8192,
        "num_hidden_layers": 80,
        "intermediate_size": 28672,
        "num_attention_heads": 64,
    }
    folder = changed("llava")
    file = folder / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"text_config": config["text_config"] | text}))
    capfd.readouterr()  # of the builder
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(folder, "layers.10.", "more tensors")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 500 * 2**20
    assert capfd.readouterr() == ("", "")
