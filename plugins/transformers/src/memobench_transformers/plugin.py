"""Plugin entry point: registers the judge `transformers:REF`. Imports nothing heavy."""

from __future__ import annotations

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_judges() -> list[Component]:
    """The judge, whose reference may also be a known name: `transformers:llava`."""
    summary = (
        "any multimodal LLM that transformers runs: transformers:FOLDER, :ORG/NAME[@REVISION] or a known name"
    )
    return [Component("transformers", lazy("memobench_transformers.judge:TransformersJudge"), summary)]
