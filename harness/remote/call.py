"""One request with its attempts: timed, limited, classified, retried and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from harness.errors import HarnessError
from harness.remote.dispatcher import CANCEL_SECONDS
from harness.remote.errors import RemoteError
from harness.remote.retry import RetryPolicy
from harness.remote.startup import Startup

T = TypeVar("T")
Make = Callable[[], Awaitable[T]]


class Escaped(Exception):
    """What is no `Exception`, such as `sys.exit()` in a client's code: it must not end the event loop."""

    def __init__(self, origin: BaseException) -> None:
        super().__init__(f"{type(origin).__name__}: {origin}")
        self.origin = origin


class Call:
    """Answers one request, in one attempt or several, each of one call or several with retries of their own."""

    def __init__(
        self,
        startup: Startup,
        policy: RetryPolicy,
        timeout: float,
        classify: Callable[[BaseException], RemoteError],
    ) -> None:
        """`classify` makes a `RemoteError` that is safe to show of anything that is raised."""
        self._startup, self._policy, self._timeout, self._classify = startup, policy, timeout, classify
        self._retries, self._started = 0, time.monotonic()
        self._split = False

    async def answer(self, make: Make[T]) -> T:
        """The result of `make`, which may call `attempt`; it is then not limited in time itself.

        Raises the last `RemoteError` once the retries are used up.
        """
        return await self._retried(make, self._policy, self._timeout, whole=True)

    async def attempt(
        self, make: Make[T], policy: RetryPolicy | None = None, timeout: float | None = None
    ) -> T:
        """The result of one call of several, with retries of its own. What it raises is not retried again."""
        self._split = True
        try:
            limit = self._timeout if timeout is None else timeout
            return await self._retried(make, policy or self._policy, limit, whole=False)
        except RemoteError as error:
            error.settled = True
            raise

    async def _retried(self, make: Make[T], policy: RetryPolicy, timeout: float, *, whole: bool) -> T:
        async def judged() -> T:
            try:
                return await self._limited(make, timeout, whole=whole)
            except HarnessError:
                raise
            except Exception as e:
                error = self._classify(e)
                if not error.settled:
                    error = self._startup.judge_attempt(self, error)
                # Not from the client's error, whose text may hold a key.
                raise error from None

        result, attempts = await policy.call(judged)
        self._retries += attempts - 1
        return result

    async def _limited(self, make: Make[T], timeout: float, *, whole: bool) -> T:
        """The result of `make` within the time limit. A task of its own: what it does to itself is not done to us."""
        task = asyncio.ensure_future(contained(make))
        try:
            done, _ = await asyncio.wait({task}, timeout=timeout)
            if not done and whole and self._split:
                done, _ = await asyncio.wait({task})
            if not done:
                raise RemoteError("timeout", f"no reply within {timeout:g} seconds", retryable=True)
            if task.cancelled():
                raise RemoteError("cancelled", "the client cancelled the request", retryable=True)
            error = task.exception()
            if error is not None and not isinstance(error, Exception):
                raise Escaped(error)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=CANCEL_SECONDS)

    def timings(self) -> dict[str, float]:
        """Seconds since the call began, waits included, and the number of retries."""
        return {"seconds": round(time.monotonic() - self._started, 4), "retries": float(self._retries)}


async def contained(make: Make[T]) -> T:
    """The result of `make`. Raises `Escaped` for what would end the event loop."""
    try:
        return await make()
    except (SystemExit, KeyboardInterrupt) as e:
        raise Escaped(e) from None


CURRENT: ContextVar[Call] = ContextVar("memobench_remote_call")
"""The call that the running code belongs to."""
