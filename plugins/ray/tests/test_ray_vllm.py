"""A multimodal LLM: each actor has an engine of its own, with continuous batching."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.testing import models
from harness.testing.command import Shell

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.timeout(600)
def test_engines(
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
