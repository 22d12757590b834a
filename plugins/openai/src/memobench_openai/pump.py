"""Many requests in flight at once, from a thread of its own: replies leave as they come, requests enter as slots free.

The caller's thread is the only one that touches the source of requests; the event loop's thread is the only one that
touches the connection. At most `limit` requests are held at a time, answered ones that wait to be taken included.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from harness import RequestSource

R = TypeVar("R")
A = TypeVar("A")

GRACE = 2.0
"""Seconds that requests in flight have to finish when one of them ends the stream: they may have been paid for."""
_POLL = 0.02
"""Seconds between looks at the source while slots are free and nothing is prepared."""


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="memobench-endpoint", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, A]) -> Future[A]:
        """Begin `work` in the loop; its result comes later."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, last: Coroutine[Any, Any, object]) -> None:
        """Cancel what still runs, do the `last` thing, and end the thread."""
        self.start(_finish(last)).result(timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


async def _finish(last: Coroutine[Any, Any, object]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last
    await asyncio.get_running_loop().shutdown_asyncgens()


def pump(
    loop: LoopThread, source: RequestSource[R], work: Callable[[R], Coroutine[Any, Any, A]], limit: int
) -> Iterator[A]:
    """The results of `work` on everything in `source`, in the order in which they are ready.

    If `work` raises, nothing more is begun, those in flight have `GRACE` seconds to finish, and the first error is
    raised. When the iterator is closed, what is in flight is cancelled.
    """
    flying: set[Future[A]] = set()
    landed: queue.SimpleQueue[Future[A]] = queue.SimpleQueue()
    error: BaseException | None = None
    deadline = 0.0
    try:
        while True:
            if error is None:
                for request in _next(source, limit - len(flying), idle=not flying):
                    future = loop.start(work(request))
                    flying.add(future)
                    future.add_done_callback(landed.put)
            if not flying:
                if error is not None:
                    raise error
                if source.exhausted:
                    return
                continue
            more = error is None and len(flying) < limit and not source.exhausted
            done = _take(landed, _POLL if more else 0.25)
            if done is not None:
                flying.discard(done)
                problem = done.exception()
                if problem is None:
                    yield done.result()
                elif error is None:
                    error, deadline = problem, time.monotonic() + GRACE
            if error is not None and time.monotonic() > deadline:
                raise error
    finally:
        for future in flying:
            future.cancel()


def _next(source: RequestSource[R], free: int, *, idle: bool) -> list[R]:
    """What may be begun now. Only where nothing is in flight is there time to wait for the source."""
    return source.ready(free, timeout=0.25 if idle else 0.0) if free > 0 else []


def _take(landed: queue.SimpleQueue[Future[A]], timeout: float) -> Future[A] | None:
    # Never without a timeout: an interrupt from the keyboard must get through on every system.
    try:
        return landed.get(timeout=timeout)
    except queue.Empty:
        return None
