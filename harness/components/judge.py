"""The judge interface: what reads emotion in a picture."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Literal

from harness.components.base import Configured
from harness.components.sources import RequestSource, checked_replies
from harness.errors import HarnessError
from harness.types import Capability, JudgeReply, JudgeRequest, Question, ReplyError


class Judge(Configured, ABC):
    """A model, or a person, that answers questions on pictures.

    A plugin writes `judge` (or `stream`) and declares `capabilities`. One reply for each request, matched by
    id, in any order. An item that fails is a reply with `error`; it never aborts the rest.
    """

    takes: ClassVar[Literal["pixels", "bytes"]] = "pixels"
    """`pixels`: pictures come as RGB PIL images. `bytes`: as the file's original bytes."""
    batch_size: int = 16
    """How many requests the default `stream` hands to `judge` at a time."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this judge can do; the core picks the way to read by it."""
        return frozenset({Capability.TEXT})

    def cannot_answer(self, question: Question) -> str:
        """Why questions such as this one have no answer from this judge, as the end of a sentence; "" if they have.

        Asked before a run, with all options of the task: its task is then left out of a suite, or refused, instead of
        failing picture by picture.
        """
        return ""

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterable[JudgeReply]:
        """Answer one batch. A simple plugin writes this alone."""
        raise TypeError(f"{type(self).__name__} must define judge() or stream()")

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Answer everything in `requests`; override for an engine with continuous batching.

        If `judge` raises, what it had not answered of that batch fails with its error and the next batch
        goes on; a `HarnessError` ends the stream.
        """
        remaining = iter(requests)
        while batch := list(islice(remaining, self.batch_size)):
            left = {r.id for r in batch}
            try:
                for reply in checked_replies(self.judge(batch), JudgeReply, f"{type(self).__name__}.judge"):
                    left.discard(reply.id)
                    yield reply
            except HarnessError:
                raise
            except (
                Exception,
                SystemExit,
            ) as e:  # a model may fail in any way; the other batches must not suffer
                error = ReplyError(type(e).__name__, str(e))
                yield from (JudgeReply(r.id, error=error) for r in batch if r.id in left)
