"""Turns engine failures into readable errors that say what to change."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from harness import ExitCode, HarnessError
from harness.hub import Resolved, memory_gib
from harness.mllm import preset_of
from memobench_vllm.options import VllmOptions

LESS_MEMORY = (
    "Reduce memory: -o max_model_len=2048, -o quantization=fp8, -o gpu_memory_utilization=0.8 on a shared GPU, "
    "-o tensor_parallel_size=2 with two GPUs, or a smaller model."
)
_VALIDATION_HEADER = re.compile(r"\d+ validation errors? for ")
_VALIDATION_SUFFIX = re.compile(r" \[type=\w+, input_value=.*$")
NO_PICTURES = "Choose a multimodal model: harness list models"
_OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemory|No available memory for the cache|Free memory on device|KV cache is needed|"
    r"memory.{0,40}less than desired|can't allocate memory|Cannot allocate memory",
    re.I,
)


class EngineFailed(HarnessError):
    """vLLM could not start, or stopped. Replies so far are kept."""

    exit_code = ExitCode.FAILED


class EngineLog:
    """Captured output of the engine and its processes. A failing engine process reports its reason only there."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the engine runs)

    def tail(self) -> str:
        """The last 64 KiB of output."""
        sys.stdout.flush()
        sys.stderr.flush()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(max(0, size - 2**16))
        return self.file.read().decode("utf-8", "replace")

    def close(self) -> None:
        self.file.close()


@contextmanager
def captured_output(log: EngineLog) -> Iterator[None]:
    """Redirect stdout and stderr to a log, to keep them out of the command's own output.

    Processes started meanwhile keep writing to the log. VLLM_LOGGING_LEVEL=INFO or DEBUG disables the redirection.
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


def to_harness_error(error: Exception, log: str, options: VllmOptions, model: Resolved) -> HarnessError:
    """The user-facing error for an exception of vLLM and the output of its processes."""
    if isinstance(error, HarnessError):
        return error
    details = f"{error}\n{log}"
    prefix = f"vLLM could not start {model.ref!r}"
    if _OUT_OF_MEMORY.search(details):
        return EngineFailed(
            f"{prefix}: there is not enough memory{_memory_needed(options, model)}.", LESS_MEMORY
        )
    if "trust_remote_code" in details or "custom code" in details:
        return EngineFailed(
            f"{prefix}: its repository contains custom Python code.",
            "Review that code. If you trust it: -o trust_remote_code=true",
        )
    if (
        "not supported for now" in details
        or "no vLLM implementation" in details
        or "not recognize this architecture" in details
    ):
        return EngineFailed(
            f"{prefix}: {_main_error_line(error, log)}.",
            f"Update vllm, or use the slower transformers:{model.ref}",
        )
    if "only supported for multimodal models" in details or "not a multimodal model" in details:
        return EngineFailed(f"{prefix}: it does not accept pictures.", NO_PICTURES)
    if "gated repo" in details or "401 Client Error" in details:
        return EngineFailed(
            f"{prefix}: the hub denied the download.",
            "Accept the model's terms on its hub page, and set the environment variable HF_TOKEN.",
        )
    return EngineFailed(
        f"{prefix}: {_main_error_line(error, log)}.",
        "VLLM_LOGGING_LEVEL=INFO shows the engine's own messages; `harness show vllm` lists its options.",
    )


def engine_died(error: BaseException) -> bool:
    """Whether an error means that the engine is dead, rather than that it rejects one prompt."""
    return any(cls.__name__ in ("EngineDeadError", "EngineProcessExited") for cls in type(error).__mro__)


def root_cause(error: BaseException) -> str:
    """The message of the innermost cause: usually the processor's error, without the engine's wrapping."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error) or type(error).__name__)[:500]


def _memory_needed(options: VllmOptions, model: Resolved) -> str:
    known = preset_of(model.ref)
    if known is None or known.get("parameters") is None or options.quantization:
        return ""
    dtype = options.dtype if options.dtype != "auto" else str(known.get("dtype", "auto"))
    need = memory_gib(float(known.get("parameters")), dtype)
    return f" (its weights alone take about {need:.0f} GiB{'' if dtype == 'auto' else f' in {dtype}'})"


def _main_error_line(error: Exception, log: str) -> str:
    """The most informative line: the last error that an engine process printed, or the exception's first line."""
    causes = re.findall(r"^(?:.*\] )?(\w*(?:Error|Exception): .+)$", log, re.M)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if _VALIDATION_HEADER.match(lines[0]) and len(lines) > 1:
        # A validation error follows its header, after the field's name if it has one.
        message = next((line for line in lines[1:] if _VALIDATION_SUFFIX.search(line)), lines[1])
        field = "" if message == lines[1] else f"{lines[1]}: "
        own = field + _VALIDATION_SUFFIX.sub("", message).removeprefix("Value error, ")
    else:
        own = lines[0]
    in_other_process = engine_died(error) or "Engine core init" in own
    line = (
        causes[-1].strip()
        if causes and in_other_process
        else "its process ended"
        if engine_died(error)
        else own
    )
    return line.rstrip(".")[:300]
