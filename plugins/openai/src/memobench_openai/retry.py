"""Retry policy: exponential backoff with full jitter, and rate limits shared by all requests.

Full jitter: the wait after the n-th failure is uniform between 0 and min(MAX_BACKOFF, first * 2^(n-1)), so that
requests that failed together are not retried together.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from memobench_openai.errors import ApiError

T = TypeVar("T")

INITIAL_BACKOFF = 0.5
MAX_BACKOFF = 30.0
MAX_RETRY_AFTER = 120.0
"""Upper bound on a server's Retry-After, in seconds: a wrong value must not stop a run for days."""


def parse_retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait according to `retry-after-ms` or `Retry-After` (seconds or an HTTP date), 0 to `MAX_RETRY_AFTER`.

    `headers` must ignore case in their keys. `now` is a Unix time. None if both are missing or invalid.
    """
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = (headers.get(header) or "").strip()
        try:
            seconds = float(text) * unit
        except ValueError:
            try:
                then = email.utils.parsedate_to_datetime(text).timestamp()
            except (TypeError, ValueError, IndexError, OverflowError):
                continue
            seconds = then - (time.time() if now is None else now)
        if seconds == seconds:  # not NaN
            return min(max(seconds, 0.0), MAX_RETRY_AFTER)
    return None


class RetryPolicy:
    """How often, and after which waits, requests to one endpoint are retried."""

    def __init__(self, max_retries: int, *, first: float = INITIAL_BACKOFF, seed: int | None = None) -> None:
        """`first`: longest wait after the first failure, in seconds. `seed` makes the jitter reproducible."""
        self.max_retries, self._first = max_retries, first
        self._random = random.Random(seed)
        self._throttled_until = 0.0

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        """Return the result of `attempt` and the number of attempts. Raises the last `ApiError` once retries are used up."""
        attempts = 0
        while True:
            await self._wait_while_throttled()
            attempts += 1
            try:
                return await attempt(), attempts
            except ApiError as error:
                if not error.retryable or attempts > self.max_retries:
                    raise _with_attempt_count(error, attempts) from None
                await self._wait(error, attempts)

    async def _wait(self, error: ApiError, attempts: int) -> None:
        backoff = self._random.uniform(0.0, min(MAX_BACKOFF, self._first * 2.0 ** (attempts - 1)))
        requested = error.retry_after or 0.0
        if error.throttle_all:
            self._throttled_until = max(self._throttled_until, time.monotonic() + (requested or backoff))
        # The server's value is a minimum. The jitter comes on top, or all requests would return at once.
        await asyncio.sleep(requested + backoff)

    async def _wait_while_throttled(self) -> None:
        """Wait until no shared rate limit is active, plus a random delay per request."""
        while (left := self._throttled_until - time.monotonic()) > 0:
            await asyncio.sleep(left + self._random.uniform(0.0, min(1.0, 0.25 * left)))


def _with_attempt_count(error: ApiError, attempts: int) -> ApiError:
    return error if attempts == 1 else replace(error, message=f"{error.message} (after {attempts} attempts)")
