"""Failures of models, in words: what is wrong and what to change."""

from __future__ import annotations

import re

from harness import HarnessError, MissingPackage
from harness.hub import Preset, memory_gib

KEPT = "What was drawn is kept: the same command goes on."
_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory|"
    r"Storage size calculation overflowed|CUBLAS_STATUS_ALLOC_FAILED",
    re.I,
)
_PACKAGE = re.compile(r"requires the (\w+) library|needs? the [`']?(\w+)[`']? (?:library|package)")


class PipelineFailed(HarnessError):
    """A model could not be loaded, or cannot go on: nothing that was drawn is lost."""

    exit_code = 3


class Cancelled(HarnessError):
    """Drawing was stopped between two steps, because the generator was closed."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("Drawing was stopped.", KEPT)


def is_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error)))


def no_memory(doing: str, ref: str, preset: Preset | None, dtype: str) -> PipelineFailed:
    """There is not enough memory for `doing` with a model."""
    need = ""
    if preset is not None and preset.get("parameters"):
        gib = memory_gib(float(preset.get("parameters")), dtype)
        need = f" (its weights alone take some {gib:.0f} GiB in {dtype})"
    return PipelineFailed(
        f"There is not enough memory to {doing} with {ref!r}{need}.",
        "Take less: -o offload=model, -o dtype=bfloat16, -o vae_tiling=true, -o attention_slicing=true, "
        f"a smaller -o width=... -o height=..., or a smaller model. {KEPT}",
    )


def not_loaded(error: Exception, ref: str, preset: Preset | None, dtype: str) -> HarnessError:
    """What a user sees, from what diffusers raised while it loaded a model."""
    if isinstance(error, HarnessError):
        return error
    said = str(error)
    what = f"diffusers could not load {ref!r}"
    if is_memory(error):
        return no_memory("load the weights", ref, preset, dtype)
    missing = _PACKAGE.search(said)
    if missing or isinstance(error, ModuleNotFoundError):
        name = (missing and (missing[1] or missing[2])) or getattr(error, "name", None) or "?"
        return MissingPackage(f"The model {ref!r}", name)
    if "safetensors" in said and ("no file named" in said or "Could not find" in said):
        return PipelineFailed(
            f"{what}: a part of it has no weights in safetensors.",
            "Weights in other formats can run code when they are read; convert them: "
            "pipeline.save_pretrained(FOLDER, safe_serialization=True).",
        )
    if "gated repo" in said or "401 Client Error" in said:
        return PipelineFailed(
            f"{what}: the hub does not let you download it.",
            "Accept the model's terms on its page, and set the environment variable HF_TOKEN.",
        )
    first = next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
    return PipelineFailed(
        f"{what}: {first.rstrip('.')[:300]}.",
        "Update diffusers, or download the model again; --traceback shows more.",
    )
