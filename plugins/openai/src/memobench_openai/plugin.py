"""Plugin entry point: registers the judge `openai` and the generator `openai-images`."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy

API_VERSION = "1.0"


@hookimpl
def harness_judges() -> Sequence[Component]:
    return [
        Component(
            "openai",
            lazy("memobench_openai.judge:OpenAIJudge"),
            "any OpenAI-compatible endpoint: openai:MODEL, with -o base_url=URL",
        )
    ]


@hookimpl
def harness_generators() -> Sequence[Component]:
    return [
        Component(
            "openai-images",
            lazy("memobench_openai.images:OpenAIImages"),
            "any OpenAI-compatible image endpoint: openai-images:MODEL, with -o base_url=URL",
        )
    ]
