"""Plugin entry point. Imports nothing heavy: classes are loaded on first use."""

from __future__ import annotations

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_judges() -> list[Component]:
    summary = "face-api's expression network, trained on real faces: CPU, about 10 ms per picture"
    return [Component("fer", lazy("memobench_fer.judge:FerJudge"), summary)]


@hookimpl
def harness_detectors() -> list[Component]:
    summary = "face-api's tiny face detector: CPU, a few ms per picture"
    return [Component("tiny-face", lazy("memobench_fer.detector:TinyFace"), summary)]
