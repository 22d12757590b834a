"""A scored run as exporters read it: its results, its questions one by one, and the texts that were asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.exporting.sample_row import SampleRow
from harness.exporting.samples import iter_samples
from harness.results import BOUND, Results, TaskResult
from harness.scoring.run_record import RunRecord
from harness.store.files import read_lines
from harness.store.runfolder import GENERATE_ONLY, SAMPLES, intact, read_run
from harness.store.scored import scored_results
from harness.tasks.prompts import as_text, render
from harness.tasks.spec import PromptVariant, TaskSpec
from harness.types import Message


@dataclass(frozen=True)
class ExportSource:
    """A scored run: what an exporter writes."""

    path: Path
    results: Results

    @classmethod
    def of(cls, path: Path) -> ExportSource:
        """The run in a folder. Raises RequestError where it has no results, or holds portraits alone."""
        if read_run(path)["request"].get("role") == GENERATE_ONLY:
            raise RequestError(
                f"{str(path)!r} holds portraits but no answers.",
                f"Run a judge on them: harness run --task coarse_emotion --model fer --data {path}",
            )
        try:
            return cls(path, scored_results(path))
        except FileNotFoundError as e:
            raise RequestError(
                f"The run {str(path)!r} has no results yet.",
                f"Finish it with the command that started it, or: harness score {path}",
            ) from e

    def samples(self) -> Iterator[SampleRow]:
        """One row for each question about each picture, streamed: see `SampleRow`."""
        return iter_samples(self.path)

    def task_of(self, row: SampleRow) -> TaskResult | None:
        """The results that a row entered; None for a portrait that was never made."""
        key = (row.task, row.data, row.judge or None, row.prompt_variant or None)
        return self._tasks.get(key)

    @cached_property
    def record(self) -> RunRecord:
        """What was asked, as `run.json` describes it."""
        with intact(self.path):
            return RunRecord.parse(self.document)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The content of `run.json`."""
        return read_run(self.path)

    @property
    def generates(self) -> bool:
        """Whether the model under test is a generator."""
        return self.record.role == "generator"

    def messages(self, row: SampleRow) -> tuple[Message, ...]:
        """What the judge was shown; a part with `image` stands for one of `pictures`. Empty if nothing was asked."""
        spec = self.record.questions.get(row.question)
        if spec is None or spec.answer is None:
            return ()
        shown = row.shown or spec.answer.options
        statement = row.attributes.get(spec.answer.statement, "")
        return render(_variant(spec, row.prompt_variant), spec.answer, shown, row.emotion, statement)

    def question(self, row: SampleRow) -> str:
        """The same as text, with `<image>` where each picture stood; "" if nothing was asked."""
        return as_text(self.messages(row))

    def kind(self, question: str) -> str:
        """Of the answers to a question: choice, rating or pair; "" for an unknown one."""
        spec = self.record.questions.get(question)
        return spec.answer.kind if spec is not None and spec.answer is not None else ""

    def asked_by(self, task: TaskResult, metric: str) -> str:
        """The question whose answers a metric of a task rests on: the task itself, or one that a generator task asks."""
        if task.role == "judge":
            return task.task
        spec = self.record.tasks[task.task]
        base = metric.removesuffix(BOUND)
        return next((m.asks for m in spec.metrics if m.name == base and m.asks), spec.asks[0])

    def template(self, question: str, prompt_variant: str | None = None) -> str:
        """The prompt of a question before its placeholders are filled; "" for an unknown one."""
        spec = self.record.questions.get(question)
        if spec is None or not spec.prompts:
            return ""
        variant = _variant(spec, prompt_variant or "")
        return "\n".join(part for part in (variant.system.strip(), variant.text.strip()) if part)

    def portrait_prompt(self, row: SampleRow) -> str:
        """Generator runs: the prompt that the generator was given; "" where it is not stored."""
        return self._portrait_prompts.get(row.sample, "") if self.generates else ""

    def pictures(self, row: SampleRow) -> list[Path]:
        """The files of the pictures shown, as far as the run says where its data set lies. They may be gone."""
        names = [name for name in (row.picture, row.second_picture) if name]
        if self.generates:
            return [self.path / name for name in names]
        folder = self.document.get("folders", {}).get(row.data)
        return [Path(folder) / name for name in names] if folder else []

    @cached_property
    def _tasks(self) -> Mapping[tuple[str, str, str | None, str | None], TaskResult]:
        return {(t.task, t.data.name, t.judge, t.prompt_variant): t for t in self.results.tasks}

    @cached_property
    def _portrait_prompts(self) -> Mapping[str, str]:
        return {line["id"]: line.get("prompt") or "" for line in read_lines(self.path / SAMPLES)}


def _variant(spec: TaskSpec, name: str) -> PromptVariant:
    return next((v for v in spec.prompt_variants if v.name == name), spec.prompt_variants[0])
