"""The judge interface: answers questions about emotion in pictures."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Literal

from harness.components.base import Configured
from harness.components.batches import in_batches
from harness.components.sources import RequestSource
from harness.types import Capability, JudgeReply, JudgeRequest, Question

MOST_PIXELS = 32_000_000
"""Pixels after which a batch of the default `stream` ends, whatever its size: 128 MB of pictures."""


def next_batch(requests: Iterator[JudgeRequest], most: int) -> list[JudgeRequest]:
    """The next `most` requests, or fewer of large pictures. Questions about one picture share it."""
    batch: list[JudgeRequest] = []
    seen: set[int] = set()
    pixels = 0
    for request in islice(requests, most):
        batch.append(request)
        for picture in request.images:
            image = picture.image
            if image is not None and id(image) not in seen:
                seen.add(id(image))
                pixels += image.width * image.height
        if pixels >= MOST_PIXELS:
            break
    return batch


class Judge(Configured, ABC):
    """A model, or a person, that answers questions about pictures.

    A plugin implements `judge` (or `stream`) and declares `capabilities`. It yields one reply per request, matched
    by id, in any order. A failed request gets a reply with `error`; it never aborts the rest.
    """

    takes: ClassVar[Literal["pixels", "bytes"]] = "pixels"
    """`pixels`: pictures are passed as RGB PIL images. `bytes`: as PNG, JPEG or WebP files with the same pixels."""
    reads_prompt: ClassVar[bool] = True
    """False for a judge whose answers do not depend on the prompt's text: it is asked in one prompt variant only."""
    batch_size: int = 16
    """How many requests the default `stream` hands to `judge` at a time."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this judge supports; the core selects the answer mode accordingly."""
        return frozenset({Capability.TEXT})

    def cannot_answer(self, question: Question) -> str:
        """Why this judge cannot answer this type of question, as the end of a sentence; "" if it can.

        Called before a run, with all options of the task. The task is then skipped in a suite, or refused, instead of
        failing on every picture.
        """
        return ""

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterable[JudgeReply]:
        """Answer one batch. A simple plugin only needs to implement this."""
        raise TypeError(f"{type(self).__name__} must define judge() or stream()")

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Answer all `requests`; override for an engine with continuous batching.

        If `judge` raises, the unanswered requests of that batch fail with its error and the next batch
        continues. A `HarnessError` ends the stream. A batch that is not answered in the time that the user allows is
        asked again one by one, so that only what hangs fails.
        """
        remaining = iter(requests)
        yield from in_batches(
            lambda: next_batch(remaining, self.batch_size),
            self.judge,
            JudgeReply,
            f"{type(self).__name__}.judge",
            lambda id_, error: JudgeReply(id_, error=error),
        )
