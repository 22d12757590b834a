"""Everything that memobench relies on."""

import pytest
from memobench_plugin_brightness.judge import Brightness

from harness.testing import JudgeContract, PluginContract


class TestJudge(JudgeContract):
    @pytest.fixture
    def judge(self):
        return Brightness()


class TestPlugin(PluginContract):
    dist = "memobench-plugin-brightness"
