"""How often each cluster counts in each draw of the cluster bootstrap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Ints

Weights = npt.NDArray[Any]
"""Whole numbers, shape (draws, clusters), in single precision where that holds them."""

CELLS = 1 << 19
"""Weights made at a time, but never less than `TOGETHER` draws nor more than `MOST`: enough to be worked on side by side."""

TOGETHER, MOST, SHARED = 4, 1 << 10, 8
"""The fewest draws at a time, since reading what is summed over clusters costs more than summing; the most; and how many
blocks there are at least, if there are so many draws, so that threads have something to share."""

EXACT = 1 << 24
"""Whole numbers below this are exact in single precision."""

FEW = 32
"""Fewer clusters than this are drawn one by one."""

BELOW = 3.0
"""How many of its own deviations the mean of a sum of Poisson counts lies below the clusters to draw."""

TABLED = 200
"""Clusters of one kind up to which a Poisson count comes from a table: of larger kinds there are not so many."""

BINOMIAL = 3.0
"""What it costs to draw how often one pattern counts from a binomial, in square roots of the clusters: so many are drawn
one by one after Poisson counts."""


class Blocks:
    """Draws of C = counts.sum() clusters with replacement, in numbered blocks of shape (some, patterns).

    `counts`, shape (patterns,), says how many interchangeable clusters each pattern stands for, 1 or more (all ones where
    none are). Each block has a stream of random numbers of its own, so that threads may make them in any order. Draws lie
    side by side in memory.
    """

    def __init__(self, counts: Ints, resamples: int, seed: int) -> None:
        self._counts, self._resamples, self._seed = counts, resamples, seed % 2**64
        self._total = int(counts.sum())
        self._few = len(counts) * BINOMIAL <= math.sqrt(self._total)
        singly = not self._few and not FEW <= self._total < EXACT
        held = self._total if singly else len(counts)
        self._size = max(1 if singly else TOGETHER, min(CELLS // max(held, 1), MOST, -(-resamples // SHARED)))
        self._alike = [(count, np.flatnonzero(counts == count)) for count in np.unique(counts).tolist()]
        self._owner = np.repeat(np.arange(len(counts)), 0 if self._few else counts)

    def __len__(self) -> int:
        return -(-self._resamples // self._size) if self._total else 0

    def __getitem__(self, number: int) -> Weights:
        if not 0 <= number < len(self):
            raise IndexError(number)
        size = min(self._size, self._resamples - number * self._size)
        rng, total = np.random.default_rng((self._seed, number)), self._total
        if self._few:
            found = rng.multinomial(total, self._counts / total, size=size).T
        elif total < FEW or total >= EXACT:
            found = self._singly(rng, size)
        else:
            found = self._poisson(rng, size)
        turned: Weights = np.ascontiguousarray(found, np.float32 if total < EXACT else np.float64).T
        return turned

    def _singly(self, rng: np.random.Generator, size: int) -> Ints:
        """Draws of one cluster after another, shape (patterns, size)."""
        resampled_form = self._owner[rng.integers(0, self._total, size=self._total * size)]
        cells = resampled_form * size + np.tile(np.arange(size), self._total)
        return np.bincount(cells, minlength=len(self._counts) * size).reshape(-1, size)

    def _poisson(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.float32]:
        """Many draws, shape (patterns, size), in a third of the time.

        Independent Poisson counts are, given their sum, a draw with replacement of that many. Their sum is mostly a
        little too small: what is missing is drawn one by one. Where it is too large the draw is made anew.
        """
        weights = np.empty((len(self._counts), size), np.float32)
        mean = 1 - BELOW / math.sqrt(self._total)
        for count, alike in self._alike:
            if count > TABLED:
                weights[alike] = rng.poisson(count * mean, (len(alike), size))
                continue
            bits = rng.integers(0, 1 << 64, size=-(-len(alike) * size // 4), dtype=np.uint64).view(np.uint16)
            found = np.take(_poisson_table(count * mean), bits[: len(alike) * size], mode="clip")
            weights[alike] = found.reshape(len(alike), size)
        missing = self._total - (np.ones(len(weights), np.float32) @ weights).astype(np.int64)
        for column in np.flatnonzero(missing < 0):
            weights[:, column] = self._singly(rng, 1)[:, 0]
        column = np.repeat(np.arange(size), np.maximum(missing, 0))
        more = self._owner[rng.integers(0, self._total, size=len(column))] * size + column
        np.add.at(weights.reshape(-1), more, np.float32(1))
        return weights


@lru_cache(maxsize=256)
def _poisson_table(mean: float) -> npt.NDArray[np.uint16]:
    """What each of 2^16 equally likely numbers counts as, shape (65536,).

    Rounding to 16 bits changes the ratio of variance and mean by less than 1e-3, and an interval by half of that: what
    10,000 draws leave to chance is 30 times as much.
    """
    counts = np.arange(int(mean + 12 * math.sqrt(mean)) + 12)
    chances = np.exp(counts * math.log(mean) - mean - [math.lgamma(count + 1) for count in counts])
    edges = np.round(np.cumsum(chances) * (1 << 16)).astype(np.int64)
    return np.searchsorted(edges, np.arange(1 << 16), side="right").astype(np.uint16)


def cluster_weights(counts: Ints, resamples: int, seed: int, width: int = 0) -> Iterator[Ints]:
    """Weights of `resamples` bootstrap draws, in chunks of shape (some, patterns) that sum to C; see `Blocks`.

    `width` is what one draw costs the caller in array elements, such as the number of rows; a chunk holds about
    `CELLS` of them. It is 0 for a caller that sums over clusters. It does not change the draws.
    """
    blocks = Blocks(counts, resamples, seed)
    for number in range(len(blocks)):
        block = np.ascontiguousarray(blocks[number], np.int64)
        step = max(1, CELLS // width) if width else len(block)
        for start in range(0, len(block), step):
            yield block[start : start + step]
