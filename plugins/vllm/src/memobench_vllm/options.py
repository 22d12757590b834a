"""Options of the vLLM judge. Engine arguments keep vLLM's names."""

from __future__ import annotations

from typing import Any, Literal

from harness import option
from harness.mllm import ThinkingOptions

ENGINE = (
    "dtype",
    "quantization",
    "max_model_len",
    "limit_mm_per_prompt",
    "hf_overrides",
    "seed",
    "trust_remote_code",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "gpu_memory_utilization",
    "kv_cache_memory_bytes",
    "kv_cache_dtype",
    "max_num_seqs",
    "max_num_batched_tokens",
    "block_size",
    "enforce_eager",
    "enable_prefix_caching",
    "mm_processor_cache_gb",
)
"""Options passed to the engine unchanged, unless they are None."""


class VllmOptions(ThinkingOptions):
    """Options of the judge `vllm`. Weights and templates enter `identity()` by digest; their location affects no answer."""

    ref: str = option(..., "model folder, or hub reference ORG/NAME[@REVISION]", affects_answer=False)
    revision: str | None = option(
        None, "branch, tag or commit of a hub reference; same as REF@REVISION", affects_answer=False
    )
    chat_template: str | None = option(
        None,
        "file with a chat template, or a prompt form such as 'USER: {image}\\n{text} ASSISTANT:'",
        affects_answer=False,
    )
    lora: str | None = option(None, "folder or hub reference of a LoRA adapter", affects_answer=False)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option("auto", "data type of the weights")
    quantization: str | None = option(
        None, "quantization method by vLLM's name: awq, gptq, fp8, bitsandbytes, ..."
    )
    min_pixels: int | None = option(
        None, "minimum picture area in pixels after scaling by the model's processor", gt=0
    )
    max_pixels: int | None = option(
        None, "maximum picture area in pixels after scaling by the model's processor", gt=0
    )
    mm_processor_kwargs: dict[str, Any] = option({}, "additional settings of the model's image processor")
    hf_overrides: dict[str, Any] | None = option(None, "overrides for the model's config.json")
    kv_cache_dtype: str | None = option(None, "data type of the KV cache; fp8 halves its size")
    seed: int = option(0, "seed of the engine", ge=0)
    trust_remote_code: bool = option(False, "run Python code from the model's repository")
    max_model_len: int | None = option(
        None,
        "maximum tokens of prompt plus answer; a lower value needs less memory",
        affects_answer=False,
        gt=0,
    )
    limit_mm_per_prompt: dict[str, int] | None = option(
        None, "maximum number of pictures per prompt", affects_answer=False
    )
    tensor_parallel_size: int = option(1, "number of GPUs that share each layer", affects_answer=False, ge=1)
    pipeline_parallel_size: int = option(
        1, "number of GPUs among which the layers are divided", affects_answer=False, ge=1
    )
    data_parallel_size: int = option(
        1, "copies of the model; more than 1 needs a server (see README)", affects_answer=False, ge=1
    )
    gpu_memory_utilization: float | None = option(
        None, "fraction of each GPU's memory that the engine may use", affects_answer=False, gt=0, le=1
    )
    kv_cache_memory_bytes: int | None = option(
        None, "size of the KV cache in bytes, instead of a fraction", affects_answer=False, gt=0
    )
    max_num_seqs: int | None = option(
        None, "maximum number of requests that the engine runs at a time", affects_answer=False, ge=1
    )
    max_num_batched_tokens: int | None = option(
        None, "maximum number of tokens per step", affects_answer=False, ge=1
    )
    block_size: int | None = option(None, "tokens per block of the KV cache", affects_answer=False, ge=1)
    enforce_eager: bool | None = option(
        None, "no compilation and no CUDA graphs: faster start, slower inference", affects_answer=False
    )
    enable_prefix_caching: bool = option(
        True, "reuse the cache for questions about one picture", affects_answer=False
    )
    mm_processor_cache_gb: float | None = option(
        None, "size of the cache for preprocessed pictures in GB", affects_answer=False, ge=0
    )
    in_process: bool | None = option(
        None, "run the engine in this process (default: only on CPU)", affects_answer=False
    )
    engine: dict[str, Any] = option({}, "other engine arguments of vLLM by name, as JSON")
