"""What this distribution offers. Imports nothing heavy: a backend is loaded when it is used."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import Component, MissingPackage, hookimpl, lazy

WEIGHTS = Path(__file__).parent / "weights"
"""The model's folder, as transformers and vLLM load it."""

_VLLM = lazy("memobench_vllm.judge:VllmJudge")
_TRANSFORMERS = lazy("memobench_transformers.judge:TransformersJudge")


def on_vllm() -> Any:
    """The judge class that runs nano on vLLM. Raises `MissingPackage` without vLLM or its plugin."""
    for package in ("memobench_vllm", "vllm"):
        if find_spec(package) is None:
            raise MissingPackage("nano-vllm", package, "pip install 'memobench-plugin-nano[vllm]'")
    return _VLLM()


def on_either() -> Any:
    """The judge class that runs nano: on vLLM where that is installed, on transformers otherwise."""
    has_vllm = find_spec("vllm") is not None and find_spec("memobench_vllm") is not None
    return on_vllm() if has_vllm else _TRANSFORMERS()


def facts() -> list[tuple[str, str, str]]:
    """What is known of nano: name, value, source."""
    card = "MODEL_CARD.md"
    return [
        ("parameters", "2,091,520 (0.002 billion)", card),
        ("architecture", "LlavaForConditionalGeneration", "config.json"),
        ("licence", "Apache-2.0", card),
        ("image_tokens", "25", "computed: 80 x 80 pixels in patches of 16"),
        ("prompt", "chat template", "chat_template.jinja"),
        ("dtype", "float32", "our choice: both backends then agree"),
        ("answers", "coarse_polarity, coarse_emotion, fine_intensity; on drawn portraits", card),
        ("status", "for trying and testing; not a benchmark result", card),
    ]


@hookimpl
def harness_judges() -> list[Component]:
    """nano on the backend that is there, and on one that is named."""
    what = (
        "a LLaVA of 2 million parameters that comes with its weights: for trying and testing, not for results"
    )
    defaults = {"ref": str(WEIGHTS), "dtype": "float32"}
    return [
        Component("nano", on_either, f"{what}; on vLLM if that is installed", defaults, facts=facts),
        Component("nano-vllm", on_vllm, f"{what}; on vLLM", defaults, facts=facts),
        Component("nano-transformers", _TRANSFORMERS, f"{what}; on transformers", defaults, facts=facts),
    ]
