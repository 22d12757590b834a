"""The models of `benchmarks/bench_gpu.py` have the sizes of the published ones, and it says what it cannot measure."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARAMETERS = {
    "llava": 7.06,
    "qwen2.5-vl": 8.29,
    "sd-1.5": 0.860 + 0.123 + 0.084,
    "sdxl": 2.567 + 0.123 + 0.695 + 0.084,
    "sd-3.5-medium": 2.243 + 0.124 + 0.695 + 4.762 + 0.084,
}
"""Billions; of pipelines the denoiser, the text encoders and the VAE."""


def billions(*modules: Any) -> float:
    return sum(p.numel() for module in modules for p in module.parameters()) / 1e9


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_models

    # It needs numbers, which the device "meta" does not have.
    monkeypatch.setattr(gpu_models, "_widen_colours", lambda vae: None)
    return gpu_models


@pytest.mark.parametrize("name", ["llava", "qwen2.5-vl"])
def test_judges_have_the_published_sizes(sizes: Any, name: str, tmp_path: Path) -> None:
    torch = sizes.torch
    folder = sizes.write_judge(sizes.JUDGES["full"][name], tmp_path / name)
    with sizes.made_in_memory("meta", torch.bfloat16):
        model, _ = sizes.transformers.AutoModelForImageTextToText.from_pretrained(str(folder))
    assert billions(model) == pytest.approx(PARAMETERS[name], abs=0.005)
    assert model.dtype == torch.bfloat16
    assert torch.get_default_dtype() == torch.float32
    assert sum(file.stat().st_size for file in folder.glob("*.safetensors")) < 1000


@pytest.mark.parametrize("name", ["sd-1.5", "sdxl", "sd-3.5-medium"])
def test_pipelines_have_the_published_sizes(sizes: Any, name: str) -> None:
    torch = sizes.torch
    made = sizes.make_pipeline(sizes.PIPELINES["full"][name], "meta", torch.bfloat16)
    modules = [part for part in made.components.values() if isinstance(part, torch.nn.Module)]
    assert billions(*modules) == pytest.approx(PARAMETERS[name], abs=0.005)
    assert {module.dtype for module in modules} == {torch.bfloat16}
    # From 8 pixels to one of the latents, as in the published VAEs.
    assert made.vae_scale_factor == 8


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "bench_gpu.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_an_unknown_model_is_named() -> None:
    done = run("--only", "llava,sdx")
    assert done.returncode == 2
    assert "there is no 'sdx'. Known: llava, qwen2.5-vl, sd-1.5, sdxl, sd-3.5-medium, vllm" in done.stderr


def test_a_size_without_time_is_left_out() -> None:
    done = run("--size", "tiny", "--only", "sdxl", "--minutes", "0.01")
    assert done.returncode == 1
    assert "sdxl: left out, because only" in done.stdout
    assert "not measured: sdxl" in done.stdout


def test_full_sizes_need_a_gpu() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = run("--only", "sdxl")
    assert done.returncode == 1
    assert "torch finds no GPU; `--size tiny` runs on the CPU" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_tiny_judge_is_measured_on_both_sides() -> None:
    done = run("--size", "tiny", "--only", "llava")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"llava logprobs: (\d+) of \1 answers are the same", done.stdout), done.stdout
    assert "not measured" not in done.stdout
    [row] = [line for line in done.stdout.splitlines() if line.startswith("llava text ") and "/s" in line]
    harness, loop = map(float, row.split()[2:4])
    assert harness > 0
    assert loop > 0
