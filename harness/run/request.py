"""What a user asked for, on the command line or with `harness.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.errors import RequestError


@dataclass(frozen=True)
class RunRequest:
    """One run. Models are names (as `harness list models` shows them) or objects made in Python."""

    tasks: tuple[str, ...]
    model: str | Judge | Generator
    judges: tuple[str | Judge, ...] = ()
    data: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    repeats: int = 1
    out: Path | None = None
    read: str = "auto"
    executor: str = "local"
    options: Mapping[str, Any] = field(default_factory=dict)
    judge_options: Mapping[str, Any] = field(default_factory=dict)
    max_failures: int | None = None
    allow_outside: bool = False
    prompt_variants: tuple[str, ...] = ("default",)
    """Which prompt variants are asked: "default", "all", or names."""

    def __post_init__(self) -> None:
        for name, value in (
            ("limit", self.limit),
            ("repeats", self.repeats),
            ("max-failures", self.max_failures),
        ):
            if value is not None and value < 1:
                raise RequestError(
                    f"--{name} must be at least 1, not {value}.", f"Omit --{name} for the default."
                )
        if not self.prompt_variants:
            raise RequestError("No prompt variant is named.", 'Name some, or "default" or "all".')
        if not self.tasks:
            raise RequestError("No task is named.", "Give --task; see `harness list tasks`.")
