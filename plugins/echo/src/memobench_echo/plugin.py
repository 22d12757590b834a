"""Plugin entry point: one judge and one generator, both named `echo`."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_judges() -> Sequence[Component]:
    return [
        Component(
            "echo",
            lazy("memobench_echo.judge:EchoJudge"),
            "stand-in: a fixed reply, replies from a file, or the truth with errors",
        )
    ]


@hookimpl
def harness_generators() -> Sequence[Component]:
    return [
        Component(
            "echo",
            lazy("memobench_echo.generator:EchoGenerator"),
            "stand-in: a plain card with the prompt on it",
        )
    ]
