"""Plugin entry point: the generator and the data set `portraits`."""

from __future__ import annotations

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_generators() -> list[Component]:
    return [
        Component(
            "portraits",
            lazy("memobench_portraits.generator:PortraitGenerator"),
            summary="seeded people drawn from facial action units, with the requested emotion and strength",
        )
    ]


@hookimpl
def harness_datasets() -> list[Component]:
    return [
        Component(
            "portraits",
            lazy("memobench_portraits.dataset:PortraitDataSet"),
            summary="24 drawn people with five emotions at five strengths and neutral; exact labels",
        )
    ]
