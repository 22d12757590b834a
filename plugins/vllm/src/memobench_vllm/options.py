"""The options of the vLLM judge. What the engine takes keeps vLLM's name."""

from __future__ import annotations

from typing import Any, Literal

from harness import HarnessOptions, option

ENGINE = (
    "dtype", "quantization", "max_model_len", "limit_mm_per_prompt", "hf_overrides", "seed", "trust_remote_code",
    "tensor_parallel_size", "pipeline_parallel_size", "gpu_memory_utilization", "kv_cache_memory_bytes",
    "kv_cache_dtype", "max_num_seqs", "max_num_batched_tokens", "block_size", "enforce_eager", "enable_prefix_caching",
    "mm_processor_cache_gb",
)  # fmt: skip
"""Options that are handed to the engine as they are, unless they are left at None."""


class VllmOptions(HarnessOptions):
    """Options of the judge `vllm`. Weights and templates enter `identity()` by digest: where they lie changes no answer."""

    ref: str = option(
        ..., "folder with the model, or hub reference ORG/NAME[@REVISION]", affects_answer=False
    )
    revision: str | None = option(
        None, "branch, tag or commit of a hub reference; the same as REF@REVISION", affects_answer=False
    )
    chat_template: str | None = option(
        None,
        "file with a chat template, or a form such as 'USER: {image}\\n{text} ASSISTANT:'",
        affects_answer=False,
    )
    lora: str | None = option(None, "folder or hub reference of a LoRA adapter", affects_answer=False)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option("auto", "type of the weights' numbers")
    quantization: str | None = option(None, "awq, gptq, fp8, bitsandbytes, ... as vLLM names it")
    min_pixels: int | None = option(
        None, "smallest size, in pixels, to which the model's processor scales pictures", gt=0
    )
    max_pixels: int | None = option(
        None, "largest size, in pixels, to which the model's processor scales pictures", gt=0
    )
    mm_processor_kwargs: dict[str, Any] = option({}, "further settings of the model's picture processor")
    hf_overrides: dict[str, Any] | None = option(
        None, "settings that replace those of the model's config.json"
    )
    kv_cache_dtype: str | None = option(None, "type of the cache's numbers: fp8 halves it")
    seed: int = option(0, "the engine's seed", ge=0)
    trust_remote_code: bool = option(False, "run Python code that the model's repository holds")
    max_model_len: int | None = option(
        None, "tokens of prompt and answer together; less needs less memory", affects_answer=False, gt=0
    )
    limit_mm_per_prompt: dict[str, int] | None = option(None, "pictures in one prompt", affects_answer=False)
    tensor_parallel_size: int = option(1, "GPUs that share each layer", affects_answer=False, ge=1)
    pipeline_parallel_size: int = option(1, "GPUs that share the layers out", affects_answer=False, ge=1)
    data_parallel_size: int = option(
        1, "copies of the model; more than 1 needs a server (see README)", affects_answer=False, ge=1
    )
    gpu_memory_utilization: float | None = option(
        None, "share of each GPU's memory that the engine may take", affects_answer=False, gt=0, le=1
    )
    kv_cache_memory_bytes: int | None = option(
        None, "bytes for the cache, instead of a share", affects_answer=False, gt=0
    )
    max_num_seqs: int | None = option(
        None, "requests that the engine works on at a time", affects_answer=False, ge=1
    )
    max_num_batched_tokens: int | None = option(None, "tokens of one step", affects_answer=False, ge=1)
    block_size: int | None = option(None, "tokens in one block of the cache", affects_answer=False, ge=1)
    enforce_eager: bool | None = option(
        None, "no compilation, no CUDA graphs: starts faster, runs slower", affects_answer=False
    )
    enable_prefix_caching: bool = option(
        True, "questions on one picture share its work", affects_answer=False
    )
    mm_processor_cache_gb: float | None = option(None, "GB for prepared pictures", affects_answer=False, ge=0)
    in_process: bool | None = option(
        None, "run the engine in this process (default: only on CPU)", affects_answer=False
    )
    engine: dict[str, Any] = option({}, "any other engine argument of vLLM, by its name, as JSON")
