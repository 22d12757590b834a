"""Stratified sample order, so that any prefix is a representative subset."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")


def stratified(
    items: Sequence[T],
    *,
    key: Callable[[T], str],
    stratum: Callable[[T], Hashable],
    seed: int,
    matched: Callable[[T], str | None] = lambda _: None,
) -> list[T]:
    """All items in a seeded order in which every prefix contains each stratum in proportion.

    `key` must be unique. The order depends only on keys, strata and seed, not on the order of `items`. `matched` names
    the matched set of an item: sets that have one item in each stratum stay together, so that a prefix cuts at most one.
    """
    strata: dict[Hashable, list[tuple[bytes, bytes, T]]] = defaultdict(list)
    for item in items:
        own = _digest(seed, key(item))
        together = matched(item)
        strata[stratum(item)].append((_digest(seed, together) if together else own, own, item))
    placed: list[tuple[float, bytes, bytes, T]] = []
    for members in strata.values():
        members.sort(key=lambda member: member[:2])
        placed += [((rank + 0.5) / len(members), *member) for rank, member in enumerate(members)]
    placed.sort(key=lambda place: place[:3])
    return [place[-1] for place in placed]


def _digest(seed: int, text: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
