"""The generator interface: what draws portraits."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from harness.components.base import Configured
from harness.components.sources import RequestSource, checked_replies
from harness.errors import HarnessError
from harness.types import ImageReply, ImageRequest, ReplyError, Sample


class Generator(Configured, ABC):
    """A text-to-image model. One reply for each request, matched by id, in any order."""

    batch_size: int = 4
    """How many requests the default `stream` hands to `generate` at a time."""

    progress: Callable[[str], None] | None = None
    """Set by the run. A generator that takes long over a batch may call it with a few words: "step 12 of 30"."""

    def own_portraits(self) -> Sequence[Sample] | None:
        """Pictures that exist already, labelled with what was asked for: they replace the tasks' prompts.

        None (the default) for a generator that draws. `Sample.attributes` may have `prompt` and `prompt_id`.
        """
        return None

    def own_ratings(self) -> Path | None:
        """A `ratings.csv` (id, rater, question, value) of what people said of `own_portraits`; None without one."""
        return None

    def notes(self) -> Sequence[str]:
        """What a user should know of this generator's results: shown with them."""
        return ()

    def generate(self, batch: Sequence[ImageRequest]) -> Iterable[ImageReply]:
        """Draw one batch. A simple plugin writes this alone."""
        raise TypeError(f"{type(self).__name__} must define generate() or stream()")

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Draw everything in `requests`. A batch that raises fails alone, as with `Judge.stream`."""
        remaining = iter(requests)
        while batch := list(islice(remaining, self.batch_size)):
            left = {r.id for r in batch}
            try:
                for reply in checked_replies(
                    self.generate(batch), ImageReply, f"{type(self).__name__}.generate"
                ):
                    left.discard(reply.id)
                    yield reply
            except HarnessError:
                raise
            except (
                Exception,
                SystemExit,
            ) as e:  # a model may fail in any way; the other batches must not suffer
                error = ReplyError(type(e).__name__, str(e))
                yield from (ImageReply(r.id, outcome="error", error=error) for r in batch if r.id in left)
