"""One API call with its retries, timed and counted over all attempts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from memobench_openai.errors import ApiError
from memobench_openai.retry import RetryPolicy
from memobench_openai.startup import Startup

T = TypeVar("T")


class ApiCall:
    """Retries transient failures and records time and retries."""

    def __init__(self, startup: Startup) -> None:
        self._startup = startup
        self._retries, self._started = 0, time.monotonic()

    async def run(self, attempt: Callable[[], Awaitable[T]], retry_policy: RetryPolicy) -> T:
        """Return the result of `attempt`. Raises the last `ApiError` once the retries are used up."""

        async def judged() -> T:
            try:
                return await attempt()
            except ApiError as error:
                raise self._startup.judge_attempt(self, error) from None

        result, attempts = await retry_policy.call(judged)
        self._retries += attempts - 1
        return result

    def timings(self) -> dict[str, float]:
        """Seconds since the call began, waits included, and the number of retries."""
        return {"seconds": round(time.monotonic() - self._started, 4), "retries": float(self._retries)}
