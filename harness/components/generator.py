"""The generator interface: produces portraits from prompts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from harness.components.base import Configured
from harness.components.batches import in_batches
from harness.components.sources import RequestSource
from harness.types import ImageReply, ImageRequest, Sample


class Generator(Configured, ABC):
    """A text-to-image model. It yields one reply per request, matched by id, in any order."""

    batch_size: int = 4
    """How many requests the default `stream` hands to `generate` at a time."""

    progress: Callable[[str], None] | None = None
    """Set by the run. A slow generator may call it within a batch with a short status such as "step 12 of 30"."""

    def own_portraits(self) -> Sequence[Sample] | None:
        """Existing images, labelled with the requested emotion; they replace the tasks' prompts.

        None (the default) for a model that generates images. `Sample.attributes` may contain `prompt` and `prompt_id`.
        """
        return None

    def own_ratings(self) -> Path | None:
        """A `ratings.csv` (id, rater, question, value) with human ratings of `own_portraits`; None if there is none."""
        return None

    def notes(self) -> Sequence[str]:
        """Remarks shown with this generator's results."""
        return ()

    def generate(self, batch: Sequence[ImageRequest]) -> Iterable[ImageReply]:
        """Generate one batch. A simple plugin only needs to implement this."""
        raise TypeError(f"{type(self).__name__} must define generate() or stream()")

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Generate an image for each request. An exception fails only its own batch, as with `Judge.stream`."""
        remaining = iter(requests)
        yield from in_batches(
            lambda: list(islice(remaining, self.batch_size)),
            self.generate,
            ImageReply,
            f"{type(self).__name__}.generate",
            lambda id_, error: ImageReply(id_, outcome="error", error=error),
        )
