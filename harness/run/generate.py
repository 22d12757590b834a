"""Draws a prompt set and nothing else: the folder is a data set that `harness run --data` accepts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.run.generation import Generation, plan_images
from harness.run.plan import participant
from harness.run.session import draft_document
from harness.run.watch import Watch
from harness.store import RunFolder
from harness.tasks import catalog


@dataclass(frozen=True)
class GenerateRequest:
    """What to draw, with which generator."""

    model: str
    prompts: str
    per_prompt: int = 1
    limit: int | None = None
    seed: int = 0
    out: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    max_failures: int | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("per-prompt", self.per_prompt),
            ("limit", self.limit),
            ("max-failures", self.max_failures),
        ):
            if value is not None and value < 1:
                raise RequestError(
                    f"--{name} must be at least 1, not {value}.", f"Leave --{name} away for the default."
                )


@dataclass(frozen=True)
class GenerateResult:
    """A folder of portraits: how many were asked for, what became of them."""

    path: Path
    asked: int
    outcomes: Mapping[str, int]
    failed: int
    faults: tuple[str, ...]


def generate(request: GenerateRequest, watch: Watch) -> GenerateResult:
    """Draw or resume. Raises `HarnessError`; single failures are counted."""
    prompts = catalog.find_prompts(request.prompts)
    model = participant("generator", request.model, request.options)
    wanted = plan_images(
        model,
        {"generate": prompts.rows},
        per_prompt={"generate": request.per_prompt},
        negative={"generate": ""},
        limit=request.limit,
        seed=request.seed,
    )
    described = {"role": "draw", "model": model.described, "prompts": [prompts.name, prompts.digest],
                 "per_prompt": request.per_prompt, "seed": request.seed}  # fmt: skip
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9.+_-]+", "-", f"{prompts.name}-{model.name}") + f"-{digest}"
    path = request.out or Path("runs") / name
    installed = registry().components("detector")
    detector = make(installed[0]) if installed else None
    folder = RunFolder.open(path, draft_document(path.resolve().name, described, {"drawings": len(wanted)}))
    try:
        draw = Generation(model, folder, watch, detector, request.max_failures)
        draw.run(wanted)
        ids = {d.request.id for d in wanted}
        outcomes: dict[str, int] = {}
        for reply in folder.replies():
            if reply["id"] in ids:
                outcomes[reply["outcome"]] = outcomes.get(reply["outcome"], 0) + 1
    finally:
        folder.close()
    return GenerateResult(path, len(wanted), outcomes, draw.failed, tuple(draw.faults))
