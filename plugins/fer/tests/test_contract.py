from __future__ import annotations

import pytest
from memobench_fer.detector import TinyFace
from memobench_fer.judge import FerJudge

from harness import Detector, Judge
from harness.testing import DetectorContract, JudgeContract, PluginContract


class TestFer(JudgeContract):
    @pytest.fixture
    def judge(self) -> Judge:
        return FerJudge()


class TestTinyFace(DetectorContract):
    @pytest.fixture
    def detector(self) -> Detector:
        return TinyFace()


class TestPlugin(PluginContract):
    dist = "memobench-plugin-fer"
