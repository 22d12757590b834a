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

DRAWN, LONG = 1 << 17, 1 << 11
"""Numbers drawn at a time, and clusters from which each draw is counted by itself: each call has its price, and
what is worked on should stay in the processor's cache."""

BINOMIAL = 20
"""What it costs to draw how often a pattern counts, in numbers drawn for one cluster."""

MANY_UNLIKE, BELOW = 1 << 8, 4.0
"""Clusters from which on weights start as Poisson counts, and by how many of its deviations their sum stays below them."""


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
        unlike = self._patterns == self._total
        self._owner = None if self._few or unlike else np.repeat(np.arange(self._patterns), counts)

    def __len__(self) -> int:
        return -(-self._draws // self._size) if self._total else 0

    def __getitem__(self, number: int) -> Weights:
        if not 0 <= number < len(self):
            raise IndexError(number)
        size = min(self._size, self._draws - number * self._size)
        rng, total = np.random.default_rng((self._seed, number)), self._total
        if self._patterns == total >= MANY_UNLIKE:
            return _side_by_side(_unlike(rng, total, size), np.float32)
        kind = np.float32 if total < 1 << 24 else np.float64
        if self._few:
            found = rng.multinomial(total, self._counts / total, size=size)
        else:
            found = _counted(rng, total, self._patterns, size, self._owner)
        return _side_by_side(found.T, kind)


def _side_by_side(found: Weights, kind: npt.DTypeLike) -> Weights:
    """Shape (draws, clusters), of weights of shape (clusters, draws)."""
    turned: Weights = np.ascontiguousarray(found, kind).T
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


def _counted(rng: np.random.Generator, total: int, patterns: int, size: int, owner: Ints | None) -> Ints:
    """How often each pattern is drawn in `size` draws of `total` clusters, whose patterns are `owner`."""
    found = np.empty((size, patterns), np.int64)
    step = max(1, DRAWN // total)
    for start in range(0, size, step):
        part = found[start : start + step]
        cells = rng.integers(0, total, size=len(part) * total).reshape(len(part), total)
        cells = cells if owner is None else owner[cells]
        if total >= LONG:
            for row, drawn in zip(part, cells, strict=True):
                row[:] = np.bincount(drawn, minlength=patterns)
        else:
            cells += np.arange(len(part))[:, None] * patterns
            part[:] = np.bincount(cells.reshape(-1), minlength=part.size).reshape(part.shape)
    return found


def _unlike(rng: np.random.Generator, total: int, size: int) -> npt.NDArray[np.float32]:
    """How often each of `total` clusters is drawn in `size` draws, shape (total, size), in a third of the time.

    Independent Poisson counts are, given their sum, a draw with replacement of that many. Their mean is a little below
    1, so that their sum hardly ever exceeds the draw, and what is missing is drawn one by one.
    """
    bits = rng.integers(0, 1 << 64, size=-(-total * size // 4), dtype=np.uint64).view(np.uint16)
    found = np.take(_poisson_table(1 - BELOW / math.sqrt(total)), bits[: total * size], mode="clip")
    weights = found.reshape(total, size).astype(np.float32)
    missing = total - (np.ones(total, np.float32) @ weights).astype(np.int64)
    for column in np.flatnonzero(missing < 0):
        weights[:, column] = np.bincount(rng.integers(0, total, size=total), minlength=total)
    column = np.repeat(np.arange(size), np.maximum(missing, 0))
    more = rng.integers(0, total, size=len(column)) * size + column
    np.add.at(weights.reshape(-1), more, np.float32(1))
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
