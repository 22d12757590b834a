"""Helper processes: the same pixels as drawn here, in order, and no harm from one that dies."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from memobench_portraits.generator import PortraitGenerator
from memobench_portraits.identity import identity
from memobench_portraits.workshop import Order, Workshop, draw, serve

from harness import ImageRequest, RequestSource

ORDERS = [
    Order(identity(seed), emotion, 3.5, 64) for seed, emotion in ((1, "sad"), (2, "happy"), (3, "worry"))
]


class Source(RequestSource[ImageRequest]):
    """Requests that come one at a time."""

    def __init__(self, requests: list[ImageRequest]) -> None:
        self.left = requests

    def __iter__(self) -> Iterator[ImageRequest]:
        while self.left:
            yield self.left.pop(0)

    def ready(self, max_n: int, timeout: float = 0.0) -> list[ImageRequest]:
        taken, self.left = self.left[: min(max_n, 1)], self.left[min(max_n, 1) :]
        return taken

    @property
    def exhausted(self) -> bool:
        return not self.left


@pytest.mark.parametrize("helpers", [1, 2])
def test_helpers_draw_the_same_pixels(helpers: int) -> None:
    with Workshop(helpers) as workshop:
        assert workshop.width == helpers
        waiting = [workshop.later(workshop.drawn, [order]) for order in ORDERS]
        pictures = [found.result()[0] for found in waiting]
        assert [p.tobytes() for p in workshop.drawn(ORDERS)] == [p.tobytes() for p in pictures]
    assert [p.tobytes() for p in pictures] == [draw(order).tobytes() for order in ORDERS]


def test_a_helper_that_dies_is_replaced() -> None:
    with Workshop(2) as workshop:
        first = [p.tobytes() for p in workshop.drawn(ORDERS)]
        for helper in workshop._helpers:
            if helper._process is not None:
                helper._process.kill()
                helper._process.wait()
        assert [[p.tobytes() for p in workshop.drawn(ORDERS)] for _ in range(3)] == [first] * 3


def test_an_order_that_cannot_be_drawn_says_why() -> None:
    with Workshop(2) as workshop, pytest.raises(ValueError, match="bored"):
        workshop.drawn([Order(identity(1), "bored", 3, 64)])


def test_a_helper_reads_orders_and_writes_pixels() -> None:
    target = io.BytesIO()
    line = json.dumps([asdict(order) for order in ORDERS]).encode() + b"\n"
    serve(io.BytesIO(line), target)
    assert target.getvalue() == b"".join(draw(order).tobytes() for order in ORDERS)


def test_a_stream_gives_what_generate_gives_and_one_failure_harms_no_other() -> None:
    generator = PortraitGenerator(PortraitGenerator.Options(size=64))
    requests = [
        ImageRequest(f"r{i}", "a worried man", seed=i, size=(64, 48) if i == 3 else None) for i in range(9)
    ]
    expected = {r.id: r.image.tobytes() for r in generator.generate(requests) if r.image}
    bad = ImageRequest("bad", "a face", emotion="bored")
    replies = list(generator.stream(Source([*requests[:4], bad, *requests[4:]])))
    assert [r.id for r in replies] == ["r0", "r1", "r2", "r3", "bad", "r4", "r5", "r6", "r7", "r8"]
    assert {r.id: r.image.tobytes() for r in replies if r.image} == expected
    failed = next(r for r in replies if r.id == "bad")
    assert failed.outcome == "error"
    assert failed.error is not None
    assert "bored" in failed.error.message
