"""Options of the judge `transformers`. Arguments of transformers keep their names."""

from __future__ import annotations

from typing import Any, Literal

from harness import option
from harness.mllm import ThinkingOptions


class TransformersOptions(ThinkingOptions):
    """Options of the judge `transformers`."""

    ref: str = option(
        ...,
        "model folder, hub reference ORG/NAME[@REVISION], or a known name such as llava",
        affects_answer=False,
    )
    revision: str | None = option(
        None, "branch, tag or commit of a hub reference; same as REF@REVISION", affects_answer=False
    )
    chat_template: str | None = option(
        None,
        "file with a chat template, or a prompt form such as 'USER: {image}\\n{text} ASSISTANT:'",
        affects_answer=False,
    )
    lora: str | None = option(
        None, "folder or hub reference of a LoRA adapter (needs peft)", affects_answer=False
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option("auto", "data type of the weights")
    quantization: Literal["none", "8bit", "4bit"] = option(
        "none", "quantize the weights (needs bitsandbytes)"
    )
    min_pixels: int | None = option(
        None, "minimum picture area in pixels after scaling by the model's processor", gt=0
    )
    max_pixels: int | None = option(
        None, "maximum picture area in pixels after scaling by the model's processor", gt=0
    )
    trust_remote_code: bool = option(False, "run Python code from the model's repository")
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps, xpu", affects_answer=False)
    device_map: str | dict[str, Any] | None = option(
        None,
        "spread the model over devices: auto, balanced, or a mapping (needs accelerate)",
        affects_answer=False,
    )
    attn_implementation: str | None = option(
        None,
        "attention by its name in transformers: sdpa, eager, flash_attention_2, ...",
        affects_answer=False,
    )
    batch_size: int = option(
        16,
        "maximum number of requests per batch; a lower value needs less memory",
        affects_answer=False,
        ge=1,
    )
