"""Failures of the engine, in words: what is wrong and what to change."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from harness import HarnessError
from harness.hub import Resolved, memory_gib
from harness.mllm import preset_of
from memobench_vllm.options import VllmOptions

LESS_MEMORY = (
    "Take less: -o max_model_len=2048, -o quantization=fp8, -o gpu_memory_utilization=0.8 where others use the GPU, "
    "-o tensor_parallel_size=2 over two GPUs, or a smaller model."
)
_COUNT = re.compile(r"\d+ validation errors? for ")
_DETAIL = re.compile(r" \[type=\w+, input_value=.*$")
NO_PICTURES = "Name a model that takes pictures: harness list models"
_MEMORY = re.compile(
    r"out of memory|OutOfMemory|No available memory for the cache|Free memory on device|KV cache is needed|"
    r"memory.{0,40}less than desired|can't allocate memory|Cannot allocate memory",
    re.I,
)


class EngineFailed(HarnessError):
    """vLLM could not start, or stopped: nothing that was answered is lost."""

    exit_code = 3


class Log:
    """What the engine and its processes print, kept apart: one in another process says only there why it failed."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  (it lasts as long as the engine)

    def end(self) -> str:
        """The last lines."""
        sys.stdout.flush()
        sys.stderr.flush()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(max(0, size - 2**16))
        return self.file.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Forget them."""
        self.file.close()


@contextmanager
def quietly(log: Log) -> Iterator[None]:
    """Send what is printed to a log, so that nothing stands between a command's own output.

    Processes that are started meanwhile go on to print there. VLLM_LOGGING_LEVEL=INFO or DEBUG lets all through.
    """
    if os.environ.get("VLLM_LOGGING_LEVEL", "").upper() in ("INFO", "DEBUG"):
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(log.file.fileno(), 1)
        os.dup2(log.file.fileno(), 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd, number in zip(saved, (1, 2), strict=True):
            os.dup2(fd, number)
            os.close(fd)


def translated(error: Exception, log: str, options: VllmOptions, model: Resolved) -> HarnessError:
    """The error that a user sees, from what vLLM raised and printed while it started."""
    if isinstance(error, HarnessError):
        return error
    said = f"{error}\n{log}"
    what = f"vLLM could not start {model.ref!r}"
    if _MEMORY.search(said):
        return EngineFailed(f"{what}: there is not enough memory{_needs(options, model)}.", LESS_MEMORY)
    if "trust_remote_code" in said or "custom code" in said:
        return EngineFailed(
            f"{what}: its repository holds Python code of its own.",
            "Read that code; if you trust it: -o trust_remote_code=true",
        )
    if (
        "not supported for now" in said
        or "no vLLM implementation" in said
        or "not recognize this architecture" in said
    ):
        return EngineFailed(
            f"{what}: {_first_line(error, log)}.", f"Update vllm, or try the slower transformers:{model.ref}"
        )
    if "only supported for multimodal models" in said or "not a multimodal model" in said:
        return EngineFailed(f"{what}: it reads text alone.", NO_PICTURES)
    if "gated repo" in said or "401 Client Error" in said:
        return EngineFailed(
            f"{what}: the hub does not let you download it.",
            "Accept the model's terms on its page, and set the environment variable HF_TOKEN.",
        )
    return EngineFailed(
        f"{what}: {_first_line(error, log)}.",
        "VLLM_LOGGING_LEVEL=INFO shows the engine's own messages; `harness show vllm` lists its options.",
    )


def engine_died(error: BaseException) -> bool:
    """Whether an error means that the engine takes no further prompt, not just that it refuses this one."""
    return any(cls.__name__ in ("EngineDeadError", "EngineEnded") for cls in type(error).__mro__)


def innermost(error: BaseException) -> str:
    """What an error says that others were raised from: a processor's own words, without the engine's around them."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error) or type(error).__name__)[:500]


def _needs(options: VllmOptions, model: Resolved) -> str:
    known = preset_of(model.ref)
    if known is None or known.get("parameters") is None or options.quantization:
        return ""
    dtype = options.dtype if options.dtype != "auto" else str(known.get("dtype", "auto"))
    need = memory_gib(float(known.get("parameters")), dtype)
    return f" (its weights alone take some {need:.0f} GiB{'' if dtype == 'auto' else f' in {dtype}'})"


def _first_line(error: Exception, log: str) -> str:
    """The line that says most: the last error that another process printed, or the exception's own first line."""
    causes = re.findall(r"^(?:.*\] )?(\w*(?:Error|Exception): .+)$", log, re.M)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if _COUNT.match(lines[0]) and len(lines) > 1:
        # What a validator says stands below its headline, behind the field's name if it belongs to one.
        said = next((line for line in lines[1:] if _DETAIL.search(line)), lines[1])
        field = "" if said == lines[1] else f"{lines[1]}: "
        own = field + _DETAIL.sub("", said).removeprefix("Value error, ")
    else:
        own = lines[0]
    elsewhere = engine_died(error) or "Engine core init" in own
    told = causes[-1].strip() if causes and elsewhere else "its process ended" if engine_died(error) else own
    return told.rstrip(".")[:300]
