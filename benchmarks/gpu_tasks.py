"""What `bench_gpu.py` and its processes tell each other: no package is imported here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

JUDGES, PIPELINES = ("llava", "qwen2.5-vl"), ("sd-1.5", "sdxl", "sd-3.5-medium")
NEEDS = {
    **dict.fromkeys(JUDGES, ("torch", "transformers")),
    **dict.fromkeys(PIPELINES, ("torch", "transformers", "diffusers")),
    "vllm": ("torch", "transformers", "vllm"),
}
"""The names of what is measured, and the packages that each needs."""
BATCH = {**dict.fromkeys(JUDGES, 16), **dict.fromkeys(PIPELINES, 4), "vllm": 64}


@dataclass(frozen=True)
class Task:
    """What a process measures, until when."""

    name: str
    size: str
    folder: Path
    deadline: float
    """On the clock of `time.monotonic`, which the processes of one machine share."""

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True)
class Measured:
    """One model with one way of asking. Medians over pairs of runs."""

    name: str
    label: str
    unit: str
    harness: float
    loop: float
    ratio: float
    asking: float
    pairs: int
    memory: tuple[float, float] | None
    """Peak GiB of the harness and of the loop; None without a GPU."""
