"""Registers the executor. Ray itself is imported when something runs on it."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_executors() -> Sequence[Component]:
    return [
        Component(
            "ray",
            lazy("memobench_ray.executor:RayExecutor"),
            "on Ray: several processes, GPUs or nodes",
        )
    ]
