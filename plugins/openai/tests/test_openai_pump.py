from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from memobench_openai.pump import GRACE, LoopThread, pump

from harness import RequestSource


class Numbers(RequestSource[int]):
    """Numbers that are prepared `ahead` at a time, every so often; all calls must come from one thread."""

    def __init__(self, n: int, *, ahead: int = 1000, every: float = 0.0) -> None:
        self.left = list(range(n))
        self._ahead, self._every, self._next = ahead, every, 0.0
        self._thread = threading.get_ident()
        self.handed = 0

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("an engine with slots takes what is ready")

    def ready(self, max_n: int, timeout: float = 0.0) -> list[int]:
        assert threading.get_ident() == self._thread
        if time.monotonic() < self._next:
            if time.monotonic() + timeout < self._next:
                time.sleep(timeout)
                return []
            time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._every
        n = min(max_n, self._ahead)
        taken, self.left = self.left[:n], self.left[n:]
        self.handed += len(taken)
        return taken

    @property
    def exhausted(self) -> bool:
        return not self.left


async def nothing() -> None:
    """There is no connection to close."""


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    made = LoopThread()
    yield made
    made.close(nothing())


def test_replies_leave_as_they_come(loop: LoopThread) -> None:
    async def work(n: int) -> int:
        await asyncio.sleep(0.4 if n == 0 else 0.01)
        return n

    assert list(pump(loop, Numbers(6), work, 3)) == [1, 2, 3, 4, 5, 0]


def test_slots_are_bounded_and_kept_full(loop: LoopThread) -> None:
    flying = most = 0

    async def work(n: int) -> int:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.005)
        flying -= 1
        return n

    source, behind = Numbers(600), 0
    for taken, _ in enumerate(pump(loop, source, work, 8), 1):
        behind = max(behind, source.handed - taken)
    assert most == 8
    assert behind <= 8


def test_slow_replies_do_not_keep_requests_from_entering(loop: LoopThread) -> None:
    all_there = asyncio.Event()
    begun = 0

    async def work(n: int) -> int:
        nonlocal begun
        begun += 1
        if begun == 5:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), 30)
        return n

    assert sorted(pump(loop, Numbers(5, ahead=1, every=0.05), work, 8)) == [0, 1, 2, 3, 4]


def test_an_error_ends_the_stream_and_keeps_what_is_nearly_done(loop: LoopThread) -> None:
    async def work(n: int) -> int:
        if n == 3:
            raise RuntimeError("no use")
        await asyncio.sleep(0.2)
        return n

    got: list[int] = []
    source = Numbers(100)
    with pytest.raises(RuntimeError, match="no use"):
        got.extend(pump(loop, source, work, 8))
    assert sorted(got) == [0, 1, 2, 4, 5, 6, 7]
    assert source.handed == 8


def test_an_error_does_not_wait_for_long(loop: LoopThread) -> None:
    async def work(n: int) -> int:
        if n == 0:
            raise RuntimeError("no use")
        await asyncio.sleep(60)
        return n

    start = time.monotonic()
    with pytest.raises(RuntimeError, match="no use"):
        list(pump(loop, Numbers(4), work, 4))
    assert GRACE <= time.monotonic() - start < 30


def test_leaving_early_cancels_what_is_in_flight(loop: LoopThread) -> None:
    cancelled = []

    async def work(n: int) -> int:
        try:
            await asyncio.sleep(0.0 if n == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    stream = pump(loop, Numbers(4), work, 4)
    assert next(stream) == 0
    stream.close()
    deadline = time.monotonic() + 30
    while len(cancelled) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(cancelled) == [1, 2, 3]


def test_closing_cancels_and_ends_the_thread() -> None:
    made = LoopThread()
    future = made.start(asyncio.sleep(60))
    time.sleep(0.05)
    made.close(nothing())
    assert future.cancelled()
    assert not any(t.name == "memobench-endpoint" and t.is_alive() for t in threading.enumerate())
