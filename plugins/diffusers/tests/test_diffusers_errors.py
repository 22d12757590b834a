"""Error messages before and while a model loads."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from memobench_diffusers.failures import is_out_of_memory, load_error
from memobench_diffusers.generator import DiffusersGenerator
from memobench_diffusers.loading import _check_offload

from harness import BadOption, HarnessError, MissingPackage, RequestError


def generator(ref: object, **options: Any) -> DiffusersGenerator:
    return DiffusersGenerator(DiffusersGenerator.Options(ref=str(ref), **options))


def test_a_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "sdxl-mine").mkdir()
    with pytest.raises(RequestError, match="neither an existing folder") as raised:
        generator(tmp_path / "sdxl-mina").identity()
    assert "sdxl-mine" in raised.value.hint


def test_a_folder_without_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no model_index\.json"):
        generator(tmp_path).identity()


@pytest.fixture
def copy(tiny: Callable[..., Path], tmp_path: Path) -> Path:
    shutil.copytree(tiny("sd-1.5"), tmp_path / "copy")
    return tmp_path / "copy"


def edit(folder: Path, **fields: Any) -> None:
    file = folder / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


@pytest.mark.e2e
def test_a_component_with_pickled_weights(copy: Path) -> None:
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(RequestError, match=r"weights of 'unet' only in .*\.bin'") as raised:
        generator(copy).identity()
    assert "safe_serialization=True" in raised.value.hint


@pytest.mark.e2e
def test_a_missing_component(copy: Path) -> None:
    shutil.rmtree(copy / "vae")
    with pytest.raises(RequestError, match="component 'vae' is missing"):
        generator(copy).identity()


@pytest.mark.e2e
def test_repository_code_is_never_run(copy: Path) -> None:
    (copy / "pipeline.py").write_text("raise SystemExit('was run')")
    edit(copy, _class_name=["pipeline", "Mine"])
    with pytest.raises(RequestError, match="never run"):
        generator(copy).open()


@pytest.mark.e2e
def test_a_pipeline_unknown_to_diffusers(copy: Path) -> None:
    edit(copy, _class_name="StableDiffusion9Pipeline")
    with pytest.raises(RequestError, match="has no pipeline 'StableDiffusion9Pipeline'") as raised:
        generator(copy).open()
    assert "pip install --upgrade diffusers" in raised.value.hint


@pytest.mark.e2e
def test_broken_weights(copy: Path) -> None:
    weights = next((copy / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(HarnessError, match="could not load") as raised:
        generator(copy, dtype="float32").open()
    assert raised.value.exit_code == 3
    assert "\n" not in raised.value.message


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"device": "cuda:99"}, "device 'cuda:99' is not available", "cpu"),
        ({"device": "gpu"}, "device 'gpu' is not available", "cpu"),
        ({"device": "cpu", "offload": "model"}, "no GPU is available", "Omit offload"),
        ({"device": "cpu", "scheduler": "EulerScheduler"}, "no scheduler 'EulerScheduler'", "Euler"),
        ({"device": "cpu", "scheduler": "UNet2DConditionModel"}, "no scheduler", "class"),
        (
            {"device": "cpu", "call": {"guidance_rescal": 1}},
            "no argument 'guidance_rescal'",
            "'guidance_rescale'",
        ),
    ],
)
def test_invalid_options(options: dict[str, Any], message: str, hint: str, tiny: Callable[..., Path]) -> None:
    with pytest.raises(BadOption, match=message) as raised:
        generator(tiny("sd-1.5"), **options).open()
    assert hint in raised.value.hint


@pytest.mark.e2e
@pytest.mark.parametrize("package", ["torch", "transformers", "diffusers"])
def test_a_missing_package(package: str, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny("sd-1.5")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage, match=f"'{package}'") as raised:
        generator(folder).identity()
    assert f"pip install {package}" in raised.value.hint


def test_offload_without_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    options = DiffusersGenerator.Options(ref="x", offload="model")
    _check_offload(options, "cuda")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingPackage, match="offload=model") as raised:
        _check_offload(options, "cuda")
    assert "pip install accelerate" in raised.value.hint


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError("Cannot access gated repo for url ..."), "denied the download", "HF_TOKEN"),
        (
            ImportError("T5Tokenizer requires the SentencePiece library but it was not found"),
            "SentencePiece",
            "pip",
        ),
        (
            OSError("Error no file named model.safetensors found in directory x"),
            "no weights in safetensors",
            "Convert",
        ),
        (torch.OutOfMemoryError("CUDA out of memory."), "not enough memory to load", "offload=model"),
        (ValueError("First line.\nSecond."), "First line", "traceback"),
    ],
)
def test_errors_from_diffusers_are_translated(error: Exception, message: str, hint: str) -> None:
    translated = load_error(error, "mine", None, "float16")
    assert message in translated.message
    assert hint.lower() in translated.hint.lower()


def test_only_memory_errors_count_as_out_of_memory() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    )
    assert not is_out_of_memory(RuntimeError("expected all tensors on one device"))
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.e2e
def test_identity_distinguishes_models_and_settings(tiny: Callable[..., Path], copy: Path) -> None:
    plain = generator(tiny("sd-1.5")).identity()
    assert plain == generator(copy).identity()
    assert plain["pipeline"] == "StableDiffusionPipeline"
    assert (plain["scheduler"], plain["dtype"]) == ("DDIMScheduler", "float32")
    assert plain["backend"].startswith("diffusers ")
    assert generator(copy, scheduler="DDPMScheduler").identity()["scheduler"] == "DDPMScheduler"
    assert generator(tiny("sdxl")).identity()["weights"] != plain["weights"]
    config = copy / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.013"))
    assert generator(copy).identity()["weights"] != plain["weights"]
