from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memobench_transformers.batching import WINDOW_BATCHES, Item, batches

from harness import JudgeRequest, Question


def item(name: object, kind: str = "a", size: int = 0) -> Item:
    return Item(JudgeRequest(str(name), "s", (), (), Question("choice", ("x", "y"))), "", kind, (size,))


def names(batch: list[Item]) -> list[str]:
    return [entry.request.id for entry in batch]


def test_items_of_similar_size_share_a_batch() -> None:
    items = [item(n, size=size) for n, size in enumerate((5, 100, 6, 101, 7, 102))]
    assert [names(batch) for batch in batches(items, 3)] == [["0", "2", "4"], ["1", "3", "5"]]


def test_kinds_do_not_share_a_batch() -> None:
    items = [item(n, "ab"[n % 2]) for n in range(8)]
    assert [names(batch) for batch in batches(items, 3)] == [["0", "2", "4"], ["1", "3", "5"], ["6"], ["7"]]


def test_a_batch_is_full_even_if_the_oldest_item_is_the_largest() -> None:
    items = [item(n, size=size) for n, size in enumerate((9, 1, 2, 3, 4))]
    assert names(next(batches(items, 3))) == ["3", "4", "0"]


def test_no_item_waits_forever() -> None:
    """The next batch contains the oldest item, however many others fit each other better."""
    items = [item("old", "rare"), *(item(n) for n in range(100))]
    assert names(next(batches(items, 4))) == ["old"]


def test_only_one_window_is_read_ahead() -> None:
    taken: list[int] = []

    def source() -> Iterator[Item]:
        for n in range(100):
            taken.append(n)
            yield item(n)

    made = batches(source(), 4)
    next(made)
    assert len(taken) == WINDOW_BATCHES * 4
    next(made)
    assert len(taken) == WINDOW_BATCHES * 4 + 4


def test_no_items() -> None:
    assert list(batches([], 4)) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=60), st.integers(1, 7))
def test_each_item_is_in_one_batch(made: list[tuple[str, int]], limit: int) -> None:
    items = [item(n, kind, size) for n, (kind, size) in enumerate(made)]
    seen: list[str] = []
    for batch in batches(items, limit):
        assert 1 <= len(batch) <= limit
        assert len({entry.kind for entry in batch}) == 1
        oldest = next(str(n) for n in range(len(items)) if str(n) not in seen)
        assert oldest in names(batch)
        seen += names(batch)
    assert sorted(seen, key=int) == [str(n) for n in range(len(items))]


@pytest.mark.parametrize("limit", [1, 3, 16])
def test_batches_depend_only_on_the_items(limit: int) -> None:
    items = [item(n, "ab"[n % 3 == 0], (n * 37) % 11) for n in range(50)]
    assert [names(b) for b in batches(items, limit)] == [names(b) for b in batches(iter(items), limit)]
