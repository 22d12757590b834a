"""The harness from Python: for notebooks, training loops and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.results import RunResult
from harness.run.plan import make_plan
from harness.run.request import RunRequest
from harness.run.session import execute
from harness.run.watch import Watch


def evaluate(
    task: str | Sequence[str],
    model: str | Judge | Generator,
    *,
    judge: str | Judge | Sequence[str | Judge] = (),
    data: str | Path | Sequence[str | Path] = (),
    limit: int | None = None,
    seed: int = 0,
    repeats: int = 1,
    out: str | Path | None = None,
    read: str = "auto",
    executor: str = "local",
    options: Mapping[str, Any] | None = None,
    judge_options: Mapping[str, Any] | None = None,
    max_failures: int | None = None,
    allow_outside: bool = False,
    prompt_variants: str | Sequence[str] = "default",
    wordings: str | Sequence[str] | None = None,
    watch: Watch | None = None,
) -> RunResult:
    """Evaluate a model on a task and return the scored run.

    `task` is a name, a path to a TOML file, a suite, or several of these. `model` is the model under test: a
    name or an object; `judge` names the judges of a generator task. `data` names data sets or
    folders; `prompt_variants` is "default", "all", or names of prompt variants (`wordings` is its earlier name). The run
    is stored in `out` (by default below `runs/`) and resumed if it exists.
    Failed samples are counted in the result, not raised, unless the first ones show that every request fails in the
    same way. Raises `HarnessError` (see `harness.errors`).
    """
    request = RunRequest(
        tasks=_many(task),
        model=model,
        judges=_many(judge),
        data=tuple(str(d) for d in _many(data)),
        limit=limit,
        seed=seed,
        repeats=repeats,
        out=None if out is None else Path(out),
        read=read,
        executor=executor,
        options=options or {},
        judge_options=judge_options or {},
        max_failures=max_failures,
        allow_outside=allow_outside,
        prompt_variants=_many(prompt_variants if wordings is None else wordings),
    )
    watch = watch or Watch()
    return execute(make_plan(request, watch), watch)


def _many(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
