from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from memobench_transformers.judge import TransformersJudge

from harness import Judge, JudgeRequest
from harness.testing import JudgeContract, PluginContract


class OnTransformers(JudgeContract):
    model: ClassVar[str]
    read: ClassVar[str] = "logprobs"

    @pytest.fixture
    def judge(self, tiny: Callable[[str], Path]) -> Judge:
        return TransformersJudge(TransformersJudge.Options(ref=str(tiny(self.model)), batch_size=3))

    @pytest.fixture
    def requests(self, ask: Callable[..., list[JudgeRequest]]) -> list[JudgeRequest]:
        return ask(self.read, 5)


class TestLlava(OnTransformers):
    model = "llava"


class TestLlavaText(OnTransformers):
    model, read = "llava", "text"


class TestQwen2(OnTransformers):
    model = "qwen2-vl"


class TestQwen2Choice(OnTransformers):
    model, read = "qwen2-vl", "choice"


class TestQwen25(OnTransformers):
    model = "qwen2.5-vl"


class TestPlugin(PluginContract):
    dist = "memobench-plugin-transformers"
