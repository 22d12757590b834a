"""Plugin entry point: registers the judge `vllm:REF` and a preset for each known published model."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Component, hookimpl, lazy
from harness.mllm import presets

API_VERSION = "1.0"

LOAD = lazy("memobench_vllm.judge:VllmJudge")


@hookimpl
def harness_judges() -> Sequence[Component]:
    judge = Component(
        "vllm", LOAD, "any multimodal LLM that vLLM runs: vllm:FOLDER or vllm:ORG/NAME[@REVISION]"
    )
    return [
        judge,
        *(Component(p.name, LOAD, p.summary, {"ref": p.ref}, p.aliases, p.table) for p in presets().values()),
    ]
