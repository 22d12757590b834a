"""Retry policy: exponential backoff with full jitter, and rate limits shared by all requests.

Full jitter: the wait after the n-th failure is uniform between 0 and min(MAX_BACKOFF, first * 2^(n-1)), so that
requests that failed together are not retried together.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import random
import re
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
MAX_POLL = 5.0
"""Longest wait between attempts, in seconds, while a server is becoming ready."""
_DELAY_FIELDS = ("retryDelay", "retry_delay", "retry_after", "retry-after", "retryAfter")
_DELAY = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|sec|seconds?|m|min|minutes?)?")
_DELAY_TEXT = re.compile(
    rf"(?:retry|try again) (?:in|after) {_DELAY.pattern}(?:\s*{_DELAY.pattern})?(?![a-z])", re.I
)


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


def body_delay(body: object, message: str) -> float | None:
    """Seconds to wait according to the body of an error response; None if it does not say.

    Google sends `retryDelay` ("34s", or an object with seconds and nanos) in a list of details, others a field
    `retry_after`, or only a sentence in the `message`: "Please try again in 1m2.5s".
    """
    seconds = _delay_field(body, 0)
    if seconds is None and (found := _DELAY_TEXT.search(message)):
        seconds = _seconds(found[1], found[2]) + (_seconds(found[3], found[4]) if found[3] else 0.0)
    if seconds is None or seconds != seconds:  # NaN is no time
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _delay_field(value: object, depth: int) -> float | None:
    if depth > 6 or not isinstance(value, (dict, list)):
        return None
    if isinstance(value, dict):
        for name in _DELAY_FIELDS:
            if (seconds := _delay_value(value.get(name))) is not None:
                return seconds
    inner = value.values() if isinstance(value, dict) else value
    return next((s for v in inner if (s := _delay_field(v, depth + 1)) is not None), None)


def _delay_value(value: object) -> float | None:
    if isinstance(value, dict):
        parts = [value.get(name) or 0 for name in ("seconds", "nanos")]
        if value and all(isinstance(p, (int, float, str)) for p in parts):
            try:
                return float(parts[0]) + float(parts[1]) / 1e9
            except ValueError:
                return None
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if value == value else None
    found = _DELAY.fullmatch(value.strip()) if isinstance(value, str) else None
    return _seconds(found[1], found[2]) if found else None


def _seconds(number: str, unit: str | None) -> float:
    unit = (unit or "s").lower()
    return float(number) * (
        0.001 if unit.startswith(("ms", "milli")) else 60.0 if unit.startswith("m") else 1.0
    )


class RetryPolicy:
    """How often, and after which waits, requests to one endpoint are retried."""

    def __init__(
        self,
        max_retries: int,
        *,
        max_wait: float = 0.0,
        first: float = INITIAL_BACKOFF,
        seed: int | None = None,
    ) -> None:
        """`max_wait`: seconds that a server may take to become ready, beyond all retries.

        `first`: longest wait after the first failure, in seconds. `seed` makes the jitter reproducible.
        """
        self.max_retries, self._max_wait, self._first = max_retries, max_wait, first
        self._random = random.Random(seed)
        self._throttled_until = self._next_poll = 0.0
        self._polls = 0
        self._succeeded = asyncio.Event()

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        """Return the result of `attempt` and the number of attempts. Raises the last `ApiError` once retries are used up."""
        attempts, polls, began = 0, 0, time.monotonic()
        while True:
            await self._wait_while_throttled()
            attempts += 1
            try:
                result = await attempt()
                self._succeeded.set()
                return result, attempts
            except ApiError as error:
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

    async def _wait(self, error: ApiError, attempts: int) -> None:
        backoff = self._random.uniform(0.0, min(MAX_BACKOFF, self._first * 2.0 ** (attempts - 1)))
        requested = error.retry_after or 0.0
        if error.throttle_all:
            self._throttled_until = max(self._throttled_until, time.monotonic() + (requested or backoff))
        # The server's value is a minimum. The jitter comes on top, or all requests would return at once.
        await asyncio.sleep(requested + backoff)

    async def _poll(self, error: ApiError, left: float) -> None:
        """Wait for a server that is becoming ready. All waiting requests take turns, and none waits after an answer."""
        self._polls += 1
        interval = min(MAX_POLL, self._first * 1.5 ** min(self._polls - 1, 20))
        now = time.monotonic()
        self._next_poll = max(self._next_poll, now) + max(error.retry_after or 0.0, interval)
        wait = min(self._next_poll - now, max(left, self._first))
        if self._succeeded.is_set():
            await asyncio.sleep(wait)
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._succeeded.wait(), wait)

    async def _wait_while_throttled(self) -> None:
        """Wait until no shared rate limit is active, plus a random delay per request."""
        while (left := self._throttled_until - time.monotonic()) > 0:
            await asyncio.sleep(left + self._random.uniform(0.0, min(1.0, 0.25 * left)))


def _not_ready(error: ApiError, seconds: float) -> ApiError:
    return replace(
        error,
        message=f"{error.message} (for {seconds:.0f} seconds)",
        retryable=False,
        fatal="Is the server still loading? -o wait=SECONDS waits longer.",
        unless_answered=True,
    )


def _with_attempt_count(error: ApiError, attempts: int) -> ApiError:
    return (
        error
        if attempts == 1 or not error.retryable
        else replace(error, message=f"{error.message} (after {attempts} attempts)")
    )
