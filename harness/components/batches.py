"""Asks a component batch by batch: what `stream` of a judge or generator does unless a plugin overrides it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from harness.components.failures import ItemTimeout, failure, is_interrupt
from harness.components.sources import checked_replies
from harness.errors import HarnessError
from harness.types import ImageReply, ImageRequest, JudgeReply, JudgeRequest, ReplyError

Q = TypeVar("Q", JudgeRequest, ImageRequest)
R = TypeVar("R", JudgeReply, ImageReply)


def in_batches(
    take: Callable[[], list[Q]],
    answer: Callable[[list[Q]], Iterable[R]],
    expected: type[R],
    where: str,
    failed: Callable[[str, ReplyError], R],
) -> Iterator[R]:
    """The replies to all requests. `take` returns the next batch, empty at the end; `answer`, which is called `where` in
    messages, answers one; `failed` makes the reply to a request (by id) that failed.

    If `answer` raises, the unanswered requests of that batch fail with its error and the next batch continues. A
    `HarnessError` ends the stream. A batch that is not answered in time is asked again one by one, so that only what hangs
    fails.
    """
    singly: deque[Q] = deque()
    while batch := [singly.popleft()] if singly else take():
        left = {r.id for r in batch}
        try:
            for reply in checked_replies(answer(batch), expected, where):
                left.discard(reply.id)
                yield reply
        except (HarnessError, GeneratorExit):
            raise
        except BaseException as e:
            if is_interrupt(e):
                raise
            if isinstance(e, ItemTimeout) and len(batch) > 1:
                singly.extend(r for r in batch if r.id in left)
                continue
            # A model may fail in any way; the other batches must still run.
            error = failure(e)
            yield from [failed(r.id, error) for r in batch if r.id in left]
        batch = []  # Its pictures are not held while the next ones are decoded.
