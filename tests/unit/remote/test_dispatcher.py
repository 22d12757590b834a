from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from harness import RequestSource
from harness.remote.dispatcher import GRACE_SECONDS, EventLoopThread, dispatch


class Numbers(RequestSource[int]):
    """Numbers that become ready `ahead` at a time, every `every` seconds. All calls must come from one thread."""

    def __init__(self, n: int, *, ahead: int = 1000, every: float = 0.0) -> None:
        self.left = list(range(n))
        self._ahead, self._every, self._next = ahead, every, 0.0
        self._thread = threading.get_ident()
        self.handed = 0

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("the dispatcher must call ready()")

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
    """A `last` coroutine without a connection to close."""


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    made = EventLoopThread()
    yield made
    made.close(nothing)


def test_replies_are_yielded_as_they_complete(loop: EventLoopThread) -> None:
    async def work(n: int) -> int:
        await asyncio.sleep(0.4 if n == 0 else 0.01)
        return n

    assert list(dispatch(loop, Numbers(6), work, 3)) == [1, 2, 3, 4, 5, 0]


def test_requests_in_flight_are_bounded_and_kept_at_the_limit(loop: EventLoopThread) -> None:
    in_flight = most = 0

    async def work(n: int) -> int:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.005)
        in_flight -= 1
        return n

    source, behind = Numbers(600), 0
    for taken, _ in enumerate(dispatch(loop, source, work, 8), 1):
        behind = max(behind, source.handed - taken)
    assert most == 8
    assert behind <= 8


def test_slow_replies_do_not_block_new_requests(loop: EventLoopThread) -> None:
    all_there = asyncio.Event()
    begun = 0

    async def work(n: int) -> int:
        nonlocal begun
        begun += 1
        if begun == 5:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), 30)
        return n

    assert sorted(dispatch(loop, Numbers(5, ahead=1, every=0.05), work, 8)) == [0, 1, 2, 3, 4]


def test_an_error_stops_the_stream_but_keeps_requests_in_flight(loop: EventLoopThread) -> None:
    async def work(n: int) -> int:
        if n == 3:
            raise RuntimeError("fatal")
        await asyncio.sleep(0.2)
        return n

    got: list[int] = []
    source = Numbers(100)
    with pytest.raises(RuntimeError, match="fatal"):
        got.extend(dispatch(loop, source, work, 8))
    assert sorted(got) == [0, 1, 2, 4, 5, 6, 7]
    assert source.handed == 8


@pytest.mark.slow
def test_the_wait_after_an_error_is_bounded(loop: EventLoopThread) -> None:
    async def work(n: int) -> int:
        if n == 0:
            raise RuntimeError("fatal")
        await asyncio.sleep(60)
        return n

    start = time.monotonic()
    with pytest.raises(RuntimeError, match="fatal"):
        list(dispatch(loop, Numbers(4), work, 4))
    assert GRACE_SECONDS <= time.monotonic() - start < 30


def test_closing_the_stream_cancels_requests_in_flight(loop: EventLoopThread) -> None:
    cancelled = []

    async def work(n: int) -> int:
        try:
            await asyncio.sleep(0.0 if n == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    stream = dispatch(loop, Numbers(4), work, 4)
    assert next(stream) == 0
    stream.close()
    deadline = time.monotonic() + 30
    while len(cancelled) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(cancelled) == [1, 2, 3]


def test_closing_the_loop_cancels_tasks_and_stops_the_thread() -> None:
    made = EventLoopThread()
    future = made.start(asyncio.sleep(60))
    time.sleep(0.05)
    made.close(nothing)
    assert future.cancelled()
    assert not any(t.name == "memobench-remote" and t.is_alive() for t in threading.enumerate())
