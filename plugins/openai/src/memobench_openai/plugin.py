"""What memobench loads: the judge `openai`."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy


@hookimpl
def harness_judges() -> Sequence[Component]:
    """The judge that asks a server."""
    return [Component("openai", lazy("memobench_openai.judge:OpenAIJudge"),
                      "any OpenAI-compatible endpoint: openai:MODEL, with -o base_url=URL")]  # fmt: skip
