"""Loads a pipeline and puts it where it draws."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import diffusers
import torch
import transformers

from harness import BadOption, MissingPackage, RequestError, nearest
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.reference import Reference


def device_of(options: DiffusersOptions) -> str:
    """The device to draw on. Raises `BadOption` for one that is not there."""
    if options.device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=options.device)
    except (RuntimeError, AssertionError) as e:
        raise BadOption(
            f"The device {options.device!r} is not there: {str(e).splitlines()[0]}.",
            "Give cuda, cuda:1, mps or cpu, or leave it away.",
        ) from e
    return options.device


def load(options: DiffusersOptions, reference: Reference, dtype: str, variant: str | None) -> Any:
    """A pipeline with its weights, on its device. Raises `HarnessError`, or what diffusers raises."""
    _quiet()
    if not hasattr(diffusers, reference.pipeline):
        raise RequestError(
            f"diffusers {diffusers.__version__} has no pipeline {reference.pipeline!r}.",
            "Update it: pip install --upgrade diffusers",
        )
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
        # Models of two stages are published as two; both are needed to draw from a prompt.
        load_connected_pipeline=True,
        # Its watermark changes pictures where an optional package is installed.
        add_watermarker=False,
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


def _quiet() -> None:
    """Nothing of these packages' own stands between a command's lines."""
    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"diffusers\.")


def _check_offload(options: DiffusersOptions, device: str) -> None:
    if options.offload == "none":
        return
    if device == "cpu":
        raise BadOption(
            f"offload={options.offload} moves weights between a GPU and main memory; there is no GPU here.",
            "Leave offload away.",
        )
    if importlib.util.find_spec("accelerate") is None:
        raise MissingPackage(f"offload={options.offload}", "accelerate")


def _scheduler(name: str) -> Any:
    found = getattr(diffusers, name, None)
    if found is None or not hasattr(found, "set_timesteps"):
        guess = nearest(name, [n for n in dir(diffusers) if n.endswith("Scheduler")])
        raise BadOption(
            f"diffusers has no scheduler {name!r}.",
            f"Did you mean {guess!r}?" if guess else "Give the class's name, such as DDIMScheduler.",
        )
    return found


def _save_memory(pipeline: Any, options: DiffusersOptions) -> None:
    decoder = getattr(pipeline, "vae", None)
    for asked, name, method in (
        (options.vae_tiling, "vae_tiling", "enable_tiling"),
        (options.vae_slicing, "vae_slicing", "enable_slicing"),
    ):
        if asked and not hasattr(decoder, method):
            raise BadOption(
                f"{type(pipeline).__name__} has no decoder that knows {name}.", f"Leave {name} away."
            )
        if asked:
            getattr(decoder, method)()
    if options.attention_slicing:
        pipeline.enable_attention_slicing()


def _compile(pipeline: Any) -> None:
    denoiser: Any = getattr(pipeline, "transformer", None) or getattr(pipeline, "unet", None)
    if getattr(denoiser, "_repeated_blocks", None):
        denoiser.compile_repeated_blocks()
    elif denoiser is not None:
        denoiser.compile()
