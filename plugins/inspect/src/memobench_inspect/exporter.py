"""Writes a run as Inspect logs: one for each task, judge, data set and prompt variant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness import (
    Exporter,
    ExportSource,
    HarnessOptions,
    MetricValue,
    MissingPackage,
    RequestError,
    SampleRow,
    TaskResult,
    option,
)

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalResults, EvalSample

LEVEL = 0.95
"""Of all intervals in results."""


class InspectLogs(Exporter):
    """Inspect logs (.eval), which `inspect view` and `inspect_ai.analysis` read."""

    output: ClassVar[str] = "inspect"

    class Options(HarnessOptions):
        """What of the pictures is written."""

        pictures: Literal["name", "embed"] = option(
            "name", "name: file and digest; embed: the pictures themselves, where their files are there."
        )

    def write(self, source: ExportSource, out: Path) -> Sequence[Path]:
        """Write the logs into the folder `out`. A log of the same run has the same name and is replaced.

        The samples of one log at a time are held in memory.
        """
        try:
            from inspect_ai.log import write_eval_log
        except ModuleNotFoundError as e:
            raise MissingPackage("Writing Inspect logs", "inspect-ai") from e
        written = []
        try:
            out.mkdir(parents=True, exist_ok=True)
            for task in source.results.tasks:
                log, name = self._log(source, task)
                write_eval_log(log, out / name, format="eval")
                written.append(out / name)
        except OSError as e:
            raise RequestError(
                f"{str(e.filename or out)!r} cannot be written: {e.strerror or e}.",
                "Choose another folder with --out.",
            ) from e
        return written

    def _log(self, source: ExportSource, task: TaskResult) -> tuple[EvalLog, str]:
        """The log of an entry of the results, and its file name."""
        from inspect_ai.log import EvalLog, EvalStats

        from memobench_inspect.samples import NOT_ASKED, SampleWriter, model_name

        run = source.results.run
        identity = _digest(run.name, run.created, task.task, task.data.name, task.judge, task.prompt_variant)
        writer = SampleWriter(source, task, identity, embed=self.options.pictures == "embed")
        samples = [writer.sample(rows) for rows in _by_sample(source, task)]
        reached = {(s.id, s.epoch) for s in samples if s.error is None or s.error.message != NOT_ASKED}
        stopped = bool(samples) and len(reached) < len(samples)
        log = EvalLog(
            version=2,
            status="cancelled" if stopped else "success",
            eval=_spec(source, task, identity),
            results=_results(source, task, samples),
            stats=EvalStats(
                started_at=run.created,
                completed_at=run.created,
                model_usage=writer.usage_of(task.judge or run.model, task.usage),
            ),
            samples=samples,
        )
        parts = [task.task, task.prompt_variant, task.judge, task.data.name]
        named = "-".join(_safe(part) for part in parts if part)
        return log, f"{_safe(run.created)}_{named}_{_safe(model_name(run.model))[:60]}_{identity}.eval"


def _by_sample(source: ExportSource, task: TaskResult) -> Iterator[list[SampleRow]]:
    """The rows of an entry, those about one portrait together: a generator task asks several questions about each."""
    together: dict[tuple[str, int], list[SampleRow]] = {}
    if task.judge is not None and task.judge not in source.results.run.judges:
        return  # The panel has an answer of its own, and no replies.
    for row in source.samples():
        mine = source.task_of(row)
        # A portrait that was not generated is every judge's.
        if mine is task or (mine is None and task.judge and row.task in ("", task.task)):
            together.setdefault((row.sample, row.repeat), []).append(row)
    yield from together.values()


def _spec(source: ExportSource, task: TaskResult, identity: str) -> Any:
    """The head of a log: what was evaluated, on what, how."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec
    from inspect_ai.model import ModelConfig

    from memobench_inspect.samples import model_name

    run = source.results.run
    arguments = {"data": task.data.name, "prompt_variant": task.prompt_variant, "judge": task.judge}
    return EvalSpec(
        eval_id=identity,
        run_id=_digest(run.name, run.created),
        task_id=_digest(task.task, task.version, task.data.digest),
        created=run.created,
        task="/".join(part for part in (task.task, task.prompt_variant) if part),
        task_version=task.version,
        task_args={name: value for name, value in arguments.items() if value},
        tags=["memobench", task.stage],
        dataset=EvalDataset(name=task.data.name, samples=task.data.n),
        model=model_name(run.model),
        model_roles={"grader": ModelConfig(model=model_name(task.judge))} if task.judge else None,
        config=EvalConfig(epochs=task.stability.repeats if task.stability else 1),
        packages={"memobench": run.versions.get("memobench", "unknown")},
        metadata={
            "run": run.name,
            "release": run.release,
            "answer_mode": task.answer_mode,
            "settings": [setting.model_dump() for setting in task.settings],
            "data_digest": task.data.digest,
            "versions": run.versions,
            "notes": run.notes,
            "warnings": task.warnings,
        },
    )


def _results(source: ExportSource, task: TaskResult, samples: Sequence[EvalSample]) -> EvalResults:
    """The metric values on all rows, by question; the whole entry of `results.json` in the metadata."""
    from inspect_ai.log import EvalResults, EvalScore, HeadlineMetric

    by_question: dict[str, dict[str, Any]] = {}
    for metric in task.metrics:
        if metric.value is not None and not metric.group:
            by_question.setdefault(source.asked_by(task, metric.name), {}).update(_metrics(metric))
    done = sum(sample.error is None for sample in samples)
    main = task.primary
    question = source.asked_by(task, main.name) if main is not None and main.value is not None else None
    return EvalResults(
        total_samples=len(samples),
        completed_samples=done,
        scores=[
            EvalScore(
                name=question,
                scorer=question,
                params={"judge": task.judge} if task.judge else {},
                metrics=metrics,
                metadata={"unparsed": task.unparsed, "failed": task.failed},
            )
            for question, metrics in by_question.items()
        ],
        headline=HeadlineMetric(scorer=question, score=question, metric=main.name)
        if main and question
        else None,
        metadata={"memobench": task.model_dump(mode="json", by_alias=True)},
    )


def _metrics(metric: MetricValue) -> Mapping[str, Any]:
    """The value, and the ends of its interval as values of their own, so that data frames have them."""
    from inspect_ai.log import EvalMetric

    assert metric.value is not None, "values that do not exist are left out"
    about = {
        "n": metric.n,
        "clusters": metric.clusters,
        "direction": metric.direction,
        "primary": metric.primary,
    }
    found = {metric.name: EvalMetric(name=metric.name, value=metric.value, metadata=about)}
    for end, value in (("low", metric.low), ("high", metric.high)):
        if value is not None:
            name = f"{metric.name}_ci_{end}"
            how = {"confidence_level": LEVEL, "method": metric.method}
            found[name] = EvalMetric(name=name, value=value, metadata=how)
    return found


def _digest(*parts: str | None) -> str:
    return hashlib.sha256("\0".join(part or "" for part in parts).encode("utf-8", "replace")).hexdigest()[:22]


def _safe(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in ".+-") else "-" for c in text)
