"""How often each cluster counts in each draw of the cluster bootstrap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.components.metric import Ints

Weights = npt.NDArray[Any]
"""Whole numbers, shape (draws, clusters), in single precision where that holds them."""

CELLS = 1 << 19
"""Weights made at a time, but never less than `TOGETHER` draws nor more than `MOST`: enough to be worked on side by side."""

TOGETHER, MOST = 4, 1 << 10
"""The fewest draws at a time, since reading what is summed over clusters costs more than summing; and the most, so that
threads have something to share."""

DRAWN = 1 << 16
"""Numbers drawn at a time, so that they stay in the processor's cache."""

BINOMIAL = 20
"""What it costs to draw how often a pattern counts, in numbers drawn for one cluster."""

EXACT = 1 << 24
"""Whole numbers below this are exact in single precision."""

MANY, BELOW = 1 << 8, 4.0
"""Clusters from which on weights start as Poisson counts, and how many deviations the sum of these lies below them."""


def numbers_drawn(counts: Ints) -> int:
    """What one draw costs, in random numbers drawn for one cluster each."""
    return min(int(counts.sum()), len(counts) * BINOMIAL)


class Blocks:
    """Draws of C = counts.sum() clusters with replacement, in numbered blocks of shape (some, patterns).

    `counts`, shape (patterns,), says how many interchangeable clusters each pattern stands for (all ones where none
    are). Each block has a stream of random numbers of its own, so that threads may make them in any order. Draws lie
    side by side in memory.
    """

    def __init__(self, counts: Ints, draws: int, seed: int) -> None:
        self._counts, self._draws, self._seed = counts, draws, seed % 2**64
        self._total, self._patterns = int(counts.sum()), len(counts)
        self._few = self._patterns * BINOMIAL <= self._total
        held = self._patterns if self._few else self._total
        self._size = max(TOGETHER, min(CELLS // max(held, 1), MOST))

    def __len__(self) -> int:
        return -(-self._draws // self._size) if self._total else 0

    def __getitem__(self, number: int) -> Weights:
        if not 0 <= number < len(self):
            raise IndexError(number)
        size = min(self._size, self._draws - number * self._size)
        rng, total = np.random.default_rng((self._seed, number)), self._total
        if self._few:
            found = rng.multinomial(total, self._counts / total, size=size).T
        else:
            found = _poisson(rng, total, size) if MANY <= total < EXACT else _counted(rng, total, size)
        side_by_side: Weights = np.ascontiguousarray(found, np.float32 if total < EXACT else np.float64)
        if not self._few and self._patterns < total:
            side_by_side = _summed(side_by_side, self._counts)
        turned: Weights = side_by_side.T
        return turned


def cluster_weights(counts: Ints, draws: int, seed: int, width: int = 0) -> Iterator[Ints]:
    """Weights of `draws` bootstrap draws, in chunks of shape (some, patterns) that sum to C; see `Blocks`.

    `width` is what one draw costs the caller in array elements, such as the number of rows; a chunk holds about
    `CELLS` of them. It is 0 for a caller that sums over clusters. It does not change the draws.
    """
    blocks = Blocks(counts, draws, seed)
    for number in range(len(blocks)):
        block = np.ascontiguousarray(blocks[number], np.int64)
        step = max(1, CELLS // width) if width else len(block)
        for start in range(0, len(block), step):
            yield block[start : start + step]


def _counted(rng: np.random.Generator, total: int, size: int) -> Weights:
    """How often each of `total` clusters is drawn in `size` draws, shape (total, size)."""
    found = np.empty((size, total), np.int64)
    step = max(1, DRAWN // total)
    for start in range(0, size, step):
        part = found[start : start + step]
        cells = rng.integers(0, total, size=part.shape) + np.arange(len(part))[:, None] * total
        part[:] = np.bincount(cells.reshape(-1), minlength=part.size).reshape(part.shape)
    turned: Weights = found.T
    return turned


def _summed(found: Weights, counts: Ints) -> Weights:
    """Shape (patterns, draws): sums over as many clusters as each pattern stands for, from shape (clusters, draws)."""
    sums, start = np.empty((len(counts), found.shape[1]), found.dtype), 0
    # Patterns of the same size together: a sum of pieces of all sizes at once takes many times as long.
    for size in np.unique(counts).tolist():
        alike = np.flatnonzero(counts == size)
        end = start + size * len(alike)
        sums[alike] = found[start:end].reshape(len(alike), size, -1).sum(axis=1)
        start = end
    return sums


def _poisson(rng: np.random.Generator, total: int, size: int) -> npt.NDArray[np.float32]:
    """The same in a third of the time.

    Independent Poisson counts are, given their sum, a draw with replacement of that many. Their mean is a little below
    1, so that their sum hardly ever exceeds the draw, and what is missing is drawn one by one.
    """
    weights, table = np.empty((total, size), np.float32), _poisson_table(1 - BELOW / math.sqrt(total))
    flat = weights.reshape(-1)
    for start in range(0, flat.size, DRAWN):
        part = flat[start : start + DRAWN]
        bits = rng.integers(0, 1 << 64, size=-(-part.size // 4), dtype=np.uint64).view(np.uint16)
        part[:] = np.take(table, bits[: part.size], mode="clip")
    missing = total - (np.ones(total, np.float32) @ weights).astype(np.int64)
    for column in np.flatnonzero(missing < 0):
        weights[:, column] = np.bincount(rng.integers(0, total, size=total), minlength=total)
    column = np.repeat(np.arange(size), np.maximum(missing, 0))
    more = rng.integers(0, total, size=len(column)) * size + column
    np.add.at(flat, more, np.float32(1))
    return weights


@lru_cache(maxsize=64)
def _poisson_table(mean: float) -> npt.NDArray[np.uint8]:
    """What each of 2^16 equally likely numbers counts as, shape (65536,).

    Rounding to 16 bits changes the ratio of variance and mean by less than 1e-3, and an interval by half of that: what
    10,000 draws leave to chance is 30 times as much.
    """
    counts = np.arange(20)
    chances = np.exp(counts * math.log(mean) - mean - [math.lgamma(count + 1) for count in counts])
    edges = np.round(np.cumsum(chances) * (1 << 16)).astype(np.int64)
    return np.searchsorted(edges, np.arange(1 << 16), side="right").astype(np.uint8)
