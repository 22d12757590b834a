"""Entry module: what this distribution offers to memobench."""

from __future__ import annotations

from harness import Component, hookimpl, lazy


@hookimpl
def harness_generators() -> list[Component]:
    """The generator `portraits`."""
    return [
        Component(
            "portraits",
            lazy("memobench_portraits.generator:PortraitGenerator"),
            summary="seeded people drawn from facial action units, with the emotion and strength asked for",
        )
    ]


@hookimpl
def harness_datasets() -> list[Component]:
    """The data set `portraits`."""
    return [
        Component(
            "portraits",
            lazy("memobench_portraits.dataset:PortraitDataSet"),
            summary="24 drawn people, five emotions at five strengths and neutral, exactly labelled",
        )
    ]
