"""The distribution: what it registers, and what importing it loads."""

from __future__ import annotations

from memobench_inspect import plugin
from memobench_inspect.exporter import InspectLogs

from harness import Exporter
from harness.testing.command import modules_imported_by


def test_importing_the_exporter_does_not_import_inspect() -> None:
    loaded = modules_imported_by("import memobench_inspect.plugin as p; p.harness_exporters()[0].load()()")
    assert {"memobench_inspect", "pydantic"} <= loaded
    assert "inspect_ai" not in loaded


def test_component_name_and_class() -> None:
    (component,) = plugin.harness_exporters()
    assert component.name == "inspect"
    assert component.load() is InspectLogs
    assert issubclass(InspectLogs, Exporter)
