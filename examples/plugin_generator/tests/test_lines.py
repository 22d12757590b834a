"""Everything that memobench relies on, and what this generator is for."""

import pytest
from memobench_plugin_lines.generator import Lines

from harness import ImageRequest
from harness.testing import GeneratorContract, PluginContract


class TestGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Lines()


class TestPlugin(PluginContract):
    dist = "memobench-plugin-lines"


def test_emotions_differ():
    requests = [
        ImageRequest(e, "", emotion=e) for e in ("happy", "sad", "angry", "surprise", "worry", "neutral")
    ]
    drawn = {reply.image.tobytes() for reply in Lines().generate(requests)}
    assert len(drawn) == 6
