"""Carries a plan out: draw, judge in phases, score; everything on disk as it happens."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from harness._version import __version__
from harness.components.detector import Detector
from harness.datasets import DataFolder, stratified
from harness.datasets.ratings import FILE as RATINGS
from harness.datasets.ratings import read_ratings
from harness.errors import HarnessError
from harness.images.decoding import real_root
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.results import RunResult
from harness.run.generation import Generation, PlannedImage, plan_images
from harness.run.judge_requests import Job, RequestBuilder
from harness.run.judging import Judging
from harness.run.plan import Participant, Plan
from harness.run.watch import Watch
from harness.scoring.human import describe_people
from harness.scoring.score_run import score_folder
from harness.store import RunFolder
from harness.store.files import write_atomically
from harness.tasks.answers import rates_unlabelled, truth_of
from harness.tasks.pairing import as_samples, select_pairs
from harness.tasks.spec import TaskSpec
from harness.types import Sample


def execute(plan: Plan, watch: Watch) -> RunResult:
    """Run or resume a plan, once, and score it. What was computed before an error or interrupt is kept."""
    path = plan.request.out or Path("runs") / plan.name()
    wanted = planned_images(plan)
    detector, notes = _detector(plan)
    folder = RunFolder.open(path, run_document(plan, path.resolve().name, wanted, notes))
    for note in plan.left_out:
        watch.note(note)
    for data in plan.data:
        for note in data.notes:
            watch.note(f"{data.name}: {note}")
    try:
        # Pictures are bounded by our own check, which comes before decoding.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            faults, stop = _work(plan, folder, wanted, detector, watch)
        folder.flush()
        for data in plan.data:
            data.samples.clear()  # The plan is used up: scoring reads the folder alone and needs the room.
        result = score_folder(path, complete=stop is None)
    finally:
        folder.close()
    if stop is not None:
        raise stop
    return RunResult(path, result.results, tuple(faults))


def _work(
    plan: Plan, folder: RunFolder, wanted: list[PlannedImage], detector: Detector | None, watch: Watch
) -> tuple[list[str], HarnessError | None]:
    """Draw, then let each judge read in turn. Returns contract faults, and what stopped the run early."""
    faults: list[str] = []
    try:
        if plan.generator is not None:
            _take_ratings(plan.generator, folder.path)
            draw = Generation(plan.generator, folder, watch, detector, plan.request.max_failures)
            try:
                draw.run(wanted)
            finally:
                faults += [f"{plan.generator.name} broke its contract: {f}" for f in draw.faults]
            for job in _image_jobs(plan, folder, wanted, delivered=False):
                folder.add_sample({**job.record(), "shown": {}, "digest": None})
        for judge in plan.judges:
            faults += _judge(plan, judge, wanted, folder, watch)
    except HarnessError as e:
        # Only a stop in the middle leaves something worth scoring.
        if e.exit_code == 3:
            return faults, e
        raise
    return faults, None


def _take_ratings(generator: Participant, folder: Path) -> None:
    """Copy what people said of pictures made elsewhere: scoring reads the run folder alone."""
    ratings: Path | None = generator.instance.own_ratings()
    if ratings is not None:
        write_atomically(folder / RATINGS, ratings.read_bytes())


def _judge(
    plan: Plan, judge: Participant, wanted: Sequence[PlannedImage], folder: RunFolder, watch: Watch
) -> list[str]:
    request = plan.request
    builder = RequestBuilder(
        judge,
        plan.questions,
        plan.reads[judge.name],
        seed=request.seed,
        repeats=1 if plan.generator else request.repeats,
        one_variant=plan.generator is not None,
        answered=folder.answered(),
        allow_outside=request.allow_outside,
    )

    def jobs() -> Iterator[Job]:
        return _image_jobs(plan, folder, wanted) if plan.generator else judge_jobs(plan)

    total = sum(builder.count(job) for job in jobs())
    stored = sum(r["by"] == judge.name and "outcome" not in r for r in folder.replies())
    watch.phase(f"reading with {judge.name}", total, min(stored, total))
    executor = make(registry().find("executor", request.executor))
    judging = Judging(builder, folder, watch, request.max_failures, notes_samples=judge is plan.judges[0])
    judging.run(executor, jobs())
    return [f"{judge.name} broke its contract: {f}" for f in judging.tally.faults]


def _asked_of(questions: Mapping[str, TaskSpec], sample: Sample, *, drawn: bool = False) -> tuple[str, ...]:
    """The questions to which a sample has a true answer, or which a drawn portrait is asked without one."""
    found = []
    for question, spec in questions.items():
        answer = spec.answer if spec.pairs is None else None
        if answer and (truth_of(answer, sample) is not None or (drawn and rates_unlabelled(answer, sample))):
            found.append(question)
    return tuple(found)


def judge_jobs(plan: Plan) -> Iterator[Job]:
    """The pictures of a judge run with the questions that each is asked, then the pairs of pictures.

    A limit counts pictures for each data set, and for a task that compares them, pairs.
    """
    for data in plan.data:
        root = real_root(data.root)
        for sample in limited(data, plan.request.limit, plan.request.seed):
            # A sample with a problem fails in every task: nobody knows which it belonged to.
            asked = tuple(plan.questions) if sample.problem else _asked_of(plan.questions, sample)
            if asked:
                yield Job(sample, data.name, root, asked)
        for name, spec in plan.questions.items():
            if spec.pairs is not None:
                for pair in select_pairs(data, spec, plan.request.limit, plan.request.seed):
                    for both, shown in as_samples(pair, spec, plan.request.seed):
                        yield Job(both, data.name, root, (name,), pair=shown)


def limited(data: DataFolder, limit: int | None, seed: int) -> list[Sample]:
    """A seeded subset, stratified by emotion and intensity; a smaller one is a prefix of a larger one."""
    if limit is None:
        return data.samples
    return stratified(
        data.samples, key=lambda s: s.id, stratum=lambda s: (s.emotion, s.intensity), seed=seed
    )[:limit]


def planned_images(plan: Plan) -> list[PlannedImage]:
    """The portraits of a generator run; none for a judge run."""
    if plan.generator is None:
        return []
    specs = {t.spec.name: t.spec for t in plan.tasks}
    # A picture that exists already cannot be drawn again.
    once = plan.generator.instance.own_portraits() is not None
    return plan_images(
        plan.generator,
        {name: plan.prompt_sets[name].rows for name in specs},
        per_prompt={name: 1 if once else s.per_prompt * plan.request.repeats for name, s in specs.items()},
        negative={name: s.negative_prompt for name, s in specs.items()},
        limit=plan.request.limit,
        seed=plan.request.seed,
    )


def _image_jobs(
    plan: Plan, folder: RunFolder, wanted: Sequence[PlannedImage], delivered: bool = True
) -> Iterator[Job]:
    """The portraits that were delivered (or those that were blocked or blank), with what each is asked."""
    assert plan.generator is not None
    outcomes = {r["id"]: r["outcome"] for r in folder.replies() if "outcome" in r}
    root = real_root(folder.path)
    for planned in wanted:
        outcome = outcomes.get(planned.request.id)
        if outcome is not None and (outcome == "ok") == delivered:
            sample = planned.sample(plan.generator.name, drawn=delivered)
            yield Job(
                sample,
                plan.generator.name,
                root,
                image_questions(plan, planned),
                {"tasks": list(planned.tasks), "prompt": planned.row.prompt},
            )


def image_questions(plan: Plan, planned: PlannedImage) -> tuple[str, ...]:
    """What a portrait is asked by the tasks that want it."""
    asks = {q for t in plan.tasks if t.spec.name in planned.tasks for q in t.spec.asks}
    questions = {q: spec for q, spec in plan.questions.items() if q in asks}
    return _asked_of(questions, planned.sample(plan.model.name, drawn=True), drawn=True)


def _detector(plan: Plan) -> tuple[Detector | None, list[str]]:
    """The face detector of a generator run: the one that a task names, else the first installed."""
    if plan.generator is None:
        return None, []
    named = next((t.spec.detector for t in plan.tasks if t.spec.detector), "")
    installed = registry().components("detector")
    if not named and not installed:
        return None, [
            "No face detector is installed: faces are not counted. Install one: pip install memobench-plugin-fer."
        ]
    found = registry().find("detector", named or installed[0].component.name)
    detector: Detector = make(found)
    return detector, []


def run_document(plan: Plan, name: str, wanted: Sequence[PlannedImage], notes: list[str]) -> dict[str, Any]:
    """What `run.json` keeps. `request` decides whether a folder can be resumed; `plan` counts may grow."""
    counts: dict[str, int] = {}
    if plan.generator is None:
        counts = {f"{q}@{d.name}": 0 for q in plan.questions for d in plan.data}
        for data in plan.data:
            counts[f"@{data.name}"] = min(len(data.samples), plan.request.limit or len(data.samples))
        for job in judge_jobs(plan):
            for question in job.questions:
                counts[f"{question}@{job.data}"] += plan.request.repeats
    else:
        for task in plan.tasks:
            counts[f"{task.spec.name}@generator"] = sum(task.spec.name in d.tasks for d in wanted)
    return draft_document(name, plan.describe(), counts) | {
        "limit": plan.request.limit,
        "reads": {j: dict(r) for j, r in plan.reads.items()},
        "folders": {d.name: str(d.root) for d in plan.data},
        "left_out": list(plan.left_out),
        "people": {d.name: describe_people(plan.questions, read_ratings(d.home)) for d in plan.data},
        "oracles": [j.name for j in plan.judges if j.oracle],
        "notes": {"generator": [*notes, *plan.model.instance.notes()]}
        if plan.generator
        else {d.name: _data_notes(d) for d in plan.data},
    }


def draft_document(name: str, request: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    """The part of `run.json` that every folder has: request, counts, time, versions, hardware, git commit."""
    versions = {"memobench": __version__, "python": platform.python_version()}
    versions |= {p.dist: p.version for p in registry().plugins if p.dist != "memobench" and not p.problem}
    versions |= {package: importlib.metadata.version(package) for package in ("numpy", "pillow")}
    return {
        "schema": 1,
        "name": name,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "request": dict(request),
        "plan": dict(counts),
        "versions": versions,
        "git": _git_commit(),
        "hardware": {
            "machine": platform.machine(),
            "system": platform.system(),
            "processors": os.cpu_count(),
        },
    }


def _data_notes(data: DataFolder) -> list[str]:
    notes = list(data.notes)
    unlabelled = sum(s.emotion is None and not s.problem for s in data.samples)
    if unlabelled:
        notes.append(
            f"{unlabelled} of {len(data.samples)} samples of {data.name} have no emotion and are asked only what they are labelled for."
        )
    return notes


def _git_commit() -> str | None:
    """The commit of the folder that the command runs in, where it is a git checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
