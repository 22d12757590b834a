"""Turns a request into a plan: everything is resolved and checked before anything heavy is loaded."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.components.base import Configured
from harness.components.generator import Generator
from harness.components.judge import Judge
from harness.datasets import DataFolder, read_folder
from harness.errors import BadData, BadTask, HarnessError, PluginError, RequestError, nearest, unknown
from harness.metrics.pairs import PairMetric
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.run.prompt_variants import DEFAULT, with_prompt_variants
from harness.run.request import RunRequest
from harness.run.suites import able, has_label, labelled
from harness.run.watch import Watch
from harness.tasks import catalog
from harness.tasks.answers import has_truth
from harness.tasks.catalog import ResolvedTask
from harness.tasks.pairing import no_pairs
from harness.tasks.prompts import shown_labels
from harness.tasks.promptsets import PromptRow, PromptSet
from harness.tasks.spec import TaskSpec
from harness.types import AnswerMode, Capability, Question, Sample

_NEEDS = {"logprobs": Capability.LOGPROBS, "rating": Capability.RATING, "choice": Capability.CHOICE,
          "text": Capability.TEXT}  # fmt: skip


@dataclass(frozen=True)
class Participant:
    """A judge or generator that takes part, made but not opened."""

    name: str
    instance: Any
    described: Mapping[str, Any]
    """Its name, its answer-affecting options and its identity, as `run.json` keeps them."""

    @property
    def oracle(self) -> bool:
        """Whether it is shown the truth."""
        return isinstance(self.instance, Judge) and Capability.ORACLE in self.instance.capabilities


@dataclass(frozen=True)
class Plan:
    """A checked request. `generator` is None for judge tasks; `judges` then holds the model alone."""

    request: RunRequest
    tasks: tuple[ResolvedTask, ...]
    questions: Mapping[str, TaskSpec]
    """The judge tasks that are asked, by name: the tasks themselves, or what generator tasks ask."""
    reads: Mapping[str, Mapping[str, AnswerMode]]
    """Judge -> question -> the way to read."""
    judges: tuple[Participant, ...]
    generator: Participant | None
    data: tuple[DataFolder, ...]
    prompt_sets: Mapping[str, PromptSet]
    """Generator tasks: the prompt set of each task, by the task's name."""
    left_out: tuple[str, ...] = ()
    """What of a suite is not asked, and why."""

    @property
    def role(self) -> str:
        """judge or generator: what is under test."""
        return "judge" if self.generator is None else "generator"

    @property
    def model(self) -> Participant:
        """What is under test."""
        return self.judges[0] if self.generator is None else self.generator

    def describe(self) -> dict[str, Any]:
        """All that affects answers: what `run.json` keeps as the request and what resuming compares."""
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
        else:
            document["questions"] = {
                name: spec.model_dump(mode="json") for name, spec in self.questions.items()
            }
            document["judges"] = [j.described for j in self.judges]
            document["prompt_sets"] = {task: [s.name, s.digest] for task, s in self.prompt_sets.items()}
        return document

    def name(self) -> str:
        """A folder name made from task, model, data and a digest of all that affects answers."""
        described = json.dumps(self.describe(), sort_keys=True, ensure_ascii=False)
        parts = ["+".join(t.spec.name for t in self.tasks), self.model.name]
        parts += [d.name for d in self.data] or [j.name for j in self.judges]
        readable = re.sub(r"[^A-Za-z0-9.+_-]+", "-", "-".join(parts)).strip("-.")[:80]
        return f"{readable}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"


def make_plan(request: RunRequest, watch: Watch | None = None) -> Plan:
    """Resolve and check a request. Raises `RequestError` and its kin; loads no weights, opens no picture."""
    tasks = tuple(catalog.find_tasks(request.tasks))
    roles = {t.spec.role for t in tasks}
    if len(roles) > 1:
        raise RequestError(
            "Judge tasks and generator tasks cannot share a run: "
            + ", ".join(f"{t.spec.name} ({t.spec.role})" for t in tasks)
            + ".",
            "Run them apart.",
        )
    registry().find("executor", request.executor)
    request.check_judge_options()
    if roles == {"judge"}:
        if request.judges:
            raise RequestError(
                f"{tasks[0].spec.name!r} tests a judge: --model names it, and --judge is not used.",
                "Leave --judge away, or choose a generator task.",
            )
        if request.judge_options:
            raise RequestError(
                f"{tasks[0].spec.name!r} tests a judge: --judge-option is not used.",
                "Options of the model under test are given by -o KEY=VALUE.",
            )
        return _judge_plan(request, with_prompt_variants(tasks, request.prompt_variants), watch or Watch())
    return _generator_plan(request, tasks)


def _judge_plan(request: RunRequest, tasks: tuple[ResolvedTask, ...], watch: Watch) -> Plan:
    check_metrics(tasks, {t.spec.name: t.spec for t in tasks})
    judge = participant("judge", request.model, request.options)
    tasks, unable = able(tasks, lambda spec: choose_answer_mode(judge, spec, request.read))
    data = find_data(request, tasks, watch)
    tasks, unlabelled = labelled(tasks, data, request.seed)
    questions = {t.spec.name: t.spec for t in tasks}
    check_labels(data, questions, request.seed)
    reads = {judge.name: choose_answer_modes(judge, questions, request.read)}
    return Plan(request, tasks, questions, reads, (judge,), None, data, {}, (*unable, *unlabelled))


def _generator_plan(request: RunRequest, tasks: tuple[ResolvedTask, ...]) -> Plan:
    if tuple(request.prompt_variants) != (DEFAULT,):
        raise RequestError(
            f"{tasks[0].spec.name!r} tests a generator: its portraits are read in one wording.",
            "Leave --wordings away, or choose a judge task.",
        )
    if not request.judges:
        raise RequestError(
            f"{tasks[0].spec.name!r} tests a generator, and a judge must read what it draws.",
            "Add --judge; see `harness list models`.",
        )
    if request.data:
        raise RequestError(
            f"{tasks[0].spec.name!r} draws its own portraits: --data is not used.",
            "Leave --data away, or choose a judge task.",
        )
    generator = participant("generator", request.model, request.options)
    questions = {name: catalog.find_judge_task(name, t) for t in tasks for name in t.spec.asks}
    for name, question in questions.items():
        if question.pairs is not None:
            raise BadTask(
                f"{name!r} compares two pictures, and drawn portraits are read one by one.",
                "Leave it out of asks; with --data, a run folder's portraits can be compared.",
            )
    check_metrics(tasks, questions)
    judges = tuple(
        participant("judge", j, request.options_of(j if isinstance(j, str) else "")) for j in request.judges
    )
    if len({j.name for j in judges}) < len(judges):
        raise RequestError("A judge is named twice.", "Name each judge once.")
    reads = {j.name: choose_answer_modes(j, questions, request.read) for j in judges}
    own = generator.instance.own_portraits()
    if own is None:
        sets = {t.spec.name: catalog.find_prompts(t.spec.prompt_set, t.path.parent) for t in tasks}
    else:
        sets = {t.spec.name: _own_prompts(generator, own, t.spec, questions) for t in tasks}
    return Plan(request, tasks, questions, reads, judges, generator, (), sets)


def _own_prompts(
    generator: Participant, own: Sequence[Sample], spec: TaskSpec, questions: Mapping[str, TaskSpec]
) -> PromptSet:
    """What existing pictures were asked to show, as a task's prompts: those with a truth for its main question."""
    question = questions[spec.primary.asks]
    assert question.answer is not None, "questions are judge tasks, which have an answer"
    rows = tuple(
        PromptRow(
            s.attributes.get("prompt_id") or s.id,
            s.attributes.get("prompt", ""),
            s.emotion,
            s.intensity,
            {k: v for k, v in s.attributes.items() if k not in ("prompt", "prompt_id", "generator")},
        )
        for s in own
        if not s.problem and has_truth(question, s)
    )
    if not rows:
        raise BadData(
            f"No picture of {generator.name} says which {question.answer.truth.field} was asked for, "
            f"which {spec.name} needs.",
            "Name it in a manifest's columns or in -o pattern=..., or choose another task.",
        )
    digest = hashlib.sha256(repr([(r.prompt_id, r.emotion, r.intensity) for r in rows]).encode()).hexdigest()
    return PromptSet(generator.name, rows, digest)


def participant(kind: str, model: str | Configured, options: Mapping[str, Any]) -> Participant:
    """A judge or generator from its name, or from an object made in Python."""
    if isinstance(model, str):
        try:
            found = registry().find(kind, model)
        except HarnessError as e:
            other = "generator" if kind == "judge" else "judge"
            if any(f.component.name == model.partition(":")[0] for f in registry().components(other)):
                e.hint = f"{model!r} is a {other}; this task needs a {kind}. " + e.hint
            raise
        name, instance, owner = found.reference, make(found, options), found.dist
    else:
        wanted = Judge if kind == "judge" else Generator
        if not isinstance(model, wanted):
            given = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
            raise RequestError(
                f"A {kind} is needed, not {given}.",
                f"Pass a name or an object made from a harness.{wanted.__name__}.",
            )
        name, instance, owner = type(model).__name__, model, "python"
    if getattr(instance, "options", None) is None:
        instance.options = instance.Options()  # A class of the user's own whose __init__ does not call ours.
    try:
        identity = {str(k): str(v) for k, v in instance.identity().items()}
        if isinstance(instance, Judge):
            wrong = [c for c in instance.capabilities if not isinstance(c, Capability)]
            if wrong:
                raise TypeError(f"{wrong[0]!r} is not a harness.Capability")
    except HarnessError:
        raise
    except Exception as e:  # both are a plugin's code
        raise PluginError(
            f"{name}: identity() or capabilities raises {type(e).__name__}: {e}.",
            "Report it to the plugin's authors.",
        ) from e
    if type(instance).identity is Configured.identity:
        identity = _fallback_identity(type(instance), named=isinstance(model, str))
    options_used = instance.options.answer_affecting()
    described = {"name": name, "plugin": owner, "options": options_used, "identity": identity}
    return Participant(name, instance, described)


def _fallback_identity(cls: type[Configured], *, named: bool) -> dict[str, str]:
    """What stands for a component that does not say what determines its answers.

    A plugin's class is known by its source file. An object made in Python may hold anything, such as the
    latest checkpoint: it is taken for a new model each time, so that no stale answer is ever reused.
    """
    source = inspect.getsourcefile(cls) if named else None
    if source is None or not os.path.isfile(source):
        return {"object": uuid.uuid4().hex}
    return {"code": hashlib.sha256(Path(source).read_bytes()).hexdigest()}


def choose_answer_modes(
    judge: Participant, questions: Mapping[str, TaskSpec], asked: str
) -> dict[str, AnswerMode]:
    """The way to read each question: the first of the task's that the judge is capable of, or the one asked for."""
    return {name: choose_answer_mode(judge, spec, asked) for name, spec in questions.items()}


def choose_answer_mode(judge: Participant, spec: TaskSpec, asked: str) -> AnswerMode:
    """The way to read one question. Raises `RequestError` where the judge cannot answer it."""
    capable = judge.instance.capabilities
    assert spec.answer is not None, "questions are judge tasks, which have an answer"
    order = tuple(w for w in spec.answer.read if asked in ("auto", w))
    if not order:
        raise RequestError(
            f"The task {spec.name!r} is not read by {asked!r}.",
            f"Its ways to read: {', '.join(spec.answer.read)}.",
        )
    if spec.answer.kind == "pair" and Capability.MULTI_IMAGE not in capable:
        raise RequestError(
            f"{judge.name!r} cannot answer {spec.name!r}: it shows two pictures, and the judge takes one.",
            "Choose another judge; some take several where an option says so, as with vLLM: "
            """-o 'limit_mm_per_prompt={"image": 2}'.""",
        )
    way = next((w for w in order if _NEEDS[w] in capable), None)
    if way is None:
        raise RequestError(
            f"{judge.name!r} cannot answer {spec.name!r}: it would have to be read by {' or '.join(order)}, and the judge "
            f"offers {', '.join(sorted(c.value for c in capable)) or 'nothing'}.",
            "Choose another judge, or another --read.",
        )
    answer = spec.answer
    question = Question(
        answer.kind, answer.options, shown_labels(answer, answer.options), answer.scale, way, answer.target
    )
    why = judge.instance.cannot_answer(question)
    if why:
        raise RequestError(f"{judge.name!r} cannot answer {spec.name!r}: {why}.", "Choose another judge.")
    return way


def find_data(request: RunRequest, tasks: Sequence[ResolvedTask], watch: Watch) -> tuple[DataFolder, ...]:
    """The data sets of a judge run, each read from its folder."""
    references = request.data or tuple(dict.fromkeys(t.spec.data for t in tasks if t.spec.data))
    if not references:
        raise RequestError("No data set is named.", "Give --data; see `harness list data`.")
    folders = [find_one_data_set(r, watch) for r in references]
    if len({f.name for f in folders}) < len(folders):
        raise RequestError("Two data sets have the same name.", "Rename one of the folders.")
    return tuple(folders)


def find_one_data_set(reference: str, watch: Watch) -> DataFolder:
    """A data set by registered name, or by path."""
    path = _expanded(reference)
    registered = {f.component.name for f in registry().components("data set")}
    if reference.partition(":")[0] in registered or (
        reference.rpartition("/")[2] in registered and not os.path.exists(path)
    ):
        found = registry().find("data set", reference)
        # Said only if it takes a while: most times the data set stands there already.
        patience = threading.Timer(
            1.0, watch.note, [f"preparing the data set {reference}, on first use only ..."]
        )
        patience.daemon = True
        patience.start()
        try:
            folder = Path(make(found).prepare())
        except HarnessError:
            raise
        except Exception as e:  # prepare() is a plugin's code
            raise PluginError(
                f"The data set {reference!r} cannot be prepared: {type(e).__name__}: {e}.",
                "Check that there is room in the cache; see `harness doctor`.",
            ) from e
        finally:
            patience.cancel()
        return read_folder(folder, found.component.name)
    if os.path.exists(path) or "/" in reference:
        return read_folder(path)
    guess = nearest(reference, registered)
    raise unknown("data set", reference, registered, "" if guess else "A path to a folder works too.")


def _expanded(reference: str) -> Path:
    try:
        return Path(reference).expanduser()
    except RuntimeError as e:
        raise BadData(f"The data folder {reference!r} cannot be found: {e}", "Give its full path.") from e


def check_metrics(tasks: Sequence[ResolvedTask], questions: Mapping[str, TaskSpec]) -> None:
    """Refuse tasks whose metrics do not exist, have wrong options, or do not fit the answers that they score."""
    for task in tasks:
        for metric in task.spec.metrics:
            try:
                made = make(registry().find("metric", metric.name), metric.options)
            except HarnessError as e:
                raise type(e)(f"{task.path}: metrics: {e.message}", e.hint) from e
            answer = questions[metric.asks or task.spec.name].answer
            if answer is None:
                continue
            scored = "pair" if isinstance(made, PairMetric) else " or ".join(sorted(made.kinds))
            fits = answer.kind == "pair" if scored == "pair" else answer.scored in made.kinds
            if not fits:
                raise BadTask(
                    f"{task.path}: metrics: the metric {metric.name!r} scores a {scored}, "
                    f"and the answer is a {answer.kind}.",
                    "Choose another; see `harness list metrics`.",
                )


def check_labels(data: Sequence[DataFolder], questions: Mapping[str, TaskSpec], seed: int) -> None:
    """Refuse data in which no sample has a label that any task asks for."""
    if any(s.problem for folder in data for s in folder.samples):
        return
    if any(has_label(q, folder, seed) for folder in data for q in questions.values()):
        return
    names = ", ".join(folder.name for folder in data)
    if all(q.pairs for q in questions.values()):
        raise BadData(
            f"Nothing to compare: {'; '.join(no_pairs(q, names) for q in questions.values())}.",
            "Add the columns to the manifest, or choose another task or data set.",
        )
    fields = sorted({spec.answer.truth.field for spec in questions.values() if spec.answer})
    raise BadData(
        f"No sample of {names} has what {', '.join(questions)} asks for: {' or '.join(fields)}.",
        "Add the column to the manifest, or choose another task or data set.",
    )
