"""What this distribution offers. Imports nothing heavy: classes are loaded when they are used."""

from __future__ import annotations

from harness import Component, hookimpl, lazy


@hookimpl
def harness_judges() -> list[Component]:
    """The expression network of face-api as a judge."""
    summary = "face-api's expression network: real weights (real faces), CPU, about 10 ms a picture"
    return [Component("fer", lazy("memobench_fer.judge:FerJudge"), summary)]


@hookimpl
def harness_detectors() -> list[Component]:
    """The tiny face detector of face-api."""
    summary = "face-api's tiny face detector: CPU, a few ms a picture"
    return [Component("tiny-face", lazy("memobench_fer.detector:TinyFace"), summary)]
