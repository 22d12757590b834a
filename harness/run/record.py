"""What `run.json` stores: the request, counts, versions, hardware and notes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from harness.datasets import DataFolder
from harness.run.command_line import without_secrets
from harness.run.detectors import ChosenDetector
from harness.run.environment import git_commit, hardware, versions
from harness.run.image_requests import PlannedImage
from harness.run.plan import Plan
from harness.run.schedule import judge_jobs, limited, planned_images
from harness.run.shards import Shard
from harness.store.runfolder import SHARD
from harness.store.state import RUNNING, STATE


def run_document(
    plan: Plan, name: str, wanted: Sequence[PlannedImage], detector: ChosenDetector | None
) -> dict[str, Any]:
    """The `run.json` of a plan. `request` decides whether a folder can be resumed; counts follow the limit."""
    if plan.generator is None:
        all_notes = {data.name: _data_notes(data) for data in plan.data}
    else:
        of_detector = detector.notes if detector else ()
        all_notes = {"generator": [*of_detector, *plan.generator.instance.notes()]}
    described, shard = plan.describe(), plan.request.shard
    return base_document(name, described, _counts(plan, wanted, shard), plan.request.command, detector) | {
        "limit": plan.request.limit,
        "selected": _selected(plan, wanted, shard),
        SHARD: None if shard is None else _shard(plan, shard),
        "reads": {judge: dict(modes) for judge, modes in plan.answer_modes.items()},
        "folders": {data.name: str(data.root) for data in plan.data},
        "left_out": [*plan.omitted, *([f"all but shard {shard} of the run"] if shard else [])],
        "trained_on": {judge.name: list(judge.trained_on) for judge in plan.judges if judge.trained_on},
        "oracles": [judge.name for judge in plan.judges if judge.oracle],
        "notes": all_notes,
        "executor": plan.request.executor,
    }


def base_document(
    name: str,
    request: Mapping[str, Any],
    counts: Mapping[str, int],
    command: Sequence[str] | None = None,
    detector: ChosenDetector | None = None,
) -> dict[str, Any]:
    """The part of `run.json` that every folder has: request, counts, and when, how and on what it was asked."""
    return {
        "schema": 1,
        "name": name,
        STATE: RUNNING,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "request": dict(request),
        "plan": dict(counts),
        "versions": versions(),
        "git": git_commit(),
        "hardware": hardware(),
        "command": None if command is None else without_secrets(command),
        "detector": detector.described if detector else None,
    }


def _shard(plan: Plan, shard: Shard) -> dict[str, Any]:
    """Which shard it is, and what the whole run asks, which merging needs."""
    wanted = planned_images(plan)
    return {
        "number": shard.number,
        "count": shard.count,
        "plan": _counts(plan, wanted),
        "selected": _selected(plan, wanted),
        "left_out": list(plan.omitted),
    }


def _counts(plan: Plan, wanted: Sequence[PlannedImage], shard: Shard | None = None) -> dict[str, int]:
    """TASK@DATA or TASK@generator -> questions or images; @DATA -> samples."""
    if plan.generator is not None:
        return {
            f"{task.spec.name}@generator": sum(task.spec.name in image.tasks for image in wanted)
            for task in plan.tasks
        }
    counts = {f"{q}@{data.name}": 0 for q in plan.questions for data in plan.data}
    for data in plan.data:
        samples = limited(data, plan.request.limit, plan.request.seed)
        counts[f"@{data.name}"] = (
            len(samples) if shard is None else sum(shard.has(data.name, s.id) for s in samples)
        )
    for job in judge_jobs(plan, shard):
        for question in job.questions:
            counts[f"{question}@{job.data}"] += plan.request.repeats
    return counts


def _selected(
    plan: Plan, wanted: Sequence[PlannedImage], shard: Shard | None = None
) -> dict[str, list[str]] | None:
    """With a limit: data set, or generator -> ids of its samples. A folder may hold more, from a larger limit before."""
    if plan.request.limit is None:
        return None
    if plan.generator is not None:
        return {plan.generator.name: [image.request.id for image in wanted]}
    selected: dict[str, list[str]] = {data.name: [] for data in plan.data}
    for job in judge_jobs(plan, shard):
        selected[job.data].append(job.sample.id)
    return selected


def _data_notes(data: DataFolder) -> list[str]:
    notes = [*data.notes, *data.ratings.remarks()]
    unlabelled = sum(s.emotion is None and not s.problem for s in data.samples)
    if unlabelled:
        notes.append(
            f"{unlabelled} of {len(data.samples)} samples of {data.name} have no emotion "
            "and are only asked what they have labels for."
        )
    return notes
