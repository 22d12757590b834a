"""The options of the generator. None leaves a setting to the model's preset, and without one to its pipeline."""

from __future__ import annotations

from typing import Any, Literal

from harness import HarnessOptions, option


class DiffusersOptions(HarnessOptions):
    """Options of the generator `diffusers`."""

    ref: str = option(
        ..., "folder with the pipeline, or hub reference ORG/NAME[@REVISION]", affects_answer=False
    )
    revision: str | None = option(
        None, "branch, tag or commit of a hub reference; the same as REF@REVISION", affects_answer=False
    )
    variant: str | None = option(
        None, "which of several files of weights, such as fp16, where the model has them"
    )
    steps: int | None = option(None, "steps from noise to picture", ge=1)
    guidance: float | None = option(
        None, "how closely the prompt is followed, under whichever name the family has for it", ge=0
    )
    width: int | None = option(None, "pixels, where the request gives no size", ge=8)
    height: int | None = option(None, "pixels, where the request gives no size", ge=8)
    max_sequence_length: int | None = option(
        None, "tokens of the prompt that the large text encoder reads", ge=1
    )
    scheduler: str | None = option(
        None, "class of diffusers that replaces the model's own scheduler, such as DDIMScheduler"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option(
        "auto", "type of the weights' numbers; auto: the preset's, or as a folder stores them, or bfloat16"
    )
    vae_tiling: bool = option(
        False, "decode pictures in tiles: less memory for large ones, seams may differ slightly"
    )
    call: dict[str, Any] = option({}, "any other argument of the pipeline's call, by its name, as JSON")
    batch_size: int = option(4, "pictures drawn at a time", affects_answer=False, ge=1)
    device: str = option(
        "auto", "cuda, cuda:1, mps, cpu; auto: the first that is there", affects_answer=False
    )
    offload: Literal["none", "model", "sequential"] = option(
        "none",
        "keep parts that do not work just now in main memory: whole models, or layer by layer (slow)",
        affects_answer=False,
    )
    compile: bool = option(
        False, "compile the denoiser: starts minutes later, draws faster", affects_answer=False
    )
    attention_slicing: bool = option(
        False, "compute attention in slices: less memory, slower", affects_answer=False
    )
    vae_slicing: bool = option(
        False, "decode the pictures of a batch one by one: less memory", affects_answer=False
    )
    cache_mb: int = option(
        256, "memory for encoded prompts that are used again, in MB", affects_answer=False, ge=0
    )
