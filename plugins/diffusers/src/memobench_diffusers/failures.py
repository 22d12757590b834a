"""Translates exceptions from diffusers and torch into errors with a hint."""

from __future__ import annotations

import re

from harness import ExitCode, HarnessError, MissingPackage
from harness.hub import Preset, memory_gib

RESUME_HINT = "Finished images are kept: run the same command again to resume."
_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory|"
    r"Storage size calculation overflowed|CUBLAS_STATUS_ALLOC_FAILED",
    re.I,
)
_PACKAGE = re.compile(r"requires the (\w+) library|needs? the [`']?(\w+)[`']? (?:library|package)")


class PipelineFailed(HarnessError):
    """A model could not be loaded or cannot continue. Finished images are kept."""

    exit_code = ExitCode.FAILED


class Cancelled(HarnessError):
    """Generation stopped between two steps because the generator was closed."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("Generation was cancelled.", RESUME_HINT)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error reports exhausted memory, on any device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error)))


def out_of_memory(action: str, ref: str, preset: Preset | None, dtype: str) -> PipelineFailed:
    required = ""
    if preset is not None and preset.get("parameters"):
        gib = memory_gib(float(preset.get("parameters")), dtype)
        required = f" (the weights alone take about {gib:.0f} GiB in {dtype})"
    return PipelineFailed(
        f"There is not enough memory to {action} with {ref!r}{required}.",
        "Reduce memory use: -o offload=model, -o dtype=bfloat16, -o vae_tiling=true, -o attention_slicing=true, "
        f"a smaller -o width=... -o height=..., or a smaller model. {RESUME_HINT}",
    )


def load_error(error: Exception, ref: str, preset: Preset | None, dtype: str) -> HarnessError:
    """Translate an exception that diffusers raised while loading a model."""
    if isinstance(error, HarnessError):
        return error
    text = str(error)
    prefix = f"diffusers could not load {ref!r}"
    if is_out_of_memory(error):
        return out_of_memory("load the weights", ref, preset, dtype)
    missing = _PACKAGE.search(text)
    if missing or isinstance(error, ModuleNotFoundError):
        name = (missing and (missing[1] or missing[2])) or getattr(error, "name", None) or "?"
        return MissingPackage(f"The model {ref!r}", name)
    if "low_cpu_mem_usage" in text and "keep_in_fp32_modules" in text:
        # Parts of the model stay in 32 bits, which diffusers can only do with this package.
        return MissingPackage(f"The model {ref!r}", "accelerate")
    if "safetensors" in text and ("no file named" in text or "Could not find" in text):
        return PipelineFailed(
            f"{prefix}: one of its components has no weights in safetensors.",
            "Other weight formats can run code when loaded. Convert the model: "
            "pipeline.save_pretrained(FOLDER, safe_serialization=True).",
        )
    if "gated repo" in text or "401 Client Error" in text:
        return PipelineFailed(
            f"{prefix}: the hub denied the download.",
            "Accept the model's terms on its page and set the environment variable HF_TOKEN.",
        )
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return PipelineFailed(
        f"{prefix}: {first.rstrip('.')[:300]}.",
        "Update diffusers or download the model again; --traceback shows details.",
    )
