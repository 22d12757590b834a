"""Loads a pipeline and moves it to its device."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import diffusers
import torch
import transformers

from harness import BadOption, MissingPackage, RequestError, nearest
from memobench_diffusers.components import check_complete, check_names, load_components
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.reference import Reference, is_component


def device_of(options: DiffusersOptions) -> str:
    """The device to run on. Raises `BadOption` if it is not available."""
    if options.device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=options.device)
    except (RuntimeError, AssertionError) as e:
        raise BadOption(
            f"The device {options.device!r} is not available: {str(e).splitlines()[0]}.",
            "Use cuda, cuda:1, mps or cpu, or omit device.",
        ) from e
    return options.device


def load(options: DiffusersOptions, reference: Reference, dtype: str, variant: str | None) -> Any:
    """A pipeline with its weights, on its device. Raises `HarnessError`, or what diffusers raises."""
    _silence_libraries()
    if not hasattr(diffusers, reference.pipeline):
        raise RequestError(
            f"diffusers {diffusers.__version__} has no pipeline {reference.pipeline!r}.",
            "Update it: pip install --upgrade diffusers",
        )
    pipeline_class = getattr(diffusers, reference.pipeline)
    check_names(pipeline_class, reference.components)
    present = {name for name, entry in reference.index.items() if is_component(name, entry)}
    check_complete(reference.model.ref, pipeline_class, present | set(reference.components))
    device = device_of(options)
    _check_offload(options, device)
    model = reference.model
    local = model.kind == "local"
    from_pretrained: Any = diffusers.DiffusionPipeline.from_pretrained
    pipeline = from_pretrained(
        model.source if local else model.ref,
        revision=None if local else model.revision,
        variant=variant,
        torch_dtype=getattr(torch, dtype),
        use_safetensors=True,
        trust_remote_code=False,
        # Two-stage models are published as two repositories; text-to-image needs both.
        load_connected_pipeline=True,
        # SDXL adds a watermark if an optional package is installed.
        add_watermarker=False,
        **load_components(reference.components, pipeline_class, dtype),
    )
    pipeline.set_progress_bar_config(disable=True)
    if options.scheduler:
        pipeline.scheduler = _scheduler(options.scheduler).from_config(pipeline.scheduler.config)
    _save_memory(pipeline, options)
    if options.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif options.offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
    if options.compile:
        _compile(pipeline)
    return pipeline


def _silence_libraries() -> None:
    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"diffusers\.")


def _check_offload(options: DiffusersOptions, device: str) -> None:
    if options.offload == "none":
        return
    if device == "cpu":
        raise BadOption(
            f"offload={options.offload} moves weights between a GPU and main memory; no GPU is available.",
            "Omit offload.",
        )
    if importlib.util.find_spec("accelerate") is None:
        raise MissingPackage(f"offload={options.offload}", "accelerate")


def _scheduler(name: str) -> Any:
    found = getattr(diffusers, name, None)
    if found is None or not hasattr(found, "set_timesteps"):
        guess = nearest(name, [n for n in dir(diffusers) if n.endswith("Scheduler")])
        raise BadOption(
            f"diffusers has no scheduler {name!r}.",
            f"Did you mean {guess!r}?" if guess else "Use a class name such as DDIMScheduler.",
        )
    return found


def _save_memory(pipeline: Any, options: DiffusersOptions) -> None:
    decoder = getattr(pipeline, "vae", None)
    for enabled, name, method in (
        (options.vae_tiling, "vae_tiling", "enable_tiling"),
        (options.vae_slicing, "vae_slicing", "enable_slicing"),
    ):
        if enabled and not hasattr(decoder, method):
            raise BadOption(f"{type(pipeline).__name__} has no VAE that supports {name}.", f"Omit {name}.")
        if enabled:
            getattr(decoder, method)()
    if options.attention_slicing:
        pipeline.enable_attention_slicing()


def _compile(pipeline: Any) -> None:
    denoiser: Any = getattr(pipeline, "transformer", None) or getattr(pipeline, "unet", None)
    if getattr(denoiser, "_repeated_blocks", None):
        denoiser.compile_repeated_blocks()
    elif denoiser is not None:
        denoiser.compile()
