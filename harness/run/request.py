"""What a user asked for, on the command line or from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.errors import RequestError
from harness.run.arguments import (
    MOST_REPEATS,
    amount,
    component,
    count,
    duration,
    each,
    flag,
    option_values,
    out_path,
    release_name,
    seed_number,
    text,
    texts,
)
from harness.run.shards import Shard, parse_shard


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
    executor_options: Mapping[str, Any] = field(default_factory=dict)
    data_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of registered data sets: `KEY`, or `NAME.KEY` for one of several."""
    detector_options: Mapping[str, Any] = field(default_factory=dict)
    max_failures: int | None = None
    allow_outside: bool = False
    prompt_variants: tuple[str, ...] = ("default",)
    """Which prompt variants are asked: "default", "all", or names."""
    release: str | None = None
    """Which release of the model under test this is: two releases of one name are two models. None for no statement."""
    fresh: bool = False
    """Ask everything anew; what the run folder holds is kept in its folder `previous`."""
    max_cost: float | None = None
    """What all replies of the run folder may cost, in the unit of the prices that options give."""
    max_time: float | None = None
    """Seconds that this attempt may take; texts such as 10m are converted."""
    timeout: float | None = None
    """Seconds without a reply after which what a model was asked fails; texts such as 2m are converted. None: no limit."""
    command: tuple[str, ...] | None = None
    """The arguments of the command line, which `run.json` stores without secrets; None from Python."""

    shard: Shard | None = None
    """The part of the run that is asked; texts such as "2/8" are converted. None: all of it."""

    strict: bool = False
    """Count answers that are understood from a sentence as unparsed: tasks then have `prose = "unparsed"`."""

    gate: str | None = None
    """A baseline, or a run, that this run is compared with while replies arrive."""

    def __post_init__(self) -> None:
        """Convert what has another type than the field: numbers of numpy, texts, paths, sets. Raises `RequestError`."""
        _set(
            self,
            tasks=texts("task", self.tasks),
            model=component("model", self.model),
            judges=tuple(component("judge", judge) for judge in each(self.judges)),
            data=texts("data", self.data),
            limit=count("limit", self.limit),
            seed=seed_number(self.seed),
            repeats=count("repeats", self.repeats, MOST_REPEATS) or 1,
            out=out_path(self.out),
            read=text("read", self.read, "auto"),
            executor=text("executor", self.executor, "local"),
            options=option_values("options", self.options),
            judge_options=option_values("judge_options", self.judge_options),
            executor_options=option_values("executor_options", self.executor_options),
            data_options=option_values("data_options", self.data_options),
            detector_options=option_values("detector_options", self.detector_options),
            max_failures=count("max-failures", self.max_failures),
            allow_outside=flag("allow_outside", self.allow_outside),
            prompt_variants=texts(
                "prompt_variants", "default" if self.prompt_variants is None else self.prompt_variants
            ),
            release=release_name(self.release),
            fresh=flag("fresh", self.fresh),
            max_cost=amount("max-cost", self.max_cost),
            max_time=duration("max-time", self.max_time),
            timeout=duration("timeout", self.timeout),
            shard=parse_shard(self.shard),
            strict=flag("strict", self.strict),
            gate=None if self.gate is None else text("gate", self.gate),
            command=None if self.command is None else texts("command", self.command),
        )
        if self.shard is not None and self.gate is not None:
            raise RequestError(
                "--gate compares whole runs, and --shard asks a part of one.",
                "Merge the shards with `harness merge`, then: harness gate --baseline BASE RUN",
            )
        if not self.prompt_variants:
            raise RequestError("No prompt variant is named.", 'Name some, or "default" or "all".')
        if not self.tasks:
            raise RequestError("No task is named.", "Give --task; see `harness list tasks`.")


@dataclass(frozen=True)
class GenerateRequest:
    """What to generate, with which generator."""

    model: str
    prompts: str
    per_prompt: int = 1
    limit: int | None = None
    seed: int = 0
    out: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    max_failures: int | None = None
    command: tuple[str, ...] | None = None
    """As in `RunRequest`, and so is what follows."""
    timeout: float | None = None
    executor: str = "local"
    executor_options: Mapping[str, Any] = field(default_factory=dict)
    detector_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Convert what has another type than the field, as `RunRequest` does. Raises `RequestError`."""
        _set(
            self,
            model=component("model", self.model),
            prompts=text("prompts", self.prompts),
            per_prompt=count("per-prompt", self.per_prompt, MOST_REPEATS) or 1,
            limit=count("limit", self.limit),
            seed=seed_number(self.seed),
            out=out_path(self.out),
            options=option_values("options", self.options),
            max_failures=count("max-failures", self.max_failures),
            timeout=duration("timeout", self.timeout),
            command=None if self.command is None else texts("command", self.command),
            executor=text("executor", self.executor, "local"),
            executor_options=option_values("executor_options", self.executor_options),
            detector_options=option_values("detector_options", self.detector_options),
        )


def _set(request: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(request, name, value)
