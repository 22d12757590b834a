"""Splits a run into parts that different machines work on; `harness merge` puts the parts together.

What a part asks follows from the ids of samples alone, so that parts need not know of each other.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from harness.errors import RequestError

MOST = 10_000
_SHARD = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, counted from 1."""

    number: int
    count: int

    def has(self, data: str, sample: str) -> bool:
        """Whether a sample of a data set, or a portrait of a generator, belongs to this part."""
        digest = hashlib.blake2b(f"{data}\0{sample}".encode("utf-8", "surrogatepass"), digest_size=8)
        return int.from_bytes(digest.digest(), "big") % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def ending(self) -> str:
        """What the name of its folder ends with."""
        return f".shard-{self.number}-of-{self.count}"


def parse_shard(value: object) -> Shard | None:
    """A shard from "2/8" or (2, 8); None stays None. Raises `RequestError`."""
    if value is None or isinstance(value, Shard):
        return value
    text = "/".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
    found = _SHARD.fullmatch(text.strip())
    if found is None:
        raise RequestError(
            f"--shard must be I/N, not {text[:60]!r}.", "For example: --shard 2/8 for the second of eight."
        )
    number, count = int(found[1]), int(found[2])
    if not 1 <= number <= count <= MOST:
        raise RequestError(
            f"--shard {number}/{count}: the first number goes from 1 to the second, which is at most {MOST}.",
            f"For example: --shard 1/{min(max(count, 1), MOST)}.",
        )
    return Shard(number, count)
