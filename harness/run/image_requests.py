"""Builds the image requests of a generator: which portraits, under which ids and seeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.datasets import stratified
from harness.run.participants import Participant
from harness.tasks.promptsets import PromptRow
from harness.types import ImageRequest, Sample

IMAGES = "images"
"""The folder of generated images in a run folder."""


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One portrait to generate, with its prompt and the tasks that ask for it."""

    request: ImageRequest
    row: PromptRow
    tasks: tuple[str, ...]

    def sample(self, generator: str, *, delivered: bool) -> Sample:
        """The portrait as a sample, labelled with what was asked."""
        attributes = {**self.row.attributes, "prompt_id": self.row.prompt_id, "generator": generator}
        path = f"{IMAGES}/{self.request.id}.png" if delivered else None
        return Sample(self.request.id, path, self.row.emotion, self.row.intensity, None, attributes)


def plan_images(
    generator: Participant,
    rows: Mapping[str, Sequence[PromptRow]],
    *,
    per_prompt: Mapping[str, int],
    negative: Mapping[str, str],
    limit: int | None,
    seed: int,
) -> list[PlannedImage]:
    """The portraits that tasks (name -> prompts) ask for, each once; a limit applies to each task, stratified.

    It keeps matched prompts (`pair_id`) together.
    """
    found: dict[str, tuple[ImageRequest, PromptRow, list[str]]] = {}
    described = json.dumps(generator.described, sort_keys=True)
    for task, prompts in rows.items():
        pairs = [(row, index) for row in prompts for index in range(per_prompt[task])]
        ordered = stratified(
            pairs,
            key=lambda p: f"{p[0].prompt_id}:{p[1]}",
            stratum=lambda p: (p[0].emotion, p[0].intensity),
            seed=seed,
            matched=lambda p: (
                f"{p[0].attributes['pair_id']}:{p[1]}" if p[0].attributes.get("pair_id") else None
            ),
        )
        for row, index in ordered[:limit]:
            fixed = [
                described,
                row.prompt,
                negative[task],
                row.emotion,
                row.intensity,
                sorted(row.attributes.items()),
                row.prompt_id,
                index,
                seed,
            ]
            id_ = hashlib.blake2b(json.dumps(fixed).encode(), digest_size=16).hexdigest()
            image_seed = int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=4).digest(), "big") >> 1
            request = ImageRequest(
                id_,
                row.prompt,
                negative[task],
                row.emotion,
                row.intensity,
                index,
                image_seed,
                None,
                row.attributes,
            )
            found.setdefault(id_, (request, row, []))[2].append(task)
    return [PlannedImage(request, row, tuple(tasks)) for request, row, tasks in found.values()]
