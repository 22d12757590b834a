"""Settings for an engine on CPU, and malloc tuning for an engine in this process."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from typing import Any

from harness.hub import Resolved

_CPU_CACHE_LIMIT = 4 * 2**30
_IN_FLIGHT = 3
"""Pictures queued in or before the engine, per picture in progress."""
_LEAST_PICTURE_CACHE, _UNKNOWN_PICTURE_CACHE = 1 / 64, 1 / 4
# From glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_DEFAULTS = {_TRIM_THRESHOLD: 128 * 1024, _TOP_PAD: 128 * 1024, _MMAP_MAX: 65536}
_RETAIN = {_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20, _MMAP_MAX: 0}


def apply_defaults(arguments: dict[str, Any], model: Resolved) -> None:
    """Set CPU defaults in `arguments`: no compilation, a small cache, blocks short enough to be shared."""
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    import torch._dynamo

    if "TORCHDYNAMO_DISABLE" not in os.environ:
        # Otherwise the first log-probability compiles C++ for half a minute, here or in the engine's processes.
        torch._dynamo.config.disable = True
        os.environ["TORCHDYNAMO_DISABLE"] = "1"
    if arguments["dtype"] == "auto" and _stored_type(model) == "float32":
        # vLLM would convert to 16 bits, which most CPUs do not support natively.
        arguments["dtype"] = "float32"
    arguments.setdefault("enforce_eager", True)
    arguments.setdefault("max_num_seqs", 64)
    arguments.setdefault("block_size", 32)
    arguments.setdefault("mm_processor_cache_gb", _picture_cache(model, arguments["max_num_seqs"]))
    if "kv_cache_memory_bytes" not in arguments and (size := _cache_bytes(arguments, model)):
        arguments["kv_cache_memory_bytes"] = size


def _stored_type(model: Resolved) -> str:
    """The data type of a model's stored weights, according to its config.json."""
    config = model.read_json("config.json")
    places = (config, config.get("text_config") or {})
    return str(next((p[k] for p in places for k in ("dtype", "torch_dtype") if p.get(k)), ""))


def _cache_bytes(arguments: Mapping[str, Any], model: Resolved) -> int | None:
    """Cache size in bytes for as many sequences as the engine runs at a time; None to keep vLLM's default."""
    config = model.read_json("config.json")
    text = config.get("text_config") or config
    try:
        heads = text.get("num_key_value_heads") or text["num_attention_heads"]
        width = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
        length = arguments.get("max_model_len") or text["max_position_embeddings"]
        size = 2 * text["num_hidden_layers"] * heads * width * 4 * length * arguments["max_num_seqs"]
    except (KeyError, TypeError):
        return None
    return max(64 * 2**20, size) if size <= _CPU_CACHE_LIMIT else None


def _picture_cache(model: Resolved, sequences: int) -> float:
    """GiB for the preprocessed pictures in flight, with three 32-bit numbers per pixel. A larger cache would only fill up."""
    config = model.read_json("preprocessor_config.json") or model.read_json("processor_config.json")
    config = config.get("image_processor") or config
    size = config.get("crop_size") or config.get("size") or {}
    height, width = (size, size) if isinstance(size, int) else (size.get("height"), size.get("width"))
    if not (height and width):
        return _UNKNOWN_PICTURE_CACHE  # picture sizes vary
    return float(max(_LEAST_PICTURE_CACHE, _IN_FLIGHT * sequences * height * width * 12 / 2**30))


def retain_freed_memory() -> None:
    """Make malloc reuse freed memory instead of returning it: otherwise every layer's activations cause page faults."""
    _mallopt(_RETAIN)


def release_freed_memory() -> None:
    """Undo `retain_freed_memory` and return free memory to the system."""
    if _mallopt(_DEFAULTS):
        ctypes.CDLL(None).malloc_trim(0)


def _mallopt(values: dict[int, int]) -> bool:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):
        return False  # not glibc
    for name, value in values.items():
        libc.mallopt(name, value)
    return True
