"""On what a run ran, and with which arguments: without imports, without waiting, without secrets."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.run import environment
from harness.run.command_line import without_secrets


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    environment._gpu_names.cache_clear()
    yield
    environment._gpu_names.cache_clear()


def smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program `nvidia-smi` on the path."""
    folder.mkdir(exist_ok=True)
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\necho asked >> {folder}/log\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_gpus_are_named_and_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(
        tmp_path,
        "echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'; echo 'GPU 1: NVIDIA H200 (UUID: GPU-2)'",
        monkeypatch,
    )
    assert environment.hardware()["gpus"] == environment.hardware()["gpus"] == ["NVIDIA H200"] * 2
    assert (tmp_path / "log").read_text() == "asked\n"


@pytest.mark.parametrize(
    "script", ["exec sleep 30", "echo 'no devices were found'; exit 6"], ids=["hangs", "fails"]
)
def test_a_driver_that_does_not_answer_delays_nothing(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi(tmp_path, script, monkeypatch)
    monkeypatch.setattr(environment, "GPU_SECONDS", 0.5)
    began = time.monotonic()
    assert environment.hardware()["gpus"] == []
    assert time.monotonic() - began < 10


def test_without_the_program_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = environment.hardware()
    assert found["gpus"] == []
    assert found["processors"]
    assert isinstance(found["cpu"], str)


def test_versions_are_of_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"torch": "2.12.0", "onnxruntime-gpu": "1.22", "numpy": "2.1", "pillow": "11"}

    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = environment.versions()
    assert (found["torch"], found["onnxruntime"]) == ("2.12.0", "1.22")
    assert not {"vllm", "transformers", "diffusers", "openai", "ray"} & set(found)
    assert {"memobench", "python"} <= set(found)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from harness.run.environment import versions, hardware; versions(); hardware();"
        "print(sorted({'torch', 'transformers', 'onnxruntime', 'openai', 'vllm', 'diffusers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["-o", "base_url=https://me:pw@host:8000/v1"], ["-o", "base_url=https://***@host:8000/v1"]),
        (["-o", "base_url=https://TOKEN@host/v1?key=abc"], ["-o", "base_url=https://***@host/v1?***"]),
        (["--data", "http://u:p@a/b"], ["--data", "http://***@a/b"]),
        (["-o", "api_key=abc"], ["-o", "api_key=***"]),
        (["-oapi_key=abc"], ["-oapi_key=***"]),
        (["--judge-option", "openai.hf_token=a=b"], ["--judge-option", "openai.hf_token=***"]),
        (["--judge-option=openai:m.password=x y"], ["--judge-option=openai:m.password=***"]),
        (["--token", "abc", "--limit", "3"], ["--token", "***", "--limit", "3"]),
        (["-o", "authToken=abc"], ["-o", "authToken=***"]),
        (["-o", 'extra_body={"api_key": "abc", "n": 1}'], ["-o", 'extra_body={"api_key": "***", "n": 1}']),
        (["-o", 'extra_body={"a": {"password": 123}}'], ["-o", 'extra_body={"a": {"password": "***"}}']),
        (["-o", "text=sk-proj-abcdefghijklmnop"], ["-o", "text=***"]),
    ],
)
def test_secrets_are_hidden(given: list[str], shown: list[str]) -> None:
    assert without_secrets(given) == shown


@pytest.mark.parametrize(
    "kept",
    [
        ["-o", "api_key_env=MY_KEY"],
        ["-o", "max_tokens=20", "-o", "top_logprobs=5", "-o", "price_input=1"],
        [
            "run",
            "--task",
            "coarse_emotion",
            "--model",
            "vllm:org/name@rev",
            "--data",
            "a,b",
            "--keyboard",
            "x",
        ],
        ["-o", 'limit_mm_per_prompt={"image": 2}'],
        ["--model", "openai:llava:13b", "-o", "base_url=http://127.0.0.1:11434/v1"],
        ["-o", "pattern={emotion}_{intensity}.png", "--release", "2026-01=b"],
    ],
)
def test_everything_else_stays(kept: list[str]) -> None:
    assert without_secrets(kept) == kept
