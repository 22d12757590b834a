"""Keeps many requests in flight from a separate thread, yielding replies as they complete.

The caller's thread is the only one that touches the source of requests; the event loop's thread is the only one that
touches the connection. At most `limit` requests are held at a time, including answered ones that wait to be consumed.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from harness.components.sources import RequestSource

R = TypeVar("R")
A = TypeVar("A")

GRACE_SECONDS = 2.0
"""Seconds that requests in flight have to finish after a fatal error: they may already be billed."""
CANCEL_SECONDS = 5.0
"""Seconds that what is cancelled may take to end."""
CLOSE_SECONDS = 20.0
"""Seconds that closing may take in all: after it, a client that does not close is left behind."""
_POLL = 0.02
"""Seconds between polls of the source while slots are free and no request is ready."""


class EventLoopThread:
    """An event loop in its own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="memobench-remote", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, A]) -> Future[A]:
        """Schedule `work` in the loop and return its future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def result(self, work: Coroutine[Any, Any, A], seconds: float | None = None) -> A:
        """Run `work` in the loop and return its result. Raises `TimeoutError` after so many `seconds`."""
        future, began = self.start(work), time.monotonic()
        try:
            while True:
                # Always with a timeout: otherwise Ctrl-C is not delivered on every platform.
                done, _ = wait([future], timeout=0.25)
                if done:
                    return future.result()
                if seconds is not None and time.monotonic() - began >= seconds:
                    raise TimeoutError(f"it did not end within {seconds:g} seconds")
        finally:
            future.cancel()

    def close(self, last: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Cancel running tasks, await `last`, and stop the thread. Raises what `last` raises."""
        try:
            self.result(_finish(last), CLOSE_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=CANCEL_SECONDS)
            if not self._thread.is_alive():  # else something blocks it, and it ends with the process
                self._loop.close()


async def _finish(last: Callable[[], Coroutine[Any, Any, object]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=CANCEL_SECONDS)
    try:
        await last()
    finally:
        await asyncio.get_running_loop().shutdown_asyncgens()


def dispatch(
    loop: EventLoopThread, source: RequestSource[R], work: Callable[[R], Coroutine[Any, Any, A]], limit: int
) -> Iterator[A]:
    """Yield the results of `work` on every request in `source`, in order of completion.

    If `work` raises, no further request is started, those in flight have `GRACE_SECONDS` to finish, and the first
    error is raised. Closing the iterator cancels the requests in flight.
    """
    in_flight: set[Future[A]] = set()
    completed: queue.SimpleQueue[Future[A]] = queue.SimpleQueue()
    error: BaseException | None = None
    deadline = 0.0
    try:
        while True:
            if error is None:
                for request in _ready_requests(source, limit - len(in_flight), idle=not in_flight):
                    future = loop.start(work(request))
                    in_flight.add(future)
                    future.add_done_callback(completed.put)
            if not in_flight:
                if error is not None:
                    raise error
                if source.exhausted:
                    return
                continue
            more = error is None and len(in_flight) < limit and not source.exhausted
            done = _next_completed(completed, _POLL if more else 0.25)
            if done is not None:
                in_flight.discard(done)
                failure = done.exception()
                if failure is None:
                    yield done.result()
                elif error is None:
                    error, deadline = failure, time.monotonic() + GRACE_SECONDS
            if error is not None and time.monotonic() > deadline:
                raise error
    finally:
        for future in in_flight:
            future.cancel()


def _ready_requests(source: RequestSource[R], free: int, *, idle: bool) -> list[R]:
    """The requests to start now. Waits for the source only if nothing is in flight."""
    return source.ready(free, timeout=0.25 if idle else 0.0) if free > 0 else []


def _next_completed(completed: queue.SimpleQueue[Future[A]], timeout: float) -> Future[A] | None:
    # Always with a timeout: otherwise Ctrl-C is not delivered on every platform.
    try:
        return completed.get(timeout=timeout)
    except queue.Empty:
        return None
