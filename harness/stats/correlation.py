"""Weighted Pearson and Spearman correlations; a weight is the number of times a row occurs."""

from __future__ import annotations

import itertools
import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.arrays import Floats, Ints

BLOCK = 32
LARGEST = 1 << 20
_DENSE = 1 << 21


def pearson_from_sums(sums: Floats) -> Floats:
    """Pearson's r from sums of (1, x, y, xx, yy, xy), shape (resamples, 6); NaN where x or y is constant.

    x and y should be centred near 0 to limit rounding error.
    """
    spread = np.sqrt(variance_from_sums(sums, 1, 3)) * np.sqrt(variance_from_sums(sums, 2, 4))
    return ratio(_covariance(sums), spread)


def variance_from_sums(sums: Floats, first: int, second: int) -> Floats:
    """Variance (divisor N) from sums of 1 (column 0), x (`first`) and xx (`second`); 0 if constant."""
    mean = ratio(sums[:, first], sums[:, 0])
    square = ratio(sums[:, second], sums[:, 0])
    variance = square - mean**2
    return np.where(variance > 1e-13 * square, variance, 0.0)


def _covariance(sums: Floats) -> Floats:
    total, x, y, product = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 5]
    covariance: Floats = ratio(product, total) - ratio(x, total) * ratio(y, total)
    return covariance


def slope_from_sums(sums: Floats) -> Floats:
    """Least-squares slope of x on y (change of x per unit of y), from the same sums as `pearson_from_sums`."""
    return ratio(_covariance(sums), variance_from_sums(sums, 2, 4))


def ratio(top: Floats, bottom: Floats) -> Floats:
    """`top / bottom`, NaN where `bottom` is 0 or NaN."""
    quotient = np.full(np.broadcast(top, bottom).shape, np.nan)
    np.divide(top, bottom, out=quotient, where=np.abs(bottom) > 0)
    return quotient


class Scratch(threading.local):
    """Arrays that each thread allocates once and reuses: allocating them for each chunk would cost more than the sums."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], npt.NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], kind: npt.DTypeLike) -> npt.NDArray[Any]:
        """An uninitialised array of this shape and type, valid until the next call with the same name."""
        key, size = (name, np.dtype(kind).str), math.prod(shape)
        held = self._held.get(key)
        if held is None or held.size < size:
            held = self._held[key] = np.empty(size, kind)
        return held[:size].reshape(shape)


class RankCorrelation:
    """Spearman's correlation of x and y in each segment, for many cluster weightings, from one sort.

    x, y, cluster and segment (0..segments-1, none empty) have shape (n,), without NaN. Rows that differ only in
    their cluster are merged if that reduces their number enough.

    Rows are sorted by (segment, x). Let w be the weight of each row in a resample, t the sum of w over equal x, and
    u = cumsum(t) - t / 2. For a segment of N rows, with O rows in the segments before it, centred midranks are
    u - O - N / 2, their sum of squares is (N^3 - sum(t^3)) / 12, and their sum of products with the midranks of y is
    sum(w * ux * uy) - O^2 N - O N^2 - N^3 / 4. All terms are exact.

    Internally the arrays have shape (rows, resamples): reordering rows then moves whole lines of memory, and sums
    over rows are vectorised over resamples.
    """

    def __init__(
        self, x: Floats, y: Floats, cluster: Ints, clusters: int, segment: Ints | None = None
    ) -> None:
        leading = np.zeros(len(x)) if segment is None else segment.astype(np.float64)
        rows: Floats = np.column_stack([leading, x, y])
        self._table: Floats | None = None
        kinds = rows
        # There are at least as many distinct rows as distinct values, and counting values is much faster.
        if 2 * len(np.unique(y)) <= len(x):
            kinds, cell = np.unique(rows, axis=0, return_inverse=True)
        if 2 * len(kinds) <= len(x) and clusters * len(kinds) <= _DENSE:
            size = clusters * len(kinds)
            flat = np.bincount(cell.reshape(-1) * clusters + cluster, minlength=size)
            self._table, rows = flat.reshape(len(kinds), clusters).astype(np.float64), kinds
        else:
            order = np.lexsort((y, x, rows[:, 0]))
            rows, self._owner = rows[order], cluster[order]
            self._in_order = clusters == len(rows) and bool((np.diff(self._owner) == 1).all())
        self._by_y = np.lexsort((rows[:, 2], rows[:, 0]))
        starts = _run_starts(rows[:, :1])
        self._rows = _Runs(np.arange(len(rows)), starts, len(rows))
        self._x_runs = _Runs(_run_starts(rows[:, :2]), starts, len(rows))
        self._y_runs = _Runs(_run_starts(rows[self._by_y][:, ::2]), starts, len(rows))
        self._scratch = Scratch()

    def __call__(self, weights: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Correlation and number of rows, each of shape (resamples, segments), for weights (resamples, clusters).

        The correlation is NaN where x or y is constant in the segment.
        """
        counts = self._counts(weights)
        most = float(weights.max(initial=0))
        single = counts.dtype == np.float32 and len(counts) * most**3 < 1 << 24
        ranks, x_cubes, total = self._ranks(counts, self._x_runs, single)
        before = np.cumsum(total, axis=0) - total
        y_cubes = None if self._y_runs.tied or self._x_runs.tied else x_cubes
        ranks *= counts
        counts, weighted = self._ordered("by y", counts), self._ordered("weighted", ranks)
        ranks, y_cubes, _ = self._ranks(counts, self._y_runs, single, y_cubes)
        product = self._rows.sums(weighted, ranks) - before**2 * total - before * total**2 - total**3 / 4
        # The root of the product, not the product of roots: if both are equal, the correlation is then exactly 1.
        spread = np.sqrt((total**3 - x_cubes) / 12 * ((total**3 - y_cubes) / 12))
        return np.clip(ratio(product, spread), -1.0, 1.0).T, total.T

    def _counts(self, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Weight of each row in each resample, in single precision where that is exact, for speed."""
        if self._table is not None:
            return np.asarray(self._table @ weights.T, np.float64)
        rows = len(self._owner)
        lanes: npt.NDArray[Any] = weights.T
        most = int(weights.max()) if len(weights) > 1 else LARGEST
        kind = np.float32 if rows * most**2 < 1 << 23 else np.float64
        if lanes.dtype != kind or not lanes.flags.c_contiguous:
            plain = self._scratch.array("plain", lanes.shape, kind)
            np.copyto(plain, lanes, casting="unsafe")
            lanes = plain
        if self._in_order:
            return lanes
        counts = self._scratch.array("counts", (rows, len(weights)), kind)
        return np.take(lanes, self._owner, axis=0, mode="clip", out=counts)

    def _ordered(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`values` in the order of (segment, y)."""
        out = self._scratch.array(name, values.shape, values.dtype)
        return np.take(values, self._by_y, axis=0, mode="clip", out=out)

    def _ranks(
        self, counts: npt.NDArray[Any], runs: _Runs, single: bool, cubes: Floats | None = None
    ) -> tuple[npt.NDArray[Any], Floats, Floats]:
        """u of each row, the sum of t^3 in each segment (`cubes` if given), and the number of rows of each segment.

        `single` means that cubes of counts, summed over rows, are exact in single precision.
        """
        grouped = np.add.reduceat(counts, runs.starts, axis=0) if runs.tied else counts
        ranks = cumulate(grouped, self._scratch)
        total = np.diff(ranks[runs.last].astype(np.float64), axis=0, prepend=0.0)
        square = self._scratch.array("square", grouped.shape, np.float64 if runs.tied else grouped.dtype)
        if cubes is None:
            np.multiply(grouped, grouped, out=square, dtype=square.dtype)
            cubes = runs.sums(square, grouped, single and not runs.tied)
        half = self._scratch.array("half", grouped.shape, grouped.dtype)
        np.multiply(grouped, 0.5, out=half)
        ranks -= half
        return (np.repeat(ranks, runs.lengths, axis=0) if runs.tied else ranks), cubes, total


class _Runs:
    """Runs of rows that are equal in segment and x (or y), in ascending order."""

    def __init__(self, starts: Ints, segments: Ints, rows: int) -> None:
        self.starts = starts
        self.lengths = np.diff(np.r_[starts, rows])
        self.tied = len(starts) < rows
        edges = [*np.searchsorted(starts, segments).tolist(), len(starts)]
        self.last = np.array(edges[1:]) - 1
        """The last run of each segment."""
        self._segments = [slice(*edge) for edge in itertools.pairwise(edges)]

    def sums(self, first: npt.NDArray[Any], second: npt.NDArray[Any], single: bool = False) -> Floats:
        """Sums of products over each segment, shape (segments, resamples), in double precision unless `single`."""
        kind = np.dtype(np.float32 if single else np.float64)
        sums = [np.einsum("ij,ij->j", first[part], second[part], dtype=kind) for part in self._segments]
        return np.stack(sums).astype(np.float64)


def cumulate(counts: npt.NDArray[Any], scratch: Scratch) -> npt.NDArray[Any]:
    """Running sums along the first axis, shape (entries, resamples), valid until the next call.

    Long columns are summed in blocks, all blocks at once. That takes a third of the time of `numpy.cumsum`, where
    each addition depends on the previous one. Exact for integers.
    """
    entries, resamples = counts.shape
    if entries < 8 * BLOCK:
        return np.cumsum(counts, axis=0)
    blocks, rest = divmod(entries, BLOCK)
    running = scratch.array("running", counts.shape, counts.dtype)
    given, inner = (
        values[: blocks * BLOCK].reshape(blocks, BLOCK, resamples) for values in (counts, running)
    )
    inner[:, 0] = given[:, 0]
    for step in range(1, BLOCK):
        np.add(inner[:, step - 1], given[:, step], out=inner[:, step])
    inner[1:] += np.cumsum(inner[:-1, -1], axis=0)[:, None]
    if rest:
        np.cumsum(counts[-rest:], axis=0, out=running[-rest:])
        running[-rest:] += running[-rest - 1]
    return running


def fisher_mean(correlations: Floats, sizes: Floats) -> Floats:
    """Mean of correlations over the last axis on Fisher's z scale, ignoring NaN; NaN if all are NaN.

    A correlation of exactly 1 has infinite z. It is replaced by 1 - 6 / (n (n^2 - 1)), halfway between 1 and the
    next lower value that untied ranks of n rows can reach (`sizes` holds n, in the same shape). If all correlations
    are 1, or all are -1, the mean is exactly that.
    """
    known = np.isfinite(correlations)
    rows = np.maximum(sizes, 2.0)
    most = 1 - 6 / (rows * (rows**2 - 1))
    held = np.clip(np.where(known, correlations, 0.0), -most, most)
    mean = np.tanh(ratio(np.arctanh(held).sum(axis=-1), known.sum(axis=-1).astype(np.float64)))
    exact = known.any(axis=-1) & (np.where(known, np.abs(correlations), 1.0) == 1).all(axis=-1)
    signs = np.where(known, np.sign(correlations), 0.0).sum(axis=-1)
    equal = exact & (np.abs(signs) == known.sum(axis=-1))
    return np.where(equal, np.sign(signs), mean)


def _run_starts(ordered: Floats) -> Ints:
    """Start index of each run of equal rows, for sorted rows of shape (m, k)."""
    return np.flatnonzero(np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)])
