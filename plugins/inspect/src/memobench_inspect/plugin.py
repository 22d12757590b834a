"""Registers the exporter. Inspect itself is imported when a run is exported."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_exporters() -> Sequence[Component]:
    return [
        Component(
            "inspect",
            lazy("memobench_inspect.exporter:InspectLogs"),
            "Inspect logs (.eval), for its viewer and its data frames",
        )
    ]
