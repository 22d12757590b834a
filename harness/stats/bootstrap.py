"""The cluster bootstrap: how often each cluster counts in each draw, and intervals from the draws."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from harness.components.metric import Floats, Ints

CELLS = 1 << 17
"""Weights made at a time: small enough for the processor's cache, and memory stays bounded for any n."""

SMALL = 4000
"""Below so many clusters, all draws of a chunk are counted at once; above, one by one, which fits the cache."""

Interval = tuple[float, float]


def cluster_weights(counts: Ints, draws: int, seed: int, width: int = 0) -> Iterator[Ints]:
    """Weights of `draws` bootstrap draws, in chunks of shape (some, patterns) that sum to C = counts.sum().

    `counts`, shape (patterns,), says how many interchangeable clusters each pattern stands for (all ones
    where none are). Each row is one draw of C clusters with replacement. `width` is what one draw costs
    the caller in array elements, such as the number of rows; a chunk holds about `CELLS` of them. A chunk
    may be overwritten by the next.
    """
    total, patterns = int(counts.sum()), len(counts)
    if not total:
        return
    rng = np.random.default_rng(seed % 2**64)
    few = patterns * 40 <= total
    step = max(1, min(draws, CELLS // max(width, patterns, min(total, SMALL))))
    owner = np.repeat(np.arange(patterns), counts)
    chunk = np.empty((step, patterns), np.int64)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        if few:
            yield rng.multinomial(total, counts / total, size=size)
            continue
        if total < SMALL:
            drawn = owner[rng.integers(0, total, size=(size, total))] + np.arange(size)[:, None] * patterns
            yield np.bincount(drawn.reshape(-1), minlength=size * patterns).reshape(size, patterns)
            continue
        for row in chunk[:size]:
            drawn = rng.integers(0, total, size=total)
            row[:] = np.bincount(owner[drawn] if patterns < total else drawn, minlength=patterns)
        yield chunk[:size]


def percentile_interval(draws: Floats, level: float = 0.95) -> Interval | None:
    """The central `level` of the draws that exist (are finite); None where fewer than half of them do."""
    found = draws[np.isfinite(draws)]
    if not len(found) or 2 * len(found) < len(draws):
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bca_interval(draws: Floats, value: float, acceleration: float, level: float = 0.95) -> Interval | None:
    """The bias-corrected and accelerated interval (Efron 1987) around `value`.

    `acceleration` comes from `harness.stats.jackknife.acceleration`. None where fewer than half the draws
    exist, or where all of them lie on one side of `value`, so that its bias cannot be told.
    """
    found = draws[np.isfinite(draws)]
    if not len(found) or 2 * len(found) < len(draws):
        return None
    below = (np.mean(found < value) + np.mean(found <= value)) / 2
    if not 0 < below < 1:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + normal.inv_cdf(tail)
        scale = 1 - acceleration * shifted
        if scale <= 0:
            return None
        ends.append(normal.cdf(bias + shifted / scale))
    low, high = np.quantile(found, ends)
    return float(low), float(high)
