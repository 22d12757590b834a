"""Options of the generator. None means the preset's value, or else the pipeline's default."""

from __future__ import annotations

from typing import Any, Literal

from harness import HarnessOptions, option


class DiffusersOptions(HarnessOptions):
    ref: str = option(
        ..., "folder with the pipeline, or hub reference ORG/NAME[@REVISION]", affects_answer=False
    )
    revision: str | None = option(
        None, "branch, tag or commit of a hub reference; the same as REF@REVISION", affects_answer=False
    )
    variant: str | None = option(None, "weight variant to load, such as fp16, if the model has one")
    steps: int | None = option(None, "number of denoising steps", ge=1)
    guidance: float | None = option(
        None, "guidance scale, passed under the name that the pipeline uses", ge=0
    )
    width: int | None = option(None, "pixels, if the request has no size", ge=8)
    height: int | None = option(None, "pixels, if the request has no size", ge=8)
    max_sequence_length: int | None = option(None, "most prompt tokens for the large text encoder", ge=1)
    scheduler: str | None = option(
        None, "diffusers class to use instead of the model's scheduler, such as DDIMScheduler"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option(
        "auto", "data type of the weights; auto: the preset's, or as stored in a local folder, or bfloat16"
    )
    vae_tiling: bool = option(
        False, "decode images in tiles: less memory for large ones, seams may differ slightly"
    )
    components: dict[str, str] = option(
        {},
        "components that come from elsewhere, as JSON: name -> folder or ORG/NAME[@REVISION]",
        affects_answer=False,
    )
    call: dict[str, Any] = option({}, "further arguments of the pipeline's call, as JSON")
    batch_size: int = option(4, "images per batch", affects_answer=False, ge=1)
    device: str = option(
        "auto", "cuda, cuda:1, mps, cpu; auto: the first one available", affects_answer=False
    )
    offload: Literal["none", "model", "sequential"] = option(
        "none",
        "keep idle components in main memory: whole models, or layer by layer (slow)",
        affects_answer=False,
    )
    compile: bool = option(
        False, "compile the denoiser: minutes slower to start, then faster", affects_answer=False
    )
    attention_slicing: bool = option(
        False, "compute attention in slices: less memory, slower", affects_answer=False
    )
    vae_slicing: bool = option(
        False, "decode the images of a batch one by one: less memory", affects_answer=False
    )
    cache_mb: int = option(256, "memory for cached prompt embeddings, in MB", affects_answer=False, ge=0)
