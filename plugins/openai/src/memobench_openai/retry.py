"""Asks again after failures that may pass: exponential backoff with full jitter, and waits that all requests share.

Full jitter: the wait before attempt n + 1 is uniform between 0 and min(longest, first * 2^n), so that requests which
failed together do not come back together.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from memobench_openai.faults import Fault

T = TypeVar("T")

FIRST = 0.5
LONGEST = 30.0
LONGEST_ASKED = 120.0
"""The most that a server's Retry-After is believed, in seconds: an error in it must not stop a run for days."""


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait by `retry-after-ms` or `Retry-After` (seconds or an HTTP date), 0 to `LONGEST_ASKED`.

    `headers` ignore case in their keys. `now` is a Unix time. None where there is neither, or nonsense.
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
            return min(max(seconds, 0.0), LONGEST_ASKED)
    return None


class Patience:
    """How often, and after which waits, the requests to one endpoint are asked again."""

    def __init__(self, max_retries: int, *, first: float = FIRST, seed: int | None = None) -> None:
        """`first` is the longest wait after the first failure, in seconds. `seed` makes the jitter repeatable."""
        self.max_retries, self._first = max_retries, first
        self._random = random.Random(seed)
        self._closed_until = 0.0

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        """The result of `attempt` and the number of attempts. Raises the last `Fault` when patience is at an end."""
        tries = 0
        while True:
            await self._gate()
            tries += 1
            try:
                return await attempt(), tries
            except Fault as fault:
                if not fault.retryable or tries > self.max_retries:
                    raise _counted(fault, tries) from None
                await self._wait(fault, tries)

    async def _wait(self, fault: Fault, tries: int) -> None:
        backoff = self._random.uniform(0.0, min(LONGEST, self._first * 2.0 ** (tries - 1)))
        asked = fault.wait or 0.0
        if fault.shared:
            self._closed_until = max(self._closed_until, time.monotonic() + (asked or backoff))
        # What the server asks for is the least; the jitter comes on top, or all would return at once.
        await asyncio.sleep(asked + backoff)

    async def _gate(self) -> None:
        """Wait until nobody was told to slow down, and a moment more that differs from request to request."""
        while (left := self._closed_until - time.monotonic()) > 0:
            await asyncio.sleep(left + self._random.uniform(0.0, min(1.0, 0.25 * left)))


def _counted(fault: Fault, tries: int) -> Fault:
    return fault if tries == 1 else replace(fault, message=f"{fault.message} (asked {tries} times)")
