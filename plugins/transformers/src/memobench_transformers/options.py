"""The options of the judge. What transformers takes keeps its name there."""

from __future__ import annotations

from typing import Any, Literal

from harness import HarnessOptions, option


class TransformersOptions(HarnessOptions):
    """Options of the judge `transformers`."""

    ref: str = option(
        ...,
        "folder with the model, hub reference ORG/NAME[@REVISION], or a known name such as llava",
        affects_answer=False,
    )
    revision: str | None = option(
        None, "branch, tag or commit of a hub reference; the same as REF@REVISION", affects_answer=False
    )
    chat_template: str | None = option(
        None,
        "file with a chat template, or a form such as 'USER: {image}\\n{text} ASSISTANT:'",
        affects_answer=False,
    )
    lora: str | None = option(
        None, "folder or hub reference of a LoRA adapter (needs peft)", affects_answer=False
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option("auto", "type of the weights' numbers")
    quantization: Literal["none", "8bit", "4bit"] = option(
        "none", "keep the weights in fewer bits (needs bitsandbytes)"
    )
    min_pixels: int | None = option(
        None, "smallest size, in pixels, to which the model's processor scales pictures", gt=0
    )
    max_pixels: int | None = option(
        None, "largest size, in pixels, to which the model's processor scales pictures", gt=0
    )
    trust_remote_code: bool = option(False, "run Python code that the model's repository holds")
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps, xpu", affects_answer=False)
    device_map: str | dict[str, Any] | None = option(
        None,
        "spread the model over devices: auto, balanced, or a table (needs accelerate)",
        affects_answer=False,
    )
    attn_implementation: str | None = option(
        None, "attention: sdpa, eager, flash_attention_2, ... as transformers names it", affects_answer=False
    )
    batch_size: int = option(
        16, "requests that are answered at a time; less needs less memory", affects_answer=False, ge=1
    )
