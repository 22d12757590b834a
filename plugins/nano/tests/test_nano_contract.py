"""The conformance kit on the plugin, and on its model with transformers."""

from __future__ import annotations

import pytest

from harness import Judge, Specification, make_component
from harness.testing import JudgeContract, PluginContract

pytestmark = pytest.mark.e2e


class TestPlugin(PluginContract):
    dist = "memobench-plugin-nano"


class TestOnTransformers(JudgeContract):
    @pytest.fixture
    def judge(self) -> Judge:
        judge: Judge = make_component(Specification("judge", "memobench-plugin-nano/nano-transformers"))
        return judge
