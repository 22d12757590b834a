"""Retry policy: exponential backoff with full jitter, and rate limits shared by all requests.

Full jitter: the wait after the n-th failure is uniform between 0 and min(MAX_BACKOFF, first * 2^(n-1)), so that
requests that failed together are not retried together.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from harness.remote.delays import MAX_RETRY_AFTER
from harness.remote.errors import RemoteError

T = TypeVar("T")

INITIAL_BACKOFF = 0.5
MAX_BACKOFF = 30.0
LONG_WAIT = 10.0
"""Seconds of a wait that the user is told of."""
MAX_POLL = 5.0
"""Longest wait between attempts, in seconds, while a service is becoming ready."""


class RetryPolicy:
    """How often, and after which waits, requests to one service are retried."""

    def __init__(
        self,
        max_retries: int,
        *,
        max_wait: float = 0.0,
        first: float = INITIAL_BACKOFF,
        seed: int | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        """`max_wait`: seconds that a service may take to become ready, beyond all retries.

        `first`: longest wait after the first failure, in seconds. `seed` makes the jitter reproducible.
        `told` is told, once each, of a wait that a user would wonder about, as the end of a sentence.
        """
        self.max_retries, self._max_wait, self._first = max_retries, max_wait, first
        self._random = random.Random(seed)
        self._throttled_until = self._next_poll = 0.0
        self._polls = 0
        self._told = told
        self._told_of: set[str] = set()
        self._succeeded = asyncio.Event()

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        """Return the result of `attempt` and the number of attempts. Raises the last `RemoteError` once retries are used up."""
        attempts, polls, began = 0, 0, time.monotonic()
        while True:
            await self._wait_while_throttled()
            attempts += 1
            try:
                result = await attempt()
                self._succeeded.set()
                return result, attempts
            except RemoteError as error:
                if error.settled:
                    raise
                limit = min(error.wait_for, self._max_wait)
                if limit > 0.0:
                    if time.monotonic() - began >= limit:
                        raise _not_ready(error, time.monotonic() - began) from None
                    polls += 1
                    await self._poll(error, limit - (time.monotonic() - began))
                    continue
                if not error.retryable or attempts - polls > self.max_retries:
                    raise _with_attempt_count(error, attempts) from None
                await self._wait(error, attempts - polls)

    async def _wait(self, error: RemoteError, attempts: int) -> None:
        backoff = self._random.uniform(0.0, min(MAX_BACKOFF, self._first * 2.0 ** (attempts - 1)))
        requested = min(max(error.retry_after or 0.0, 0.0), MAX_RETRY_AFTER)
        if requested >= LONG_WAIT:
            self._tell("rate limit", f"asks to wait for {requested:.0f} seconds ({error.message})")
        if error.throttle_all:
            self._throttled_until = max(self._throttled_until, time.monotonic() + (requested or backoff))
        # The service's value is a minimum. The jitter comes on top, or all requests would return at once.
        await asyncio.sleep(requested + backoff)

    async def _poll(self, error: RemoteError, left: float) -> None:
        """Wait for a service that is becoming ready. All waiting requests take turns, and none waits after an answer."""
        self._polls += 1
        if error.wait_for > self._max_wait:
            self._tell(
                "loading", f"is not ready ({error.message}): waiting for up to {self._max_wait:g} seconds"
            )
        interval = min(MAX_POLL, self._first * 1.5 ** min(self._polls - 1, 20))
        now = time.monotonic()
        self._next_poll = max(self._next_poll, now) + max(error.retry_after or 0.0, interval)
        wait = min(self._next_poll - now, max(left, self._first))
        if self._succeeded.is_set():
            await asyncio.sleep(wait)
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._succeeded.wait(), wait)

    def _tell(self, subject: str, what: str) -> None:
        if self._told is not None and subject not in self._told_of:
            self._told_of.add(subject)
            self._told(what)

    async def _wait_while_throttled(self) -> None:
        """Wait until no shared rate limit is active, plus a random delay per request."""
        while (left := self._throttled_until - time.monotonic()) > 0:
            await asyncio.sleep(left + self._random.uniform(0.0, min(1.0, 0.25 * left)))


def _not_ready(error: RemoteError, seconds: float) -> RemoteError:
    return replace(
        error,
        message=f"{error.message} (for {seconds:.0f} seconds)",
        retryable=False,
        fatal="Is the server still loading? -o wait=SECONDS waits longer.",
        unless_answered=True,
    )


def _with_attempt_count(error: RemoteError, attempts: int) -> RemoteError:
    return (
        error
        if attempts == 1 or not error.retryable
        else replace(error, message=f"{error.message} (after {attempts} attempts)")
    )
