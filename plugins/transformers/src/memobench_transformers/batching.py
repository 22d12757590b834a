"""Which requests are answered together: of one kind, and of nearly one size."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness import JudgeRequest

WINDOW = 4
"""How many batches are looked over for requests that go well together."""


@dataclass(frozen=True)
class Item:
    """A request, and what it is sorted by."""

    request: JudgeRequest
    prompt: str
    kind: Hashable
    """Only items of one kind are answered together."""
    size: tuple[int, ...] = ()
    """The nearer the sizes, the less is padded."""
    plan: Any = None
    """How its answer is read: what was prepared for its kind."""


def batches(items: Iterable[Item], limit: int) -> Iterator[list[Item]]:
    """Batches of at most `limit` items, each out of a window of some more; the oldest is in the next batch.

    A window is always filled before a batch is taken out of it, however fast items come: the batches of a run do
    not depend on time.
    """
    left = iter(items)
    window: list[Item] = []
    while True:
        window += islice(left, WINDOW * limit - len(window))
        if not window:
            return
        batch = _next(window, limit)
        taken = set(map(id, batch))
        window = [item for item in window if id(item) not in taken]
        yield batch


def _next(window: list[Item], limit: int) -> list[Item]:
    oldest = window[0]
    alike = sorted((item for item in window if item.kind == oldest.kind), key=lambda item: item.size)
    place = next(n for n, item in enumerate(alike) if item is oldest)
    start = max(0, min(place, len(alike) - limit))
    return alike[start : start + limit]
