"""What one request takes, counted over all of its attempts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from memobench_openai.retry import Patience

T = TypeVar("T")


class Errand:
    """Failures that may pass are asked again; time and repetitions are counted."""

    def __init__(self) -> None:
        self._retries, self._started = 0, time.monotonic()

    async def run(self, attempt: Callable[[], Awaitable[T]], patience: Patience) -> T:
        """The result of `attempt`. Raises the last `Fault` when patience is at an end."""
        found, tries = await patience.call(attempt)
        self._retries += tries - 1
        return found

    def timings(self) -> dict[str, float]:
        """Seconds since the errand began, waits included, and how often something was asked again."""
        return {"seconds": round(time.monotonic() - self._started, 4), "retries": float(self._retries)}
