"""Runs one batch through the pipeline and turns its output into replies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness import ImageReply, ImageRequest
from memobench_diffusers.encoding import EncodedPrompt, collate
from memobench_diffusers.settings import PipelineCall
from memobench_diffusers.tokens import TruncationCounter


@dataclass(frozen=True)
class Job:
    """One image to generate."""

    request: ImageRequest
    size: tuple[int | None, int | None]
    """Width and height in pixels; None means the pipeline's default."""
    negative: str
    """The negative prompt; "" if there is none or the model ignores it."""
    encoded: EncodedPrompt | None = None
    """None if the pipeline encodes prompts itself."""

    @property
    def batch_key(self) -> object:
        """Jobs with equal keys fit in one batch."""
        return self.size, self.encoded.shape if self.encoded is not None else bool(self.negative)


class PipelineRunner:
    """Runs batches through one pipeline. `on_step` receives the number of finished steps and may raise to cancel."""

    def __init__(
        self, pipeline: Any, call: PipelineCall, counter: TruncationCounter, on_step: Callable[[int], None]
    ) -> None:
        self._pipeline, self._call, self._counter = pipeline, call, counter
        self._callbacks = _callbacks(call, on_step)

    def run(self, jobs: Sequence[Job]) -> list[ImageReply]:
        """Generate jobs that share a batch key. Raises whatever the pipeline raises."""
        (width, height), encoded = jobs[0].size, [job.encoded for job in jobs if job.encoded is not None]
        arguments = {**self._call.arguments, **self._callbacks}
        arguments |= {k: v for k, v in (("width", width), ("height", height)) if v is not None}
        # On the CPU, so that the noise is the same on every device and in every batch.
        generators = [torch.Generator("cpu").manual_seed(job.request.seed) for job in jobs]
        arguments["generator"] = generators
        _seed_scheduler(getattr(self._pipeline, "scheduler", None), generators)
        if encoded:
            # Some pipelines default to an empty negative prompt and reject it next to negative embeddings.
            arguments |= {"negative_prompt": None} if "negative_prompt" in self._call.accepts else {}
            arguments |= collate(encoded)
            truncated = [dict(e.truncated) for e in encoded]
            output = self._pipeline(**arguments)
        else:
            arguments["prompt"] = [job.request.prompt for job in jobs]
            if jobs[0].negative:
                arguments["negative_prompt"] = [job.negative for job in jobs]
            with self._counter.counting() as counts:
                output = self._pipeline(**arguments)
            truncated = [
                {k: v[i] for k, v in counts.items() if i < len(v) and v[i]} for i in range(len(jobs))
            ]
        # Kandinsky 5 calls its pictures by another name.
        images = output.images if hasattr(output, "images") else output.image
        blocked = getattr(output, "nsfw_content_detected", None) or [False] * len(jobs)
        return [
            self._reply(job, pixels, bool(is_blocked), cut)
            for job, pixels, is_blocked, cut in zip(jobs, images, blocked, truncated, strict=True)
        ]

    def _reply(self, job: Job, pixels: Any, blocked: bool, cut: dict[str, int]) -> ImageReply:
        extra: dict[str, Any] = {"prompt_tokens_cut": cut} if cut else {}
        if job.request.negative_prompt and not job.negative:
            extra["negative_prompt"] = "not read by this model"
        if blocked:
            return ImageReply(job.request.id, outcome="blocked", extra=extra | {"reason": "safety checker"})
        pixels = np.asarray(pixels)
        if not np.isfinite(pixels).all():
            return ImageReply(job.request.id, outcome="blank", extra=extra | {"reason": "not a number"})
        pixels = pixels.clip(0.0, 1.0)
        if pixels.shape[-1] == 4:
            # Transparency is laid on white, as in every picture that is read.
            pixels = pixels[..., :3] * pixels[..., 3:] + 1 - pixels[..., 3:]
        image = Image.fromarray((pixels * 255).round().astype(np.uint8))
        if any(asked not in (None, made) for asked, made in zip(job.size, image.size, strict=True)):
            extra["size"] = f"made at {image.width} x {image.height}, which this model chose"
        if all(high == 0 for _, high in image.getextrema()):  # type: ignore[misc]
            return ImageReply(job.request.id, outcome="blank", extra=extra | {"reason": "all black"})
        return ImageReply(job.request.id, image=image, extra=extra)


def _seed_scheduler(scheduler: Any, generators: list[torch.Generator]) -> None:
    """Have a scheduler that adds noise at each step draw it for each image: not every pipeline passes its generators on."""
    step = getattr(scheduler, "step", None)
    step = step.func if isinstance(step, partial) else step
    if step is not None and "generator" in inspect.signature(step).parameters:
        scheduler.step = partial(step, generator=generators)


def _callbacks(call: PipelineCall, on_step: Callable[[int], None]) -> dict[str, Any]:
    """The call arguments that make a pipeline report its steps."""

    def on_step_end(pipeline: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(step + 1)
        return {}

    def on_legacy_step(step: int, time: Any, latents: Any) -> None:
        on_step(step + 1)

    names = [n for n in ("callback_on_step_end", "prior_callback_on_step_end") if n in call.accepts]
    if names:
        return dict.fromkeys(names, on_step_end)
    return {"callback": on_legacy_step, "callback_steps": 1} if "callback" in call.accepts else {}
