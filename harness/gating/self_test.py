"""How often the gate raises a false alarm on data of its own baseline: A/A comparisons of equals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from harness.arrays import Ints
from harness.comparing.loaded import Entry, LoadedRun
from harness.components.metric import Metric, Scores
from harness.errors import RequestError
from harness.gating.config import GateConfig
from harness.gating.records import SelfTest
from harness.gating.verdicts import decide, make_check
from harness.metrics.paired import compare_metric, right_rows
from harness.scoring.score_rows import make_metric, scores_for

SPLITS, RESAMPLED_SPLITS, RESAMPLES = 1000, 200, 500
"""Splits of a share, and of metrics that are resampled, with so many resamples each."""


def self_test(
    baseline: LoadedRun, config: GateConfig, *, seed: int = 0, splits: int | None = None
) -> list[SelfTest]:
    """Compare a baseline with itself, many times, and count alarms: of each task's primary metric.

    With repeats that differ, each sample's repeats are dealt to two sides at random. Without, clusters are paired at random, and
    samples of the two with the same truth are compared as if they were one sample: two releases that are equally good
    and have nothing else in common. `splits`: how often, by default 1,000 (200 where a metric is resampled). Raises
    `RequestError` where no task has enough clusters.
    """
    found = []
    for entry in baseline.entries.values():
        if config.only and entry.spec.name not in config.only:
            continue
        tested = _test(entry, baseline.record.repeats, config, seed, splits)
        found += [] if tested is None else [tested]
    if not found:
        raise RequestError(
            "The baseline is too small to test the gate on.",
            "It takes four clusters (people or prompts) or more.",
        )
    return found


def _test(entry: Entry, repeats: int, config: GateConfig, seed: int, splits: int | None) -> SelfTest | None:
    metric = make_metric(entry.metric)
    scores = scores_for(entry.rows, metric, entry.spec.cluster)
    if not scores.n or metric.interval == "own" or not metric.resampled:
        return None
    share = right_rows(metric, scores) is not None
    times = splits or (SPLITS if share else RESAMPLED_SPLITS)
    rng = np.random.default_rng((seed % 2**64, scores.n))
    by_repeat = repeats > 1 and _repeats_differ(scores)
    if not by_repeat and scores.clusters < 4:
        return None
    alarms = rejections = done = 0
    for number in range(times):
        sides = _by_repeats(scores, rng) if by_repeat else _by_clusters(scores, rng)
        if sides is None:
            continue
        check = _checked(metric, *sides, config, entry.spec.name, number)
        done += 1
        alarms += check[0]
        rejections += check[1]
    if not done:
        return None
    how = "repeats of each sample" if by_repeat else "samples of two clusters with the same truth"
    return SelfTest(
        task=entry.spec.name,
        data=entry.key.data,
        judge=entry.key.judge or None,
        prompt_variant=entry.key.variant or None,
        metric=entry.metric.name,
        splits=done,
        alarms=alarms / done,
        rejections=rejections / done,
        how=how,
    )


def _checked(
    metric: Metric, one: Scores, two: Scores, config: GateConfig, task: str, seed: int
) -> tuple[bool, bool]:
    """Whether the gate raises an alarm, and whether its test rejects."""
    pair = compare_metric(metric, one, two, seed=seed, level=1 - config.alpha, resamples=RESAMPLES)
    check = make_check(
        {"task": task, "data": "", "metric": "", "kind": "metric"},
        metric.direction,
        (pair.first, pair.second),
        pair.difference,
        config.margin_of(task),
        (pair.n, pair.clusters),
    )
    decide([check], config.alpha)
    return check.verdict == "regression", check.p is not None and check.p <= config.alpha


def _repeats_differ(scores: Scores) -> bool:
    """Whether any sample has different answers: repeats of a deterministic model test nothing."""
    if scores.sample is None:
        return False
    order = np.lexsort((scores.predicted, scores.truth, scores.sample))
    same = (np.diff(scores.sample[order]) == 0) & (np.diff(scores.truth[order]) == 0)
    answers = np.nan_to_num(scores.predicted[order], nan=-np.inf)
    return bool((same & (answers[1:] != answers[:-1])).any())


def _by_repeats(scores: Scores, rng: np.random.Generator) -> tuple[Scores, Scores] | None:
    """Two repeats of each sample, in random order; of a pair, of each order of its pictures, which have different truths."""
    assert scores.sample is not None
    order = np.lexsort((rng.random(scores.n), scores.truth, scores.sample))
    sample, truth = scores.sample[order], scores.truth[order]
    start = np.flatnonzero(np.r_[True, (sample[1:] != sample[:-1]) | (truth[1:] != truth[:-1])])
    size = np.diff(np.r_[start, scores.n])
    start = start[size > 1]
    if not len(start):
        return None
    first, second = order[start], order[start + 1]
    return _sides(scores, first, second, scores.cluster[first])


def _by_clusters(scores: Scores, rng: np.random.Generator) -> tuple[Scores, Scores] | None:
    """Clusters in random pairs: their rows with the same truth, as two answers about one sample."""
    order = rng.permutation(np.unique(scores.cluster))
    rows: dict[int, dict[float, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (cluster, truth) in enumerate(zip(scores.cluster.tolist(), scores.truth.tolist(), strict=True)):
        rows[cluster][truth].append(row)
    first: list[int] = []
    second: list[int] = []
    unit: list[int] = []
    for number, (a, b) in enumerate(zip(order[::2].tolist(), order[1::2].tolist(), strict=False)):
        for truth, mine in rows[a].items():
            theirs = rows[b].get(truth, [])
            both = min(len(mine), len(theirs))
            first += mine[:both]
            second += theirs[:both]
            unit += [number] * both
    if len(set(unit)) < 2:
        return None
    return _sides(scores, np.array(first), np.array(second), np.array(unit))


def _sides(scores: Scores, first: Ints, second: Ints, cluster: Ints) -> tuple[Scores, Scores]:
    codes = np.unique(cluster, return_inverse=True)[1].reshape(-1).astype(np.int64)
    one, two = (replace(scores.take(rows, codes), sample=None) for rows in (first, second))
    return one, two
