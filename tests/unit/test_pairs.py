"""Pairs of pictures: matched in all but the compared column, asked in both orders, scored together."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Sample
from harness.components.metric import Scores
from harness.datasets import DataFolder
from harness.metrics.interval import point
from harness.metrics.pairs import AGREES, Consistency, FirstShare, join_orders
from harness.tasks.catalog import load
from harness.tasks.pairing import Pair, as_samples, make_pairs, select_pairs
from harness.tasks.spec import Pairs, TaskSpec

RULE = Pairs(field="intensity", leave_out=("neutral",))


def spec(**pairs: object) -> TaskSpec:
    found, _ = load("nuance_pairs")
    assert isinstance(found, TaskSpec)
    return found.model_copy(update={"pairs": RULE.model_copy(update=pairs)})


def people(n: int = 6, emotions: tuple[str, ...] = ("happy", "sad", "neutral")) -> list[Sample]:
    """Each person in each emotion at each of five strengths."""
    return [
        Sample(
            f"{p}-{e}-{i}", f"{p}-{e}-{i}.png", e, float(i), attributes={"subject": f"p{p}", "style": "oil"}
        )
        for p in range(n)
        for e in emotions
        for i in range(1, 6)
    ]


def folder(samples: list[Sample]) -> DataFolder:
    return DataFolder(name="faces", root=Path(), samples=samples, digest="d")


def test_both_pictures_differ_only_in_intensity() -> None:
    pairs = list(make_pairs(people(), RULE, "", 0))
    for pair in pairs:
        assert pair.weak.emotion == pair.strong.emotion != "neutral"
        assert pair.weak.attributes["subject"] == pair.strong.attributes["subject"]
        assert pair.strong.intensity - pair.weak.intensity == pair.gap >= 1  # type: ignore[operator]
    # Five intensities give two pairs and one unpaired picture.
    assert len(pairs) == 6 * 2 * 2
    assert max(Counter(s.id for p in pairs for s in (p.weak, p.strong)).values()) == 1


def test_pairs_depend_on_the_seed_and_not_on_the_order_of_samples() -> None:
    def ids(samples: list[Sample], seed: int) -> set[str]:
        return {p.id for p in make_pairs(samples, RULE, "", seed)}

    assert ids(people(), 3) == ids(people()[::-1], 3)
    assert ids(people(), 3) != ids(people(), 4)


def test_additional_rounds_add_new_pairs() -> None:
    pairs = list(make_pairs(people(2), RULE.model_copy(update={"per_sample": 3}), "", 0))
    assert len({p.id for p in pairs}) == len(pairs) > 2 * 2 * 2
    assert max(Counter(s.id for p in pairs for s in (p.weak, p.strong)).values()) <= 3


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=25), st.sampled_from([0.5, 1.0, 2.0, 3.5]), st.integers(0, 3))
def test_matching_is_maximal(values: list[int], gap: float, seed: int) -> None:
    samples = [Sample(f"s{n}", "x.png", "sad", float(v)) for n, v in enumerate(values)]
    pairs = list(make_pairs(samples, RULE.model_copy(update={"smallest_gap": gap}), "", seed))
    assert all(p.strong.intensity - p.weak.intensity >= gap for p in pairs)  # type: ignore[operator]
    used = {s.id for p in pairs for s in (p.weak, p.strong)}
    left = [s.intensity for s in samples if s.id not in used]
    assert len(used) == 2 * len(pairs)
    assert all(abs(a - b) < gap for a, b in combinations(left, 2))  # type: ignore[operator]


@pytest.mark.parametrize(
    "change", [{"intensity": None}, {"intensity": float("nan")}, {"emotion": None}, {"problem": "broken"}]
)
def test_samples_that_cannot_be_compared_are_excluded(change: dict[str, object]) -> None:
    base = {"id": "a", "path": "a.png", "emotion": "sad", "intensity": 1.0}
    samples = [Sample(**(base | change)), Sample("b", "b.png", "sad", 5.0)]  # type: ignore[arg-type]
    assert list(make_pairs(samples, RULE, "", 0)) == []
    assert len(list(make_pairs([Sample(**base), samples[1]], RULE, "", 0))) == 1  # type: ignore[arg-type]


def test_attributes_can_be_compared_and_matched() -> None:
    rule = Pairs(field="arousal", within=("style",), smallest_gap=0.2)
    samples = [Sample("a", "a.png", attributes={"arousal": "0.1", "style": "oil"}),
               Sample("b", "b.png", attributes={"arousal": "0.35", "style": "oil"}),
               Sample("c", "c.png", attributes={"arousal": "much", "style": "oil"}),
               Sample("d", "d.png", attributes={"arousal": "0.9", "style": "ink"})]  # fmt: skip
    [pair] = make_pairs(samples, rule, "", 0)
    assert (pair.weak.id, pair.strong.id, round(pair.gap, 6)) == ("a", "b", 0.25)


def test_a_limit_is_a_stratified_prefix() -> None:
    def ids(limit: int | None, **rule: object) -> list[str]:
        return [p.id for p in select_pairs(folder(people()), spec(**rule), limit, 0)]

    everything = ids(None)
    assert ids(8) == everything[:8] == ids(None, most=8)
    assert ids(100) == everything
    assert {i.split("-")[1] for i in everything[:4]} == {"happy", "sad"}


def test_each_order_is_asked_with_its_own_truth() -> None:
    weak, strong = people(1, ("sad",))[:2]
    pair = Pair(weak, strong, 1.0)
    asked = list(as_samples(pair, spec(), 0))
    assert [s.attributes["stronger"] for s, _ in asked] == ["second", "first"]
    assert [shown for _, shown in asked] == [(weak, strong), (strong, weak)]
    assert {s.attributes["pair"] for s, _ in asked} == {pair.id}
    sample = asked[0][0]
    assert (sample.emotion, sample.intensity, sample.path) == ("sad", None, None)
    assert sample.attributes["subject"] == "p0"
    assert sample.attributes["gap"] == "1"
    assert len({s.id for s, _ in asked}) == 2
    assert all(weak.id in s.id and strong.id in s.id for s, _ in asked)


def test_a_single_order_is_chosen_by_the_seed() -> None:
    pairs = list(make_pairs(people(20), RULE, "", 0))
    one = [next(as_samples(p, spec(both_orders=False), 0))[0].attributes["stronger"] for p in pairs]
    assert 0.3 < one.count("first") / len(one) < 0.7
    assert all(len(list(as_samples(p, spec(both_orders=False), 0))) == 1 for p in pairs)


def scores(read: list[float], cluster: list[int] | None = None) -> Scores:
    n = len(read)
    return Scores(
        "choice",
        np.tile([0.0, 1.0], n // 2 + 1)[:n],
        np.array(read),
        np.array(cluster or range(n), np.int64),
        np.zeros(n, np.int64),
        ("first", "second"),
        ("sad",),
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("read", "expected"),
    [([0, 1], 1.0), ([1, 0], 1.0), ([0, 0], 0.0), ([1, 1], 0.0), ([0, NAN], 0.0), ([NAN, NAN], 0.0)],
)
def test_consistent_means_the_same_picture_in_both_orders(read: list[float], expected: float) -> None:
    assert point(Consistency(), join_orders(scores(read), np.array([0, 0]))) == expected


def test_pairs_without_both_replies_are_excluded() -> None:
    joined = join_orders(scores([0, 1, 0, 0, 0]), np.array([0, 1, 1, 2, 3]))
    assert joined.n == 1
    assert joined.predicted.tolist() == [AGREES]
    assert point(Consistency(), join_orders(scores([0, 1]), np.array([0, 1]))) is None


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, NAN]), st.integers(0, 8)), max_size=40))
def test_consistency_agrees_with_counting(rows: list[tuple[float, int]]) -> None:
    replies: dict[int, list[float]] = {}
    for read, pair in rows:
        replies.setdefault(pair, []).append(read)
    both = [found for found in replies.values() if len(found) == 2]
    right = sum(sorted(found) == [0.0, 1.0] for found in both if not np.isnan(found).any())
    found = point(
        Consistency(), join_orders(scores([r for r, _ in rows]), np.array([p for _, p in rows], np.int64))
    )
    assert found == (right / len(both) if both else None)


def test_the_first_share_ignores_unparsed_replies() -> None:
    assert point(FirstShare(), scores([0, 0, 0, 1, NAN])) == 0.75
    assert point(FirstShare(), scores([NAN])) is None
    assert FirstShare.direction == "none"
