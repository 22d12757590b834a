"""Turns a request into a plan: everything is resolved and checked before anything heavy is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.components.executor import Executor, LocalExecutor
from harness.datasets import DataFolder
from harness.errors import BadData, BadTask, HarnessError, RequestError
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.run.answer_modes import choose_answer_mode, choose_answer_modes
from harness.run.data_sets import check_domains, check_labels, find_data_sets, unknown_labels
from harness.run.naming import default_folder
from harness.run.participants import (
    Participant,
    check_costs,
    check_judge_options,
    judge_options,
    make_participant,
)
from harness.run.prompt_variants import DEFAULT, first_variants, select_prompt_variants
from harness.run.request import RunRequest
from harness.run.suites import answerable, labelled
from harness.run.watch import Watch, safe
from harness.tasks import catalog
from harness.tasks.answers import has_truth, without_prose
from harness.tasks.catalog import ResolvedTask
from harness.tasks.promptsets import PromptRow, PromptSet
from harness.tasks.spec import TaskSpec
from harness.types import AnswerMode, Sample


@dataclass(frozen=True)
class Plan:
    """A checked request. `generator` is None for judge tasks; `judges` then holds the model alone."""

    request: RunRequest
    tasks: tuple[ResolvedTask, ...]
    questions: Mapping[str, TaskSpec]
    """The judge tasks that are asked, by name: the tasks themselves, or what generator tasks ask."""
    answer_modes: Mapping[str, Mapping[str, AnswerMode]]
    """Judge -> question -> answer mode."""
    judges: tuple[Participant, ...]
    generator: Participant | None
    data: tuple[DataFolder, ...]
    prompt_sets: Mapping[str, PromptSet]
    """Generator tasks: the prompt set of each task, by the task's name."""
    executor: Executor = field(default_factory=LocalExecutor)
    """Where judges and generators run."""
    omitted: tuple[str, ...] = ()
    """What of a suite is not asked, and why."""

    @property
    def role(self) -> str:
        """judge or generator: what is under test."""
        return "judge" if self.generator is None else "generator"

    @property
    def model(self) -> Participant:
        """The model under test."""
        return self.judges[0] if self.generator is None else self.generator

    def describe(self) -> dict[str, Any]:
        """All that affects answers: what `run.json` stores as the request and what resuming compares."""
        request = self.request
        document: dict[str, Any] = {
            "role": self.role,
            "tasks": {t.spec.name: t.spec.model_dump(mode="json") for t in self.tasks},
            "model": self.model.described,
            "seed": request.seed,
            "repeats": request.repeats,
            "read": request.read,
        }
        if self.generator is None:
            document["data"] = {d.name: d.digest for d in self.data}
            domains = {d.name: d.domain for d in self.data if d.domain != "shown"}
            # Run folders of versions without domains hold the same request.
            document |= {"domains": domains} if domains else {}
        else:
            document["questions"] = {
                name: spec.model_dump(mode="json") for name, spec in self.questions.items()
            }
            document["judges"] = [j.described for j in self.judges]
            document["prompt_sets"] = {task: [s.name, s.digest] for task, s in self.prompt_sets.items()}
        return document

    @property
    def folder(self) -> Path:
        """The run folder: --out, or one named after the request."""
        parts = [
            "+".join(t.spec.name for t in self.tasks),
            self.model.name,
            *filter(None, [self.request.release]),
        ]
        parts += [d.name for d in self.data] or [j.name for j in self.judges]
        if self.request.out is not None:
            return self.request.out
        folder, shard = default_folder(parts, self.describe()), self.request.shard
        return folder if shard is None else folder.with_name(folder.name + shard.ending)


def make_plan(request: RunRequest, watch: Watch | None = None) -> Plan:
    """Resolve and check a request. Raises `RequestError` or a subclass; loads no weights, opens no picture."""
    tasks = tuple(catalog.find_tasks(request.tasks))
    if request.strict:
        tasks = tuple(replace(task, spec=without_prose(task.spec)) for task in tasks)
    roles = {t.spec.role for t in tasks}
    if len(roles) > 1:
        raise RequestError(
            "Judge tasks and generator tasks cannot share a run: "
            + ", ".join(f"{t.spec.name} ({t.spec.role})" for t in tasks)
            + ".",
            "Run them separately.",
        )
    executor = make_executor(request.executor, request.executor_options)
    check_judge_options(request.judge_options, request.judges)
    if roles == {"judge"}:
        plan = _judge_plan(request, tasks, safe(watch))
    else:
        plan = _generator_plan(request, tasks)
    if request.max_cost is not None:
        check_costs([*plan.judges, *([plan.generator] if plan.generator else [])])
    return replace(plan, executor=executor)


def make_executor(name: str, options: Mapping[str, Any]) -> Executor:
    """The executor with a given name and options. Raises `UnknownName` and `BadOption`."""
    executor: Executor = make(registry().find("executor", name), options)
    return executor


def _judge_plan(request: RunRequest, tasks: tuple[ResolvedTask, ...], watch: Watch) -> Plan:
    task = tasks[0].spec.name
    if request.judges:
        raise RequestError(
            f"{task!r} tests a judge: --model names it, and --judge is not used.",
            "Omit --judge, or choose a generator task.",
        )
    if request.judge_options:
        raise RequestError(
            f"{task!r} tests a judge: --judge-option is not used.",
            "Give options of the model under test with -o KEY=VALUE.",
        )
    if request.detector_options:
        raise RequestError(
            f"{task!r} tests a judge: --detector-option is not used.",
            "Faces are detected in portraits that are generated.",
        )
    tasks = select_prompt_variants(tasks, request.prompt_variants)
    _check_metrics(tasks, {t.spec.name: t.spec for t in tasks})
    judge = make_participant("judge", request.model, request.options, request.release)
    unread: tuple[str, ...] = ()
    if not judge.instance.reads_prompt:
        tasks, unread = first_variants(tasks, judge.name)
    tasks, unable = answerable(tasks, lambda spec: choose_answer_mode(judge, spec, request.read))
    default_data = tuple(dict.fromkeys(t.spec.data for t in tasks if t.spec.data))
    data = find_data_sets(request.data or default_data, watch, request.data_options)
    check_domains(data)
    tasks, unlabelled = labelled(tasks, data, request.seed)
    questions = {t.spec.name: t.spec for t in tasks}
    check_labels(data, questions, request.seed)
    modes = {judge.name: choose_answer_modes(judge, questions, request.read)}
    omitted = (*unread, *unable, *unlabelled, *unknown_labels(tasks, data))
    return Plan(request, tasks, questions, modes, (judge,), None, data, {}, omitted=omitted)


def _generator_plan(request: RunRequest, tasks: tuple[ResolvedTask, ...]) -> Plan:
    task = tasks[0].spec.name
    if tuple(request.prompt_variants) != (DEFAULT,):
        raise RequestError(
            f"{task!r} tests a generator: judges are asked in one prompt variant.",
            "Omit --prompt-variants, or choose a judge task.",
        )
    if not request.judges:
        raise RequestError(
            f"{task!r} tests a generator, and needs a judge for its portraits.",
            "Add --judge; see `harness list models`.",
        )
    for option, given in (("--data", request.data), ("--data-option", request.data_options)):
        if given:
            raise RequestError(
                f"{task!r} generates its own portraits: {option} is not used.",
                f"Omit {option}, or choose a judge task.",
            )
    generator = make_participant("generator", request.model, request.options, request.release)
    questions = {name: catalog.find_judge_task(name, t) for t in tasks for name in t.spec.asks}
    if request.strict:
        questions = {name: without_prose(question) for name, question in questions.items()}
    for name, question in questions.items():
        other = next((t for t in tasks if name in t.spec.asks and t.spec.domain != question.domain), None)
        if other is not None:
            raise BadTask(
                f"{other.path}: asks: {name!r} asks about {question.domain} emotion, "
                f"and the task is about {other.spec.domain} emotion.",
                f'Set domain = "{question.domain}", or ask another task.',
            )
        if question.pairs is not None or question.each is not None:
            how = "compares two pictures" if question.pairs else "asks about each of several emotions"
            raise BadTask(
                f"{name!r} {how}, and generated portraits are asked each question once.",
                "Remove it from asks; with --data, a run folder's portraits can be compared.",
            )
    _check_metrics(tasks, questions)
    judges = tuple(
        make_participant("judge", judge, judge_options(request.judge_options, judge))
        for judge in request.judges
    )
    if len({j.name for j in judges}) < len(judges):
        raise RequestError("A judge is named twice.", "Name each judge once.")
    modes = {j.name: choose_answer_modes(j, questions, request.read) for j in judges}
    own = generator.instance.own_portraits()
    if own is None:
        sets = {t.spec.name: catalog.find_prompts(t.spec.prompt_set, t.path.parent) for t in tasks}
    else:
        sets = {t.spec.name: _own_prompts(generator, own, t.spec, questions) for t in tasks}
    return Plan(request, tasks, questions, modes, judges, generator, (), sets)


def _own_prompts(
    generator: Participant, own: Sequence[Sample], spec: TaskSpec, questions: Mapping[str, TaskSpec]
) -> PromptSet:
    """Prompts made from existing portraits: those with a truth for the task's main question."""
    question = questions[spec.primary.asks]
    assert question.answer is not None, "questions are judge tasks, which have an answer"
    rows = tuple(_prompt_row(s) for s in own if not s.problem and has_truth(question, s))
    if not rows:
        raise BadData(
            f"No picture of {generator.name} says which {question.answer.truth.field} was asked for, "
            f"which {spec.name} needs.",
            "Name it in a manifest's columns or in -o pattern=..., or choose another task.",
        )
    asked = repr([(r.prompt_id, r.emotion, r.intensity) for r in rows])
    return PromptSet(generator.name, rows, hashlib.sha256(asked.encode()).hexdigest())


def _prompt_row(sample: Sample) -> PromptRow:
    own = ("prompt", "prompt_id", "generator")
    return PromptRow(
        sample.attributes.get("prompt_id") or sample.id,
        sample.attributes.get("prompt", ""),
        sample.emotion,
        sample.intensity,
        {name: value for name, value in sample.attributes.items() if name not in own},
    )


def _check_metrics(tasks: Sequence[ResolvedTask], questions: Mapping[str, TaskSpec]) -> None:
    """Refuse tasks whose metrics do not exist, have wrong options, or do not fit the answers that they score."""
    for task in tasks:
        for asked in task.spec.metrics:
            try:
                metric = make(registry().find("metric", asked.name), asked.options)
            except HarnessError as e:
                raise type(e)(f"{task.path}: metrics: {e.message}", e.hint) from e
            answer = questions[asked.asks or task.spec.name].answer
            if answer is None:
                continue
            fits = answer.kind == "pair" if metric.pairs_only else answer.scored in metric.kinds
            if not fits:
                scored = "pair" if metric.pairs_only else " or ".join(sorted(metric.kinds))
                raise BadTask(
                    f"{task.path}: metrics: the metric {asked.name!r} scores a {scored}, "
                    f"and the answer is a {answer.kind}.",
                    "Choose another; see `harness list metrics`.",
                )
