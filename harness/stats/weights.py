"""Weights of the cluster bootstrap: how often each cluster occurs in each resample."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Ints

Weights = npt.NDArray[Any]
"""Integers as floats, shape (resamples, clusters), in single precision where that is exact."""

CELLS = 1 << 19
"""Number of weights per block, subject to the limits on resamples below."""

FEWEST_RESAMPLES, MOST_RESAMPLES = 4, 1 << 10
"""Limits on the resamples per block; the lower one because reading the summed columns costs more than summing them."""

FEWEST_BLOCKS = 8
"""Number of blocks to aim for at least, so that threads can share the work."""

EXACT = 1 << 24
"""Integers below this are exact in single precision."""

FEW = 32
"""Below this many clusters, each cluster is drawn individually."""

MARGIN = 3.0
"""How far the expected sum of the Poisson counts lies below the number of clusters, in its standard deviations."""

LARGEST_TABULATED = 200
"""Poisson counts of patterns of up to this many clusters come from a table; larger patterns are too few to matter."""

BINOMIAL_COST = 3.0
"""Cost of one binomial draw, in units of the square root of the number of clusters (the top-up draws after Poisson counts)."""


class Blocks:
    """Weights of resampling C = counts.sum() clusters with replacement, in blocks of shape (some, patterns).

    `counts`, shape (patterns,), holds the number of identical clusters that each pattern stands for, 1 or more. Each
    block has its own random number stream, so threads may generate blocks in any order. Blocks are in column-major
    order: the weights of one pattern are contiguous.
    """

    def __init__(self, counts: Ints, resamples: int, seed: int) -> None:
        self._counts, self._resamples, self._seed = counts, resamples, seed % 2**64
        self._total = int(counts.sum())
        self._few = len(counts) * BINOMIAL_COST <= math.sqrt(self._total)
        singly = not self._few and not FEW <= self._total < EXACT
        held = self._total if singly else len(counts)
        largest = min(CELLS // max(held, 1), MOST_RESAMPLES, -(-resamples // FEWEST_BLOCKS))
        self._size = max(1 if singly else FEWEST_RESAMPLES, largest)
        self._equal = [(count, np.flatnonzero(counts == count)) for count in np.unique(counts).tolist()]
        self._pattern = np.repeat(np.arange(len(counts)), 0 if self._few else counts)

    def __len__(self) -> int:
        return -(-self._resamples // self._size) if self._total else 0

    def __getitem__(self, index: int) -> Weights:
        if not 0 <= index < len(self):
            raise IndexError(index)
        size = min(self._size, self._resamples - index * self._size)
        rng, total = np.random.default_rng((self._seed, index)), self._total
        if self._few:
            found = rng.multinomial(total, self._counts / total, size=size).T
        elif total < FEW or total >= EXACT:
            found = self._singly(rng, size)
        else:
            found = self._poisson(rng, size)
        weights: Weights = np.ascontiguousarray(found, np.float32 if total < EXACT else np.float64).T
        return weights

    def _singly(self, rng: np.random.Generator, size: int) -> Ints:
        """Weights from drawing each cluster individually, shape (patterns, size)."""
        drawn = self._pattern[rng.integers(0, self._total, size=self._total * size)]
        cells = drawn * size + np.tile(np.arange(size), self._total)
        return np.bincount(cells, minlength=len(self._counts) * size).reshape(-1, size)

    def _poisson(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.float32]:
        """Weights from Poisson counts, shape (patterns, size), in a third of the time of individual draws.

        Conditional on their sum, independent Poisson counts are a multinomial sample. Their mean is chosen so that the
        sum is usually a little too small: the missing clusters are drawn individually. A resample whose sum is too large
        is drawn again.
        """
        weights = np.empty((len(self._counts), size), np.float32)
        mean = 1 - MARGIN / math.sqrt(self._total)
        for count, patterns in self._equal:
            if count > LARGEST_TABULATED:
                weights[patterns] = rng.poisson(count * mean, (len(patterns), size))
                continue
            bits = rng.integers(0, 1 << 64, size=-(-len(patterns) * size // 4), dtype=np.uint64).view(
                np.uint16
            )
            found = np.take(_poisson_table(count * mean), bits[: len(patterns) * size], mode="clip")
            weights[patterns] = found.reshape(len(patterns), size)
        missing = self._total - (np.ones(len(weights), np.float32) @ weights).astype(np.int64)
        for column in np.flatnonzero(missing < 0):
            weights[:, column] = self._singly(rng, 1)[:, 0]
        column = np.repeat(np.arange(size), np.maximum(missing, 0))
        more = self._pattern[rng.integers(0, self._total, size=len(column))] * size + column
        np.add.at(weights.reshape(-1), more, np.float32(1))
        return weights


@lru_cache(maxsize=256)
def _poisson_table(mean: float) -> npt.NDArray[np.uint16]:
    """Poisson count for each of 2^16 equally likely 16-bit numbers (inverse CDF), shape (65536,).

    Rounding to 16 bits changes the variance-to-mean ratio by less than 1e-3, and an interval by half of that. The Monte
    Carlo error of 10,000 resamples is 30 times as large.
    """
    counts = np.arange(int(mean + 12 * math.sqrt(mean)) + 12)
    probabilities = np.exp(counts * math.log(mean) - mean - [math.lgamma(count + 1) for count in counts])
    edges = np.round(np.cumsum(probabilities) * (1 << 16)).astype(np.int64)
    return np.searchsorted(edges, np.arange(1 << 16), side="right").astype(np.uint16)


def cluster_weights(counts: Ints, resamples: int, seed: int, width: int = 0) -> Iterator[Ints]:
    """Weights of `resamples` bootstrap resamples, in chunks of shape (some, patterns) whose rows sum to C; see `Blocks`.

    `width` is the number of array elements that one resample costs the caller, such as the number of rows; a chunk
    holds about `CELLS` of them. It is 0 for a caller that sums over clusters. It does not change the weights.
    """
    blocks = Blocks(counts, resamples, seed)
    for index in range(len(blocks)):
        block = np.ascontiguousarray(blocks[index], np.int64)
        step = max(1, CELLS // width) if width else len(block)
        for start in range(0, len(block), step):
            yield block[start : start + step]
