"""Which ranks models may have: tests of all pairs, and what they leave open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist

from harness.comparing.loaded import Entry, LoadedRun
from harness.comparing.shared import SharedRows, same_data_names, shared_rows
from harness.metrics.interval import point
from harness.metrics.paired import RESAMPLES, SAME, compare_metric
from harness.ranking.columns import Candidate, Column, Participant
from harness.ranking.records import BoardPair
from harness.results import MetricValue
from harness.scoring.score_rows import make_metric, scores_for
from harness.stats.comparison import holm

SIGNIFICANT = 0.05
FEWEST, FOR_ALL_PAIRS = 2_000, 100_000
"""Resamples of a pair at least, and of all pairs of a column, beyond which each has fewer than `harness compare` takes."""
_Z = NormalDist().inv_cdf(0.975)
INTERVALS = "from the intervals: the difference by its recovered variances, normal"


def tested_pairs(column: Column, ranked: Sequence[Participant]) -> list[BoardPair]:
    """Each pair of the ranked models, the second minus the first, with Holm's correction over all pairs.

    A pair is tested on the samples that both answered, as `harness compare` does it. Where there are none, or the rows
    do not give the value of the results, its intervals are compared: the variance of the difference follows from the
    sides of the intervals that face each other (Zou and Donner 2008), which ignores that samples may be alike.
    """
    cells = [column.cells[model] for model in ranked]
    rows = [_rows(cell) for cell in cells]
    count = len(cells) * (len(cells) - 1) // 2
    resamples = max(FEWEST, min(RESAMPLES, FOR_ALL_PAIRS // max(1, count)))
    pairs = [
        _paired(cells[i], cells[j], rows[i], rows[j], resamples) or _by_intervals(cells[i], cells[j])
        for i, j in combinations(range(len(cells)), 2)
    ]
    known = [pair for pair in pairs if pair.p is not None]
    for pair, p in zip(known, holm([pair.p for pair in known if pair.p is not None]), strict=True):
        pair.p_adjusted = p
    return pairs


def ranks(column: Column, ranked: Sequence[Participant], pairs: Sequence[BoardPair]) -> list[tuple[int, int]]:
    """The best and the worst rank of each model that the tests leave open.

    A model comes after every model that is significantly better, and before every one that is significantly worse. As
    Holm's correction bounds the chance of a single wrong test of a column at 5%, all ranks of a column hold together
    with 95% confidence (Mogstad, Romano, Shaikh and Wilhelm 2024).
    """
    sign = -1 if column.about.direction == "lower" else 1
    better, worse = [0] * len(ranked), [0] * len(ranked)
    for (i, j), pair in zip(combinations(range(len(ranked)), 2), pairs, strict=True):
        if pair.p_adjusted is None or pair.p_adjusted >= SIGNIFICANT or not pair.value:
            continue
        ahead, behind = (j, i) if sign * pair.value > 0 else (i, j)
        better[behind] += 1
        worse[ahead] += 1
    return [(1 + better[k], len(ranked) - worse[k]) for k in range(len(ranked))]


def _rows(cell: Candidate) -> tuple[LoadedRun, Entry] | None:
    """The rows of a cell, where they give its value: a run may have been scored in another way than it is read now."""
    run, entry, main = cell.run.loaded, cell.run.entry(cell.task), cell.task.primary
    if run is None or entry is None or main is None or main.value is None:
        return None
    metric = make_metric(entry.metric)
    scores = scores_for(entry.rows, metric, entry.spec.cluster)
    value = point(metric, scores.where(metric.entered(scores)))
    return (run, entry) if value is not None and abs(value - main.value) <= SAME else None


def _paired(
    one: Candidate,
    two: Candidate,
    first: tuple[LoadedRun, Entry] | None,
    second: tuple[LoadedRun, Entry] | None,
    resamples: int,
) -> BoardPair | None:
    if first is None or second is None:
        return None
    shared = _shared(first, second)
    if shared is None or not shared.units:
        return None
    metric = make_metric(shared.entries[0].metric)
    scores = [scores_for(rows, metric, shared.entries[0].spec.cluster) for rows in shared.rows]
    seed = one.run.record.seed
    found = compare_metric(metric, scores[0], scores[1], seed=seed, resamples=resamples, beyond=True)
    difference = found.difference
    if difference is None or not math.isfinite(difference.p):
        return None
    return BoardPair(
        first=str(one.run.path),
        second=str(two.run.path),
        value=difference.value,
        low=difference.low,
        high=difference.high,
        p=difference.p,
        p_adjusted=None,
        n=found.n,
        clusters=found.clusters,
        evidence="paired",
        method=difference.method,
    )


def _shared(first: tuple[LoadedRun, Entry], second: tuple[LoadedRun, Entry]) -> SharedRows | None:
    """What both answered, whatever name each gives the data set."""
    a, b = same_data_names([first[0], second[0]])
    key = first[1].key
    mine = {**a.entries, key: first[1]}
    theirs = {**b.entries, second[1].key._replace(data=key.data): second[1]}
    if key not in theirs:
        return None
    runs = [
        LoadedRun(r.path, r.record, r.complete, {key: found[key]}) for r, found in ((a, mine), (b, theirs))
    ]
    return shared_rows(key, runs)[0]


def _by_intervals(one: Candidate, two: Candidate) -> BoardPair:
    a, b = one.task.primary, two.task.primary
    assert a is not None
    assert b is not None
    assert a.value is not None, "values without number are not ranked"
    assert b.value is not None
    value = b.value - a.value
    low, high = (_end(value, a, b, side) for side in (-1, 1))
    facing = high if value < 0 else low
    if facing is None:
        p = None
    elif not value:
        p = 1.0
    else:
        error = abs(value - facing) / _Z
        p = 2 * NormalDist().cdf(-abs(value) / error) if error else 0.0
    return BoardPair(first=str(one.run.path), second=str(two.run.path), value=value, low=low, high=high, p=p, p_adjusted=None,
                     n=0, clusters=0, evidence="intervals", method=INTERVALS)  # fmt: skip


def _end(value: float, a: MetricValue, b: MetricValue, side: int) -> float | None:
    """An end of the interval of `b` minus `a`, from the ends of their own intervals that face it."""
    mine, theirs = (b.high, a.low) if side > 0 else (b.low, a.high)
    if mine is None or theirs is None or a.value is None or b.value is None:
        return None
    return value + side * math.hypot(mine - b.value, theirs - a.value)
