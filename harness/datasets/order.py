"""Stratified sample order, so that any prefix is a representative subset."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")


def stratified(
    items: Sequence[T], *, key: Callable[[T], str], stratum: Callable[[T], Hashable], seed: int
) -> list[T]:
    """All items in a seeded order in which every prefix contains each stratum in proportion.

    `key` must be unique. The order depends only on keys, strata and seed, not on the order of `items`.
    """
    strata: dict[Hashable, list[tuple[bytes, T]]] = defaultdict(list)
    for item in items:
        digest = hashlib.blake2b(
            f"{seed}:{key(item)}".encode("utf-8", "surrogatepass"), digest_size=8
        ).digest()
        strata[stratum(item)].append((digest, item))
    placed: list[tuple[float, bytes, T]] = []
    for members in strata.values():
        members.sort(key=lambda pair: pair[0])
        placed += [((rank + 0.5) / len(members), digest, item) for rank, (digest, item) in enumerate(members)]
    placed.sort(key=lambda triple: triple[:2])
    return [item for _, _, item in placed]
