"""Fault injection: a delay per request, and failure of every Nth request."""

from __future__ import annotations

import time

from harness import ReplyError


class Faults:
    """Delays each request and fails every Nth one in this process, retries included."""

    def __init__(self, delay: float, fail_every: int) -> None:
        self._delay = delay
        self._fail_every = fail_every
        self._count = 0

    def next(self) -> ReplyError | None:
        """Call once per request: waits, and returns an error if the request must fail."""
        if self._delay:
            time.sleep(self._delay)
        self._count += 1
        if self._fail_every and self._count % self._fail_every == 0:
            message = f"request {self._count} failed deliberately (fail_every)"
            return ReplyError("injected", message, retryable=True)
        return None
