"""The harness from Python: for notebooks, training loops and tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, SupportsIndex, TypeAlias

from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.exporting.run_result import RunResult
from harness.run.gated import execute_plan
from harness.run.plan import make_plan
from harness.run.request import RunRequest
from harness.run.watch import Watch, safe

Names: TypeAlias = str | Path | Iterable[str | Path]
Number: TypeAlias = SupportsIndex | float | str


def evaluate(
    task: Names,
    model: str | Path | Judge | Generator,
    *,
    judge: str | Path | Judge | Iterable[str | Path | Judge] | None = (),
    data: Names | None = (),
    limit: Number | None = None,
    seed: Number | None = 0,
    repeats: Number | None = 1,
    out: str | Path | None = None,
    read: str | None = "auto",
    executor: str | None = "local",
    options: Mapping[str, Any] | None = None,
    judge_options: Mapping[str, Any] | None = None,
    max_failures: Number | None = None,
    allow_outside: bool = False,
    prompt_variants: str | Iterable[str] | None = "default",
    wordings: str | Iterable[str] | None = None,
    release: str | None = None,
    fresh: bool = False,
    max_cost: Number | None = None,
    max_time: Number | None = None,
    gate: str | Path | None = None,
    strict: bool = False,
    watch: Watch | None = None,
) -> RunResult:
    """Evaluate a model on a task and return the scored run.

    `task` is a name, a path to a TOML file, a suite, or several of these. `model` is the model under test: a
    name or an object; `judge` names the judges of a generator task. `data` names data sets or
    folders; `prompt_variants` is "default", "all", or names of prompt variants (`wordings` is its earlier name). The run
    is stored in `out` (by default below `runs/`) and resumed if it exists. Numbers may be of numpy or texts; the items of
    a set are taken in the order of their names. What `watch` raises does not stop the run.
    `release` names the release of the model under test: answers of one release are never those of another.
    `fresh` asks everything anew, and keeps what the folder held in `previous/N`. `max_cost` (all replies of the folder,
    in the unit of the prices that options give) and `max_time` (of this call: seconds, or a text such as "10m") end a run
    early: `RunResult.stopped` says so, and the same call resumes.
    `gate` names a baseline that the run is compared with while replies arrive: it ends once the verdict is clear, and
    `harness.gate(result, baseline)` gives the report.
    `strict` counts answers that are understood from a sentence as unparsed; `TaskResult.read_as` says how many there are.
    Failed samples are counted in the result, not raised. Raises `HarnessError` (see `harness.errors`).
    """
    given: dict[str, Any] = {  # The request converts them.
        "tasks": task,
        "model": model,
        "judges": judge,
        "data": data,
        "limit": limit,
        "seed": seed,
        "repeats": repeats,
        "out": out,
        "read": read,
        "executor": executor,
        "options": options,
        "judge_options": judge_options,
        "max_failures": max_failures,
        "allow_outside": allow_outside,
        "prompt_variants": prompt_variants if wordings is None else wordings,
        "release": release,
        "fresh": fresh,
        "max_cost": max_cost,
        "max_time": max_time,
        "gate": gate,
        "strict": strict,
    }
    watch = safe(watch)
    return execute_plan(make_plan(RunRequest(**given), watch), watch)
