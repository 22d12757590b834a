"""The conformance kit on the plugin as a whole; its judge and generator are tested where their servers are."""

from __future__ import annotations

from harness.testing import PluginContract


class TestPlugin(PluginContract):
    dist = "memobench-plugin-openai"
