"""Groups requests of one kind and similar size into batches."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness import JudgeRequest

WINDOW_BATCHES = 4
"""Size of the window from which a batch is selected, in batches."""


@dataclass(frozen=True)
class Item:
    """A prepared request with its sort keys."""

    request: JudgeRequest
    prompt: str
    kind: Hashable
    """Only items of the same kind share a batch."""
    size: tuple[int, ...] = ()
    """Similar sizes need less padding."""
    plan: Any = None
    """Data for its answer mode: the word tree and options, or the constraint."""


def batches(items: Iterable[Item], limit: int) -> Iterator[list[Item]]:
    """Batches of at most `limit` items, each selected from a window. Each batch contains the oldest item of the window.

    The window is always filled before a batch is selected, so that batches do not depend on timing.
    """
    remaining = iter(items)
    window: list[Item] = []
    while True:
        window += islice(remaining, WINDOW_BATCHES * limit - len(window))
        if not window:
            return
        batch = _take_batch(window, limit)
        taken = set(map(id, batch))
        window = [item for item in window if id(item) not in taken]
        yield batch


def _take_batch(window: list[Item], limit: int) -> list[Item]:
    oldest = window[0]
    same_kind = sorted((item for item in window if item.kind == oldest.kind), key=lambda item: item.size)
    index = next(n for n, item in enumerate(same_kind) if item is oldest)
    start = max(0, min(index, len(same_kind) - limit))
    return same_kind[start : start + limit]
