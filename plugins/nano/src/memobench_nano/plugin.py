"""Plugin entry point. Imports nothing heavy: a backend is loaded on first use."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import Component, MissingPackage, hookimpl, lazy

API_VERSION = "1.0"

WEIGHTS = Path(__file__).parent / "weights"
"""The model folder, in the format of transformers and vLLM."""

_VLLM = lazy("memobench_vllm.judge:VllmJudge")
_TRANSFORMERS = lazy("memobench_transformers.judge:TransformersJudge")


def vllm_judge() -> Any:
    """The judge class that runs nano on vLLM. Raises `MissingPackage` if vLLM or its plugin is not installed."""
    for package in ("memobench_vllm", "vllm"):
        if find_spec(package) is None:
            raise MissingPackage("nano-vllm", package)
    return _VLLM()


def default_judge() -> Any:
    """The judge class that runs nano: on vLLM if it is installed, otherwise on transformers."""
    has_vllm = find_spec("vllm") is not None and find_spec("memobench_vllm") is not None
    return vllm_judge() if has_vllm else _TRANSFORMERS()


def facts() -> list[tuple[str, str, str]]:
    """Facts about nano: name, value, source."""
    card = "MODEL_CARD.md"
    return [
        ("parameters", "2,091,520 (0.002 billion)", card),
        ("architecture", "LlavaForConditionalGeneration", "config.json"),
        ("licence", "Apache-2.0", card),
        ("image_tokens", "25", "computed: 80 x 80 pixels in patches of 16"),
        ("prompt", "chat template", "chat_template.jinja"),
        ("dtype", "float32", "our choice, so that both backends agree"),
        ("answers", "coarse_polarity, coarse_emotion, fine_intensity; on drawn portraits", card),
        ("status", "for testing; not a benchmark result", card),
    ]


@hookimpl
def harness_judges() -> list[Component]:
    what = "a LLaVA with 2 million parameters and bundled weights: for testing, not for results"
    defaults = {"ref": str(WEIGHTS), "dtype": "float32"}
    # The generator that drew the pictures of its training, and the data set by the same generator.
    origin = ("portraits",)
    return [
        Component(
            "nano",
            default_judge,
            f"{what}; on vLLM if it is installed, otherwise on transformers",
            defaults,
            facts=facts,
            trained_on=origin,
        ),
        Component("nano-vllm", vllm_judge, f"{what}; on vLLM", defaults, facts=facts, trained_on=origin),
        Component(
            "nano-transformers",
            _TRANSFORMERS,
            f"{what}; on transformers",
            defaults,
            facts=facts,
            trained_on=origin,
        ),
    ]
