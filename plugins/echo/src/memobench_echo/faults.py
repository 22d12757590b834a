"""Faults on purpose: slowness, and every Nth request failing."""

from __future__ import annotations

import time

from harness import ReplyError


class Faults:
    """Delays each request and fails every Nth that is asked in this process, retried ones included."""

    def __init__(self, delay: float, fail_every: int) -> None:
        self._delay = delay
        self._fail_every = fail_every
        self._asked = 0

    def next(self) -> ReplyError | None:
        """To be called once for each request: waits, and returns the error if this one is to fail."""
        if self._delay:
            time.sleep(self._delay)
        self._asked += 1
        if self._fail_every and self._asked % self._fail_every == 0:
            message = f"request {self._asked} failed on purpose (fail_every)"
            return ReplyError("injected", message, retryable=True)
        return None
