"""Models with weights: each actor loads its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.testing import models, pipelines
from harness.testing.command import Shell

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.timeout(600)
def test_engines_of_a_multimodal_llm(
    shell: Shell,
    faces: Path,
    timeless: Callable[[Path], Any],
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("vllm")
    assert pytestconfig.cache is not None
    monkeypatch.setenv("VLLM_CACHE_ROOT", str(pytestconfig.cache.mkdir("vllm")))
    folder = models.tiny_llava(shell.folder / "llava")
    asked = ("run", "--task", "coarse_emotion", "--model", f"vllm:{folder}", "--data", faces, "--limit", "36")
    shell(*asked, "--out", "here", timeout=300).ok()
    shell(*asked, "--out", "there", "--executor", "ray", timeout=300).ok()
    here, there = (timeless(shell.folder / where) for where in ("here", "there"))
    for results in (here, there):
        for task in results["tasks"]:
            task.pop("timings", None)
    assert there == here


@pytest.mark.timeout(600)
def test_pipelines_of_a_text_to_image_model(
    shell: Shell, cluster: str, timeless: Callable[[Path], Any]
) -> None:
    pytest.importorskip("diffusers")
    folder = pipelines.tiny_pipeline(shell.folder / "tiny")
    asked = ("run", "--task", "t2i_emotion", "--model", f"diffusers:{folder}", "-o", "steps=2")
    asked = (*asked, "--judge", "echo", "--limit", "8")
    shell(*asked, "--out", "here", timeout=300).ok()
    shell(
        *asked, "--out", "there", "--executor", "ray", "--executor-option", f"address={cluster}", timeout=300
    ).ok()
    here, there = (timeless(shell.folder / where) for where in ("here", "there"))
    for results in (here, there):
        for task in results["tasks"]:
            task.pop("timings", None)
    assert there == here
    images = [p.name for p in sorted((shell.folder / "here" / "images").glob("*.png"))]
    assert len(images) == 8
    for name in images:
        one, other = (shell.folder / where / "images" / name for where in ("here", "there"))
        assert one.read_bytes() == other.read_bytes()
