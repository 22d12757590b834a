"""Generates the images of a prompt set alone: the folder is a data set that `harness run --data` accepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.run.detectors import choose_detector
from harness.run.generation import Generation
from harness.run.image_requests import plan_images
from harness.run.naming import default_folder
from harness.run.participants import make_participant
from harness.run.plan import make_executor
from harness.run.record import base_document
from harness.run.request import GenerateRequest
from harness.run.supervisor import current
from harness.run.watch import Watch, safe
from harness.store import RunFolder
from harness.store.replies import latest_image_replies
from harness.store.runfolder import GENERATE_ONLY
from harness.store.state import COMPLETE, FAILED, STATE, attempt
from harness.tasks import catalog


@dataclass(frozen=True)
class GenerateResult:
    """A folder of portraits: how many were requested, and what became of them."""

    path: Path
    requested: int
    outcomes: Mapping[str, int]
    failed: int
    faults: tuple[str, ...]


def generate(request: GenerateRequest, watch: Watch) -> GenerateResult:
    """Generate or resume. Raises `HarnessError`; single failures are counted."""
    prompts = catalog.find_prompts(request.prompts)
    model = make_participant("generator", request.model, request.options)
    wanted = plan_images(
        model,
        {"generate": prompts.rows},
        per_prompt={"generate": request.per_prompt},
        negative={"generate": ""},
        limit=request.limit,
        seed=request.seed,
    )
    described = {
        "role": GENERATE_ONLY,
        "model": model.described,
        "prompts": [prompts.name, prompts.digest],
        "per_prompt": request.per_prompt,
        "seed": request.seed,
    }
    executor = make_executor(request.executor, request.executor_options)
    path = request.out or default_folder([prompts.name, model.name], described)
    watch, chosen = safe(watch), choose_detector((), request.detector_options)
    document = base_document(path.resolve().name, described, {"images": len(wanted)}, request.command, chosen)
    folder = RunFolder.open(path, document)
    with attempt(folder):
        for note in chosen.notes:
            watch.note(note)
        generation = Generation(
            model, folder, watch, chosen.detector, request.max_failures, executor=executor
        )
        generation.run(wanted)
        ids = {planned.request.id for planned in wanted}
        found = latest_image_replies(folder.path)
        outcomes = Counter(found[id_]["outcome"] for id_ in ids if id_ in found)
        folder.update({STATE: FAILED if generation.failures.count else COMPLETE})
    faults = (*generation.faults, *current().faults)
    return GenerateResult(path, len(wanted), outcomes, generation.failures.count, faults)
