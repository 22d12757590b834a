from __future__ import annotations

import asyncio
import email.utils
import math
import time

import pytest

from harness import RemoteError
from harness.remote import MAX_RETRY_AFTER, RetryPolicy, parse_retry_after

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": email.utils.formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": email.utils.formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "86400"}, MAX_RETRY_AFTER),
        ({"retry-after": "inf"}, MAX_RETRY_AFTER),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_parsed_in_all_formats(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers, now=NOW) == seconds


class Flaky:
    """Fails `failures` times, then answers. Records the time of each attempt."""

    def __init__(self, error: RemoteError, failures: int) -> None:
        self.error, self.left, self.times = error, failures, []

    async def __call__(self) -> str:
        self.times.append(time.monotonic())
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"


def transient(**more: object) -> RemoteError:
    return RemoteError("server_error", "500: oops", retryable=True, **more)


def test_transient_failures_are_retried_up_to_the_limit() -> None:
    flaky = Flaky(transient(), 3)
    assert asyncio.run(RetryPolicy(3, first=0.01).call(flaky)) == ("answer", 4)
    with pytest.raises(RemoteError, match=r"500: oops \(after 3 attempts\)"):
        asyncio.run(RetryPolicy(2, first=0.01).call(Flaky(transient(), 3)))


def test_permanent_failures_are_not_retried() -> None:
    flaky = Flaky(RemoteError("rejected", "400: no"), 1)
    with pytest.raises(RemoteError, match=r"400: no$"):
        asyncio.run(RetryPolicy(9, first=0.01).call(flaky))
    assert len(flaky.times) == 1


def test_waits_grow_and_are_spread_over_their_whole_range() -> None:
    waits: list[float] = []

    async def record(seconds: float) -> None:
        waits.append(seconds)

    async def many() -> None:
        retry_policy = RetryPolicy(5, first=1.0, seed=3)
        await asyncio.gather(*(retry_policy.call(Flaky(transient(), 5)) for _ in range(200)))

    real, asyncio.sleep = asyncio.sleep, record  # type: ignore[assignment]
    try:
        asyncio.run(many())
    finally:
        asyncio.sleep = real
    by_attempt = [waits[i::5] for i in range(5)]
    for attempt, spread in enumerate(by_attempt):
        longest = 2.0**attempt
        assert 0.0 <= min(spread) < 0.05 * longest
        assert 0.95 * longest < max(spread) <= longest
        assert math.isclose(sum(spread) / len(spread), longest / 2, rel_tol=0.15)


def test_a_shared_rate_limit_delays_all_requests() -> None:
    async def both() -> tuple[Flaky, Flaky, float]:
        retry_policy, began = RetryPolicy(3, first=0.01), time.monotonic()
        limited, other = Flaky(transient(retry_after=0.3, throttle_all=True), 1), Flaky(transient(), 0)

        async def later() -> None:
            await asyncio.sleep(0.05)
            await retry_policy.call(other)

        await asyncio.gather(retry_policy.call(limited), later())
        return limited, other, began

    limited, other, began = asyncio.run(both())
    assert limited.times[1] - limited.times[0] >= 0.3
    assert 0.3 <= other.times[0] - began < 30


def test_an_ordinary_failure_delays_no_other_request() -> None:
    async def both() -> float:
        retry_policy, began = RetryPolicy(1, first=60.0), time.monotonic()
        failing = asyncio.create_task(retry_policy.call(Flaky(transient(retry_after=60.0), 1)))
        await asyncio.sleep(0.02)
        await retry_policy.call(Flaky(transient(), 0))
        failing.cancel()
        return time.monotonic() - began

    assert asyncio.run(both()) < 30
