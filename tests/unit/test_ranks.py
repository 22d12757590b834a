"""Ranks that tests of pairs leave open, and differences from intervals alone."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from harness.ranking.columns import Column, Participant, tables_of
from harness.ranking.ranks import _end, ranks
from harness.ranking.records import BoardColumn, BoardPair
from harness.results import MetricValue
from harness.stats.paired import paired_difference


def column(**fields: Any) -> Column:
    about = {"task": "t", "version": "1", "stage": "coarse", "role": "judge", "data": "d", "digest": "x", "answer_mode": "text",
             "seed": 0, "asked": "a", "metric": "accuracy", "direction": "higher"}  # fmt: skip
    return Column(BoardColumn(**{**about, **fields}))


def models(count: int) -> list[Participant]:
    return [Participant("m", str(k), "{}") for k in range(count)]


def pair(value: float, p: float | None) -> BoardPair:
    return BoardPair(first="", second="", value=value, low=None, high=None, p=p, p_adjusted=p, n=1, clusters=1, evidence="paired", method="")  # fmt: skip


def test_a_significant_difference_moves_both_ends() -> None:
    # In the order of combinations: 0-1, 0-2, 1-2; the second minus the first.
    found = ranks(column(), models(3), [pair(-0.01, 0.6), pair(-0.3, 0.001), pair(-0.29, 0.002)])
    assert found == [(1, 2), (1, 2), (3, 3)]
    lower = ranks(
        column(direction="lower"), models(3), [pair(-0.01, 0.6), pair(-0.3, 0.001), pair(-0.29, 0.002)]
    )
    assert lower == [(2, 3), (2, 3), (1, 1)]


def test_without_any_test_every_rank_is_open() -> None:
    assert ranks(column(), models(4), [pair(0.1, None)] * 6) == [(1, 4)] * 4
    assert ranks(column(), models(1), []) == [(1, 1)]
    assert ranks(column(), [], []) == []


@pytest.mark.parametrize("seed", range(5))
def test_ranges_hold_the_order_of_the_values_wherever_it_is_significant(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=7)
    tests = [
        pair(values[j] - values[i], 0.01 if abs(values[j] - values[i]) > 0.8 else 0.3)
        for i, j in combinations(range(7), 2)
    ]
    order = (-values).argsort().argsort() + 1
    for place, (best, worst) in zip(order, ranks(column(), models(7), tests), strict=True):
        assert best <= place <= worst


def metric(value: float, low: float | None, high: float | None) -> MetricValue:
    return MetricValue(name="accuracy", value=value, low=low, high=high, n=10, method="", direction="higher", primary=True, group={})  # fmt: skip


def test_the_interval_of_a_difference_is_recovered_from_both() -> None:
    # Symmetric intervals: half-widths add in squares, as for normal estimates.
    a, b = metric(0.5, 0.47, 0.53), metric(0.6, 0.56, 0.64)
    assert _end(0.1, a, b, 1) == pytest.approx(0.15)
    assert _end(0.1, a, b, -1) == pytest.approx(0.05)
    assert _end(0.1, metric(0.5, None, None), b, 1) is None


def test_tables_are_joined_by_models_and_split_by_data_and_judge() -> None:
    one, two, three = models(3)
    first, second, other = column(asked="a"), column(asked="b", task="u"), column(asked="c", digest="y")
    alone = column(asked="d", answer_mode="choice")
    first.cells = {one: None, two: None}  # type: ignore[dict-item]
    second.cells, other.cells, alone.cells = {two: None}, {two: None}, {three: None}  # type: ignore[dict-item]
    found = [[c.about.asked for c in table] for table in tables_of([first, other, second, alone])]
    assert sorted(found) == [["a", "b"], ["c"], ["d"]]


def _means(differences: np.ndarray) -> tuple[Any, Any]:
    return (lambda weights: weights @ np.zeros(len(differences)) / weights.sum(axis=1)), (
        lambda weights: weights @ differences / weights.sum(axis=1)
    )


def test_a_p_below_what_resamples_can_tell_is_that_of_students_t() -> None:
    clear = 1 + 0.1 * np.random.default_rng(0).normal(size=24)
    ones = np.ones(24, np.int64)
    found = {
        beyond: paired_difference(*_means(clear), ones, seed=0, resamples=2_000, beyond=beyond) for beyond in (False, True)
    }  # fmt: skip
    assert found[True].p < 1e-6 < 1e-4 < found[False].p
    assert (found[True].low, found[True].high, found[True].p_above) == (
        found[False].low,
        found[False].high,
        found[True].p / 2,
    )


def test_few_differing_clusters_are_never_taken_for_certain() -> None:
    """Signs of five clusters are alike by chance in 1 of 16 cases, however far their mean is from 0."""
    some = np.zeros(24)
    some[:5] = 1 + 0.01 * np.arange(5)
    ones = np.ones(24, np.int64)
    plain, beyond = (
        paired_difference(*_means(some), ones, seed=0, resamples=2_000, beyond=flag) for flag in (False, True)
    )
    assert beyond.p == plain.p > 0.02
