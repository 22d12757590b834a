"""The human ceiling: how far one person agrees with the other people, and a judge with the same people.

Each rater is compared with the consensus of the others, and the judge with that same consensus on the same samples, so
that both are measured against one truth. The value is the mean over the rater who is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, Mask
from harness.stats.correlation import ratio
from harness.stats.influence import rank_influence
from harness.stats.intervals import proportion_interval, t_half_width, t_interval
from harness.stats.raters import Ratings

FEW_RATERS = 5
"""From this many raters on, the interval covers other raters too; fewer say too little of how raters vary."""
FEWEST = 3
"""Samples that a rater needs for a correlation: two points always lie on a line."""
GROUPS = 20
"""The jackknife over raters leaves out one rater at a time, or one of this many groups of them."""


@dataclass(frozen=True)
class Part:
    """A value with its interval, NaN where it does not exist."""

    value: float
    low: float
    high: float


_NOTHING = Part(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Ceiling:
    """How far a single person, and a judge, agree with the consensus of the other raters, on the same samples."""

    people: Part
    judge: Part | None
    """None without a judge, or where its value does not exist."""
    difference: Part | None
    """The judge's value minus that of people, with the interval of the paired difference."""
    raters: Floats
    """Shape (raters,): the value of each rater, NaN where undefined."""
    samples: int
    clusters: int
    over_raters: bool
    """Whether the intervals are about other raters too; they always are about other samples."""


@dataclass(frozen=True)
class _Cells:
    """One entry for each rater and sample, shape (m,), and the judge's answers, shape (repeats, m)."""

    sample: Ints
    rater: Ints
    value: Floats
    judge: Floats

    def where(self, chosen: Mask | Ints) -> _Cells:
        return _Cells(self.sample[chosen], self.rater[chosen], self.value[chosen], self.judge[:, chosen])


@dataclass(frozen=True)
class _Measured:
    """Values of the person left out (row 0), the judge and their difference, and what each entry adds to them."""

    values: Floats
    """Shape (parts, raters), NaN where a rater has none."""
    moved: Floats
    """Shape (parts, m): the derivative of the rater's value with respect to the entry's weight."""

    @property
    def known(self) -> Mask:
        """Raters with a value of every part, shape (raters,): all parts are means over the same raters."""
        return np.asarray(np.isfinite(self.values).all(axis=0))

    @property
    def mean(self) -> Floats:
        """Shape (parts,), NaN without any rater."""
        known = self.known
        return self.values[:, known].mean(axis=1) if known.any() else np.full(len(self.values), np.nan)

    def effects(self, cells: _Cells, unit: Ints, units: int) -> Floats:
        """What each cluster of samples adds to the mean of each part, shape (parts, units)."""
        known = self.known
        effect = np.where(known[cells.rater], self.moved, 0.0) / max(int(known.sum()), 1)
        return np.stack([np.bincount(unit, part, units) for part in effect])


_Measure = Callable[[_Cells], _Measured]
_Interval = Callable[[float, int, float, float, float], Part]
"""From value, number of answers (0 for a difference), variance, degrees of freedom and level."""


def choice_ceiling(
    answers: Ratings,
    options: int,
    judge: Floats | None = None,
    cluster: Ints | None = None,
    level: float = 0.95,
) -> Ceiling:
    """Accuracy of each rater, and of a judge, against the majority of the other raters.

    Where m options tie, each of them counts 1 / m: what an answer scores if one of them, picked at random, is the truth.
    `judge`, shape (repeats, samples), holds the judge's answers, NaN where it gave none (wrong). `cluster`, shape
    (samples,), is the unit of resampling, by default each sample.
    """
    return _ceiling(answers, judge, cluster, level, lambda cells: _choices(cells, options), _proportion)


def rating_ceiling(
    answers: Ratings, judge: Floats | None = None, cluster: Ints | None = None, level: float = 0.95
) -> Ceiling:
    """Spearman's correlation of each rater, and of a judge, with the mean of the other raters.

    `judge` and `cluster` as for `choice_ceiling`; the judge has a rating of every sample.
    """
    return _ceiling(answers, judge, cluster, level, _ratings, _correlation)


def _choices(cells: _Cells, options: int) -> _Measured:
    samples = int(cells.sample.max()) + 1
    code = cells.value.astype(np.int64)
    votes = np.bincount(cells.sample * options + code, minlength=samples * options).reshape(samples, options)
    others = votes[cells.sample]
    entry = np.arange(len(code))
    others[entry, code] -= 1
    top = others == others.max(axis=1, keepdims=True)
    credit = top / top.sum(axis=1, keepdims=True)
    scored = [credit[entry, code]]
    if len(cells.judge):
        given = np.isfinite(cells.judge)
        picked = np.where(given, cells.judge, 0).astype(np.int64)
        scored.append((credit[entry, picked] * given).mean(axis=0))
    raters = int(cells.rater.max()) + 1
    n = np.bincount(cells.rater, minlength=raters).astype(np.float64)
    values = np.stack(
        [ratio(np.bincount(cells.rater, part, raters).astype(np.float64), n) for part in scored]
    )
    moved = (np.stack(scored) - values[:, cells.rater]) / n[cells.rater]
    return _with_difference(values, moved)


def _ratings(cells: _Cells) -> _Measured:
    total, count = np.bincount(cells.sample, cells.value), np.bincount(cells.sample)
    # Rounded, so that the order of summation does not break ties.
    others = np.round((total[cells.sample] - cells.value) / (count[cells.sample] - 1), 9)
    raters = int(cells.rater.max()) + 1
    weights = np.ones(len(others))
    enough = np.bincount(cells.rater, minlength=raters) >= FEWEST

    def correlation(answers: Floats) -> tuple[Floats, Floats]:
        found, moved = rank_influence(answers, others, weights, cells.rater, raters)
        return np.where(enough, found, np.nan), np.nan_to_num(moved)

    parts = [correlation(cells.value)]
    if len(cells.judge):
        repeats = [correlation(answers) for answers in cells.judge]
        parts.append((np.mean([r[0] for r in repeats], axis=0), np.mean([r[1] for r in repeats], axis=0)))
    return _with_difference(np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts]))


def _with_difference(values: Floats, moved: Floats) -> _Measured:
    if len(values) < 2:
        return _Measured(values, moved)
    return _Measured(np.r_[values, [values[1] - values[0]]], np.r_[moved, [moved[1] - moved[0]]])


def _rated_twice(sample: Ints) -> Mask:
    """Entries of samples with at least two answers: the others have nobody to agree with."""
    return np.bincount(sample)[sample] > 1 if len(sample) else np.zeros(0, bool)


def _ceiling(
    answers: Ratings,
    judge: Floats | None,
    cluster: Ints | None,
    level: float,
    measure: _Measure,
    interval: _Interval,
) -> Ceiling:
    given = np.zeros((0, answers.samples)) if judge is None else judge
    cells = _Cells(answers.sample, answers.rater, answers.value, given[:, answers.sample])
    cells = cells.where(_rated_twice(cells.sample))
    raters = np.full(answers.raters, np.nan)
    if len(cells.judge) and len(cells.value) and not measure(cells).known.any():
        # A judge that always says the same has no correlation; people have one nevertheless.
        return _ceiling(answers, None, cluster, level, measure, interval)
    if not len(cells.value) or not (found := measure(cells)).known.any():
        # Nobody has anybody to agree with, or answers do not vary.
        return Ceiling(_NOTHING, None, None, raters, 0, 0, over_raters=False)
    raters[: found.values.shape[1]] = np.where(found.known, found.values[0], np.nan)
    used = cells.where(found.known[cells.rater])
    unit = (np.arange(answers.samples) if cluster is None else cluster)[cells.sample]
    unit = np.unique(unit, return_inverse=True)[1].reshape(-1).astype(np.int64)
    over_raters = int(found.known.sum()) >= FEW_RATERS
    spread = _spread(cells, found, unit, measure, over_raters=over_raters)
    samples = len(np.unique(used.sample))
    # People give as many answers to a sample as there are raters, a judge gives one.
    sizes = (len(used.value), samples, 0)
    parts = [
        interval(float(value), size, float(variance), float(freedom), level)
        for value, size, variance, freedom in zip(found.mean, sizes, *spread, strict=False)
    ]
    return Ceiling(
        parts[0],
        parts[1] if len(parts) > 1 else None,
        parts[2] if len(parts) > 1 else None,
        raters,
        samples,
        len(np.unique(unit[found.known[cells.rater]])),
        over_raters,
    )


def _spread(
    cells: _Cells, found: _Measured, unit: Ints, measure: _Measure, *, over_raters: bool
) -> tuple[Floats, Floats]:
    """Variance of each part and its degrees of freedom, shape (parts,), over clusters of samples and, if asked, raters.

    Two-way clustering: the variance over samples plus that over raters minus what both contain, the noise of single
    answers (Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering"). That over raters is a
    jackknife, since each rater is part of the others' consensus too. Degrees of freedom as in Satterthwaite (1946).
    """
    clusters = int(unit.max()) + 1
    if clusters < 2:
        return np.full(len(found.values), np.nan), np.zeros(len(found.values))
    samples = (found.effects(cells, unit, clusters) ** 2).sum(axis=1) * clusters / (clusters - 1)
    if not over_raters:
        return samples, np.full(len(samples), clusters - 1.0)
    groups = min(GROUPS, int(found.known.sum()))
    group = (np.cumsum(found.known) - 1) % groups
    left = np.full((groups, len(samples)), np.nan)
    # Sums over the groups of what each cluster adds, and of its square: all of it would take much memory.
    first, second = np.zeros((len(samples), clusters)), np.zeros(len(samples))
    for left_out in range(groups):
        kept = np.flatnonzero(group[cells.rater] != left_out)
        kept = kept[_rated_twice(cells.sample[kept])]
        if len(kept):
            part = cells.where(kept)
            measured = measure(part)
            left[left_out] = measured.mean
            effects = measured.effects(part, unit[kept], clusters)
            first += effects
            second += (effects**2).sum(axis=1)
    scale = (groups - 1) / groups
    raters = ((left - left.mean(axis=0)) ** 2).sum(axis=0) * scale
    single = (second - (first**2).sum(axis=1) / groups) * scale
    total = samples + np.maximum(raters - single, 0.0)
    freedom = ratio(total**2, samples**2 / (clusters - 1) + raters**2 / (groups - 1))
    # Where the noise of single answers is all there is over raters, the formula would go below both.
    return total, np.fmax(freedom, min(clusters, groups) - 1.0)


def _proportion(value: float, n: int, variance: float, freedom: float, level: float) -> Part:
    """Student's t on the logit, by the delta method; of a difference (n = 0) Student's t.

    Without any variation, as where everybody always agrees, Korn and Graubard's interval of n answers.
    """
    if n and variance == 0 and value in (0.0, 1.0):
        (low, high), _ = proportion_interval(value, n, 0.0, max(2, int(freedom) + 1), level)
        return Part(value, low, high)
    if not n or not variance > 0 or not 0 < value < 1:
        return _student(value, variance, freedom, level)
    middle = math.log(value / (1 - value))
    half_width = t_half_width(math.sqrt(variance), freedom, level) / (value * (1 - value))
    return Part(value, *((1 + math.tanh((middle + side * half_width) / 2)) / 2 for side in (-1, 1)))


def _correlation(value: float, n: int, variance: float, freedom: float, level: float) -> Part:
    """Student's t on Fisher's z, by the delta method; of a difference (n = 0) Student's t."""
    if not n or not variance > 0 or abs(value) >= 1:
        return _student(value, variance, freedom, level)
    z, half_width = math.atanh(value), t_half_width(math.sqrt(variance), freedom, level) / (1 - value**2)
    return Part(value, math.tanh(z - half_width), math.tanh(z + half_width))


def _student(value: float, variance: float, freedom: float, level: float) -> Part:
    """Student's t. A variance of 0 gives no interval: nothing varied, which does not mean that nothing can."""
    low, high = (
        t_interval(value, math.sqrt(variance), freedom, level) if variance > 0 else (math.nan, math.nan)
    )
    return Part(value, max(-1.0, low), min(1.0, high)) if low <= high else Part(value, math.nan, math.nan)
