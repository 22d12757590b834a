"""Draws one batch: a call of the pipeline, and what became of each picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness import ImageReply, ImageRequest
from memobench_diffusers.encoding import Encoded, joined
from memobench_diffusers.settings import Call
from memobench_diffusers.tokens import TokenCounter


@dataclass(frozen=True)
class Job:
    """One picture to draw."""

    request: ImageRequest
    size: tuple[int | None, int | None]
    """Width and height in pixels; None leaves it to the pipeline."""
    negative: str
    """The negative prompt; "" where there is none, or the model reads none."""
    encoded: Encoded | None = None
    """None where the pipeline encodes prompts itself."""

    @property
    def kind(self) -> object:
        """Jobs of one kind can be drawn in one batch."""
        return self.size, self.encoded.shape if self.encoded is not None else bool(self.negative)


class Painter:
    """Draws batches with one pipeline. `between_steps` hears the number of steps done, and may raise to stop."""

    def __init__(
        self, pipeline: Any, call: Call, counter: TokenCounter, between_steps: Callable[[int], None]
    ) -> None:
        self._pipeline, self._call, self._counter = pipeline, call, counter
        self._callbacks = _callbacks(call, between_steps)

    def paint(self, jobs: Sequence[Job]) -> list[ImageReply]:
        """Draw jobs of one kind, together. Raises whatever the pipeline raises."""
        (width, height), encoded = jobs[0].size, [job.encoded for job in jobs if job.encoded is not None]
        arguments = {**self._call.arguments, **self._callbacks}
        arguments |= {k: v for k, v in (("width", width), ("height", height)) if v is not None}
        # On the processor, so that the noise is the same on every device and in every batch.
        arguments["generator"] = [torch.Generator("cpu").manual_seed(job.request.seed) for job in jobs]
        if encoded:
            # Some calls have an empty negative prompt as their default, and refuse it beside an encoded one.
            arguments |= {"negative_prompt": None} if "negative_prompt" in self._call.accepts else {}
            arguments |= joined(encoded)
            cuts = [dict(e.cut) for e in encoded]
            drawn = self._pipeline(**arguments)
        else:
            arguments["prompt"] = [job.request.prompt for job in jobs]
            if jobs[0].negative:
                arguments["negative_prompt"] = [job.negative for job in jobs]
            with self._counter.counting() as cut:
                drawn = self._pipeline(**arguments)
            cuts = [{k: v[i] for k, v in cut.items() if i < len(v) and v[i]} for i in range(len(jobs))]
        blocked = getattr(drawn, "nsfw_content_detected", None) or [False] * len(jobs)
        return [
            self._reply(job, pixels, bool(stopped), cut)
            for job, pixels, stopped, cut in zip(jobs, drawn.images, blocked, cuts, strict=True)
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
        image = Image.fromarray((pixels.clip(0.0, 1.0) * 255).round().astype(np.uint8)[..., :3])
        if all(high == 0 for _, high in image.getextrema()):  # type: ignore[misc]
            return ImageReply(job.request.id, outcome="blank", extra=extra | {"reason": "all black"})
        return ImageReply(job.request.id, image=image, extra=extra)


def _callbacks(call: Call, between_steps: Callable[[int], None]) -> dict[str, Any]:
    """The arguments by which a family reports its steps."""

    def at_step_end(pipeline: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        between_steps(step + 1)
        return {}

    def after_step(step: int, time: Any, latents: Any) -> None:
        between_steps(step + 1)

    new = [n for n in ("callback_on_step_end", "prior_callback_on_step_end") if n in call.accepts]
    if new:
        return dict.fromkeys(new, at_step_end)
    return {"callback": after_step, "callback_steps": 1} if "callback" in call.accepts else {}
