"""Everything that memobench relies on, and that no text of a run is a command of LaTeX."""

import pytest
from memobench_plugin_tex.reporter import TexReporter, escaped

from harness.testing import PluginContract, ReporterContract


class TestReporter(ReporterContract):
    @pytest.fixture
    def reporter(self):
        return TexReporter()

    def test_a_row_for_each_task(self, reporter, results):
        lines = reporter.render(results).splitlines()
        assert len(lines) == 1 + len(results.tasks)
        assert all(line.count(" & ") == 3 and line.endswith(r" \\") for line in lines[1:])


class TestPlugin(PluginContract):
    dist = "memobench-plugin-tex"


def test_texts_are_escaped():
    assert escaped("a_b 50% \\input{x}\n") == r"a\_b 50\% \textbackslash{}input\{x\}"
