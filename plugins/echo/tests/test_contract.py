from __future__ import annotations

import pytest
from memobench_echo.generator import EchoGenerator
from memobench_echo.judge import EchoJudge

from harness import Generator, Judge
from harness.testing import GeneratorContract, JudgeContract, PluginContract


class TestEchoWithTruth(JudgeContract):
    @pytest.fixture
    def judge(self) -> Judge:
        return EchoJudge()


class TestEchoWithErrors(JudgeContract):
    @pytest.fixture
    def judge(self) -> Judge:
        return EchoJudge(EchoJudge.Options(accuracy=0.5))


class TestEchoGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        return EchoGenerator()


class TestPlugin(PluginContract):
    dist = "memobench-plugin-echo"
