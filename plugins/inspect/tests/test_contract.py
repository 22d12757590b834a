"""The conformance kit on the plugin and its exporter."""

from __future__ import annotations

import pytest
from memobench_inspect.exporter import InspectLogs

from harness import Exporter
from harness.testing import ExporterContract, PluginContract


class TestPlugin(PluginContract):
    dist = "memobench-plugin-inspect"


class TestInspectLogs(ExporterContract):
    @pytest.fixture
    def exporter(self) -> Exporter:
        return InspectLogs()
