"""The harness from Python: for notebooks, training loops and tests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, SupportsIndex, TypeAlias, overload

from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.deprecations import deprecated
from harness.errors import RequestError
from harness.escaping import plain
from harness.exporting.run_result import RunResult
from harness.run.arguments import duration, each, flag, out_path
from harness.run.gated import execute_plan
from harness.run.plan import make_plan
from harness.run.progress import automatic
from harness.run.python_arguments import named_arguments
from harness.run.request import RunRequest
from harness.run.several import make_plans
from harness.run.supervisor import Supervisor
from harness.run.watch import Watch, safe

Model: TypeAlias = str | Path | Judge | Generator
Names: TypeAlias = str | Path | Iterable[str | Path]
Number: TypeAlias = SupportsIndex | float | str


@overload
def evaluate(  # type: ignore[overload-overlap]
    task: Names,
    model: Model,
    *,
    judge: str | Path | Judge | Iterable[str | Path | Judge] | None = ...,
    data: Names | None = ...,
    limit: Number | None = ...,
    seed: Number | None = ...,
    repeats: Number | None = ...,
    out: str | Path | None = ...,
    read: str | None = ...,
    executor: str | None = ...,
    options: Mapping[str, Any] | None = ...,
    judge_options: Mapping[str, Any] | None = ...,
    executor_options: Mapping[str, Any] | None = ...,
    data_options: Mapping[str, Any] | None = ...,
    detector_options: Mapping[str, Any] | None = ...,
    max_failures: Number | None = ...,
    allow_outside: bool = ...,
    prompt_variants: str | Iterable[str] | None = ...,
    wordings: str | Iterable[str] | None = ...,
    release: str | None = ...,
    fresh: bool = ...,
    max_cost: Number | None = ...,
    max_time: Number | None = ...,
    timeout: Number | None = ...,
    gate: str | Path | None = ...,
    shard: str | None = ...,
    strict: bool = ...,
    progress: bool | None = ...,
    watch: Watch | None = ...,
) -> RunResult: ...
@overload
def evaluate(
    task: Names,
    model: Sequence[Model] | Set[Model] | Iterator[Model],
    *,
    judge: str | Path | Judge | Iterable[str | Path | Judge] | None = ...,
    data: Names | None = ...,
    limit: Number | None = ...,
    seed: Number | None = ...,
    repeats: Number | None = ...,
    out: str | Path | None = ...,
    read: str | None = ...,
    executor: str | None = ...,
    options: Mapping[str, Any] | None = ...,
    judge_options: Mapping[str, Any] | None = ...,
    executor_options: Mapping[str, Any] | None = ...,
    data_options: Mapping[str, Any] | None = ...,
    detector_options: Mapping[str, Any] | None = ...,
    max_failures: Number | None = ...,
    allow_outside: bool = ...,
    prompt_variants: str | Iterable[str] | None = ...,
    wordings: str | Iterable[str] | None = ...,
    release: str | None = ...,
    fresh: bool = ...,
    max_cost: Number | None = ...,
    max_time: Number | None = ...,
    timeout: Number | None = ...,
    gate: str | Path | None = ...,
    shard: str | None = ...,
    strict: bool = ...,
    progress: bool | None = ...,
    watch: Watch | None = ...,
) -> list[RunResult]: ...
@named_arguments
def evaluate(
    task: Names,
    model: Model | Sequence[Model] | Set[Model] | Iterator[Model],
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
    executor_options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    detector_options: Mapping[str, Any] | None = None,
    max_failures: Number | None = None,
    allow_outside: bool = False,
    prompt_variants: str | Iterable[str] | None = "default",
    wordings: str | Iterable[str] | None = None,
    release: str | None = None,
    fresh: bool = False,
    max_cost: Number | None = None,
    max_time: Number | None = None,
    timeout: Number | None = None,
    gate: str | Path | None = None,
    shard: str | None = None,
    strict: bool = False,
    progress: bool | None = None,
    watch: Watch | None = None,
) -> RunResult | list[RunResult]:
    """Evaluate a model on a task and return the scored run; of several models, a list of runs in the same order.

    `task` is a name, a path to a TOML file, a suite, or several of these. `model` is the model under test: a
    name or an object; `judge` names the judges of a generator task. `data` names data sets or
    folders; `prompt_variants` is "default", "all", or names of prompt variants (`wordings` is its earlier name). The run
    is stored in `out` (by default below `runs/`) and resumed if it exists. Numbers may be of numpy or texts; the items of
    a set are taken in the order of their names.
    Several models are asked one after the other, each in a run of its own: then `out` is the folder that these are put
    in, and everything else is the same for each. All of it is checked before the first one is asked.
    `options` are those of the model; `judge_options`, `data_options` (both also `NAME.KEY`), `executor_options` and
    `detector_options` those of the judges, registered data sets, the executor and the face detector.
    `release` names the release of the model under test: answers of one release are never those of another.
    `fresh` asks everything anew, and keeps what the folder held in `previous/N`. `max_cost` (all replies of the folder,
    in the unit of the prices that options give) and `max_time` (of this call: seconds, or a text such as "10m") end a run
    early: `RunResult.stopped` says so, and the same call resumes.
    `timeout` (seconds, or a text such as "2m") fails what has no reply after that time; `--timeout` of `harness run` says what
    it cannot stop.
    `gate` names a baseline that the run is compared with while replies arrive: it ends once the verdict is clear, and
    `harness.gate(result, baseline)` gives the report.
    `shard`, such as "2/8", asks that part of the run only, in a folder of its own; `harness merge` puts parts together.
    `strict` counts answers that are understood from a sentence as unparsed; `TaskResult.read_as` says how many there are.
    `progress` shows how far it is: by default in notebooks and interactive interpreters only, where True shows it
    everywhere and False nowhere. `watch` receives progress instead; what it raises does not stop the run.
    Failed samples are counted in the result, not raised. Raises `HarnessError` (see `harness.errors`); whatever is wrong
    with the arguments is a `RequestError` that names the argument, before anything is asked.
    """
    return _evaluate(**locals())


def _evaluate(
    task: object,
    model: Any,
    judge: Any,
    out: Any,
    prompt_variants: object,
    wordings: object,
    progress: bool | None,
    watch: Watch | None,
    **given: Any,
) -> RunResult | list[RunResult]:
    """`evaluate`; the request converts what is in `given`."""
    if wordings is not None:
        deprecated("evaluate(wordings=...)", stacklevel=3)
    models, judges = list(each(model)) if _several(model) else [model], list(each(judge))
    _check_objects("model", models)
    _check_objects("judge", judges)
    given |= {
        "tasks": task,
        "judges": judges,
        "prompt_variants": prompt_variants if wordings is None else wordings,
    }
    display = _display(progress, watch)
    try:
        with Supervisor(display, duration("timeout", given["timeout"])):
            if _several(model):
                plans = make_plans(models, out_path(out), given, display)
            else:
                plans = [make_plan(RunRequest(model=model, out=out, **given), display)]
            results = [execute_plan(plan, display) for plan in plans]
    finally:
        display.close()
    return results if _several(model) else results[0]


def _several(model: object) -> bool:
    if isinstance(model, (str, bytes, os.PathLike, Judge, Generator, Mapping)):
        return False
    array = getattr(model, "shape", ()) != () and hasattr(model, "tolist")
    return array or isinstance(model, (Sequence, Set, Iterator))


def _check_objects(name: str, given: Sequence[Any]) -> None:
    """Refuse what can be neither a judge nor a generator."""
    for value in given:
        if not isinstance(value, (str, os.PathLike, Judge, Generator)):
            shown = f"the class {value.__name__}" if isinstance(value, type) else plain(repr(value), 60)
            raise RequestError(
                f"{name} must be a name or an object, not {shown}.",
                f"For example: {name}='fer', or an instance of a class of harness.Judge or harness.Generator.",
            )


def _display(progress: bool | None, watch: Watch | None) -> Watch:
    if watch is None:
        return safe(automatic(None if progress is None else flag("progress", progress)))
    if not isinstance(watch, Watch):
        raise RequestError(
            f"watch must be a Watch, not {plain(repr(watch), 60)}.",
            "Give an instance of harness.run.watch.Watch, or progress=True for the usual display.",
        )
    if progress is not None:
        raise RequestError("progress and watch cannot both be given.", "Omit one of them.")
    return safe(watch)
