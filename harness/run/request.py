"""What a user asked for, on the command line or with `harness.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.errors import BadOption, RequestError


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

    def options_of(self, judge: str) -> dict[str, Any]:
        """The options for one judge: `KEY=VALUE` is for all, `JUDGE.KEY=VALUE` for one."""
        chosen: dict[str, Any] = {}
        for key, value in self.judge_options.items():
            target, dot, name = key.rpartition(".")
            if not dot:
                chosen.setdefault(name, value)
            elif target in (judge, judge.partition(":")[0]):
                chosen[name] = value
        return chosen

    def check_judge_options(self) -> None:
        """Refuse options for a judge that is not part of the run."""
        names = [j for j in self.judges if isinstance(j, str)]
        for key in self.judge_options:
            target, dot, _ = key.rpartition(".")
            if dot and target not in {*names, *(n.partition(":")[0] for n in names)}:
                raise BadOption(
                    f"--judge-option {key}: {target!r} is not one of the judges.",
                    f"Judges of this run: {', '.join(names) or 'none'}.",
                )
