from __future__ import annotations

import asyncio
import email.utils
import math
import time

import pytest
from memobench_openai.faults import Fault
from memobench_openai.retry import LONGEST_ASKED, Patience, retry_after

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
        ({"retry-after": "86400"}, LONGEST_ASKED),
        ({"retry-after": "inf"}, LONGEST_ASKED),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=NOW) == seconds


class Flaky:
    """Fails as often as told, then answers; notes when it was asked."""

    def __init__(self, fault: Fault, failures: int) -> None:
        self.fault, self.left, self.times = fault, failures, []

    async def __call__(self) -> str:
        self.times.append(time.monotonic())
        if self.left:
            self.left -= 1
            raise self.fault
        return "answer"


def passing(**more: object) -> Fault:
    return Fault("server_error", "500: oops", retryable=True, **more)


def test_failures_that_may_pass_are_asked_again_until_patience_ends() -> None:
    flaky = Flaky(passing(), 3)
    assert asyncio.run(Patience(3, first=0.01).call(flaky)) == ("answer", 4)
    with pytest.raises(Fault, match=r"500: oops \(asked 3 times\)"):
        asyncio.run(Patience(2, first=0.01).call(Flaky(passing(), 3)))


def test_what_cannot_pass_is_asked_once() -> None:
    flaky = Flaky(Fault("rejected", "400: no"), 1)
    with pytest.raises(Fault, match=r"400: no$"):
        asyncio.run(Patience(9, first=0.01).call(flaky))
    assert len(flaky.times) == 1


def test_waits_grow_and_are_spread_over_their_whole_range() -> None:
    waits: list[float] = []

    async def record(seconds: float) -> None:
        waits.append(seconds)

    async def many() -> None:
        patience = Patience(5, first=1.0, seed=3)
        await asyncio.gather(*(patience.call(Flaky(passing(), 5)) for _ in range(200)))

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


def test_one_that_is_told_to_slow_down_slows_all() -> None:
    async def both() -> tuple[Flaky, Flaky, float]:
        patience, began = Patience(3, first=0.01), time.monotonic()
        told, other = Flaky(passing(wait=0.3, shared=True), 1), Flaky(passing(), 0)

        async def later() -> None:
            await asyncio.sleep(0.05)
            await patience.call(other)

        await asyncio.gather(patience.call(told), later())
        return told, other, began

    told, other, began = asyncio.run(both())
    assert told.times[1] - told.times[0] >= 0.3
    assert 0.3 <= other.times[0] - began < 30


def test_an_ordinary_failure_slows_nobody_else() -> None:
    async def both() -> float:
        patience, began = Patience(1, first=60.0), time.monotonic()
        failing = asyncio.create_task(patience.call(Flaky(passing(wait=60.0), 1)))
        await asyncio.sleep(0.02)
        await patience.call(Flaky(passing(), 0))
        failing.cancel()
        return time.monotonic() - began

    assert asyncio.run(both()) < 30
