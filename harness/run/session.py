"""Executes a plan: generate, let each judge answer in turn, score; everything is on disk as it happens."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from harness.components.detector import Detector
from harness.config import config
from harness.datasets.ratings import FILE as RATINGS
from harness.errors import ExitCode, HarnessError
from harness.exporting.run_result import RunResult
from harness.run.contexts import context_for
from harness.run.detectors import choose_detector
from harness.run.generation import Generation
from harness.run.image_requests import PlannedImage
from harness.run.judge_requests import RequestBuilder
from harness.run.judging import Judging, Tally
from harness.run.pace import Pace
from harness.run.participants import Participant
from harness.run.plan import Plan
from harness.run.record import run_document
from harness.run.schedule import Job, image_jobs, judge_jobs, planned_images
from harness.run.stopping import Budget, Halt, Several, Stopping
from harness.run.supervisor import current
from harness.run.watch import Watch
from harness.scoring.score_run import score_folder
from harness.scoring.stored_ratings import store_ratings
from harness.store import RunFolder
from harness.store.files import write_atomically
from harness.store.replies import judge_replies
from harness.store.state import COMPLETE, FAILED, INTERRUPTED, STATE, attempt


@dataclass
class _Work:
    """What asking came to."""

    faults: list[str] = field(default_factory=list)
    """Ways in which plugins broke their contract."""
    error: HarnessError | None = None
    """What ended the run in the middle."""
    halt: Halt | None = None
    """Why it was stopped in the middle."""


def execute(plan: Plan, watch: Watch, stopping: Stopping | None = None) -> RunResult:
    """Run or resume a plan, and score it. What was computed before an error or interrupt is kept.

    `stopping` may end the run early, as the limits of the request do. That raises nothing: the result says so.
    """
    watch = Pace(watch)
    wanted = planned_images(plan, plan.request.shard)
    chosen = (
        choose_detector([t.spec.detector for t in plan.tasks], plan.request.detector_options)
        if plan.generator
        else None
    )
    document = run_document(plan, plan.folder.resolve().name, wanted, chosen)
    folder = RunFolder.open(plan.folder, document, fresh=plan.request.fresh)
    with attempt(folder):
        for note in (*plan.omitted, *(chosen.notes if chosen else ()), *_configured(plan)):
            watch.note(note)
        for data in plan.data:
            for note in data.notes:
                watch.note(f"{data.name}: {note}")
        return _ask_and_score(plan, folder, wanted, chosen.detector if chosen else None, watch, stopping)


def _configured(plan: Plan) -> Iterator[str]:
    """What the configuration sets for the models of a run: who runs it should know."""
    for participant in (*plan.judges, *([plan.generator] if plan.generator else [])):
        found = participant.specification
        dist, _, name = found.name.partition(":")[0].partition("/") if found else ("", "", "")
        options = config().options_of(found.kind, dist, name) if found else {}
        if options:
            shown = ", ".join(f"{key}={value}" for key, value in options.items())
            yield f"{participant.name}: defaults of {config().source}: {shown}"


def _ask_and_score(
    plan: Plan,
    folder: RunFolder,
    wanted: list[PlannedImage],
    detector: Detector | None,
    watch: Pace,
    stopping: Stopping | None,
) -> RunResult:
    path = folder.path
    store_ratings(path, {data.name: data.ratings for data in plan.data})
    # Pictures are bounded by our own check, before they are decoded.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        budget = Budget(plan.request.max_cost, plan.request.max_time, path, watch)
        # A clear verdict is no error, although a limit may be reached at the same time.
        until = Several([*([stopping] if stopping else []), budget])
        until.order = stopping.order if stopping else None
        work = _work(plan, folder, wanted, detector, watch, until)
    folder.flush()
    watch.store(folder)
    if work.error is None:
        until.ended(folder)
    cut = work.halt is not None and not work.halt.settled
    if work.halt is not None and cut:
        folder.update({"halted": work.halt.reason})
    for data in plan.data:
        data.samples.clear()  # Not needed any more: scoring reads the folder alone and needs the memory.
    results = score_folder(path, complete=work.error is None and not cut)
    state = COMPLETE if results.run.complete else INTERRUPTED if cut else FAILED
    folder.update({STATE: state})
    if work.error is not None:
        raise work.error
    halt, faults = work.halt, (*work.faults, *current().faults)
    settled = halt is not None and halt.settled
    return RunResult(plan.folder, results, faults, str(halt or ""), settled=settled)


def _work(
    plan: Plan,
    folder: RunFolder,
    wanted: list[PlannedImage],
    detector: Detector | None,
    watch: Watch,
    stopping: Stopping,
) -> _Work:
    """Generate, then let each judge answer in turn, until everything is asked, or an error or a stop."""
    work = _Work()
    try:
        if plan.generator is not None:
            _copy_ratings(plan.generator, folder.path)
            generation = Generation(
                plan.generator,
                folder,
                watch,
                detector,
                plan.request.max_failures,
                stopping,
                plan.executor,
            )
            try:
                generation.run(wanted)
            finally:
                work.faults += [f"{plan.generator.name} broke its contract: {f}" for f in generation.faults]
            work.halt = generation.halt
            for job in image_jobs(plan, folder.path, wanted, delivered=False):
                folder.add_sample({**job.record(), "shown": {}, "digest": None})
        for judge in plan.judges:
            if work.halt is None:
                tally = _judge(plan, judge, wanted, folder, watch, stopping)
                work.faults += [f"{judge.name} broke its contract: {f}" for f in tally.faults]
                work.halt = tally.halt
    except HarnessError as e:
        # Only a stop in the middle leaves something worth scoring.
        if e.exit_code != ExitCode.FAILED:
            raise
        work.error = e
    return work


def _copy_ratings(generator: Participant, folder: Path) -> None:
    """Copy what people said of existing images: scoring reads the run folder alone."""
    ratings: Path | None = generator.instance.own_ratings()
    if ratings is not None:
        write_atomically(folder / RATINGS, ratings.read_bytes())


def _judge(
    plan: Plan,
    judge: Participant,
    wanted: Sequence[PlannedImage],
    folder: RunFolder,
    watch: Watch,
    stopping: Stopping,
) -> Tally:
    request = plan.request
    builder = RequestBuilder(
        judge,
        plan.questions,
        plan.answer_modes[judge.name],
        seed=request.seed,
        repeats=1 if plan.generator else request.repeats,
        one_variant=plan.generator is not None,
        answered=folder.answered(),
        allow_outside=request.allow_outside,
        files=plan.executor.sends_files,
    )

    def jobs() -> Iterator[Job]:
        if plan.generator:
            return image_jobs(plan, folder.path, wanted)
        order = stopping.order
        found = judge_jobs(plan, request.shard)
        return found if order is None else iter(sorted(found, key=lambda job: order(job.data, job.sample.id)))

    total = sum(builder.count(job) for job in jobs())
    stored = min(total, sum(reply["by"] == judge.name for reply in judge_replies(folder.path, {"by"})))
    watch.phase(f"judging with {judge.name}", total, stored)
    judging = Judging(
        builder,
        folder,
        watch,
        request.max_failures,
        adds_samples=judge is plan.judges[0],
        stopping=stopping,
        stored=stored,
        total=total,
    )
    return judging.run(plan.executor, jobs(), context_for(folder.path, judge.name, watch))
