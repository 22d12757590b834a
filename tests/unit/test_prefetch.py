"""Prefetching of requests: in order, bounded, and without loss."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from harness.run.prefetch import PrefetchSource, Prepared


class Recorder:
    """Prepares numbers and records what happens."""

    def __init__(self, *, cost: int = 0, per_job: int = 1, slow: float = 0.0) -> None:
        self.cost, self.per_job, self.slow = cost, per_job, slow
        self.begun = self.held = self.most = 0
        self.arrivals: list[int] = []
        self.threads: set[str] = set()
        self._lock = threading.Lock()

    def prepare(self, job: int) -> Prepared[tuple[int, int]]:
        with self._lock:
            self.begun += 1
            self.held += 1
            self.most = max(self.most, self.held)
            self.threads.add(threading.current_thread().name)
        time.sleep(self.slow)
        return Prepared([(job, n) for n in range(self.per_job)], self.cost)

    def arrived(self, job: int, prepared: Prepared[tuple[int, int]]) -> None:
        assert threading.current_thread() is threading.main_thread(), "only one thread stores anything"
        self.held -= 1
        self.arrivals.append(job)

    def source(self, n: int, **options: int) -> PrefetchSource[int, tuple[int, int]]:
        return PrefetchSource(iter(range(n)), self.prepare, self.arrived, **options)


@pytest.mark.parametrize("per_job", [0, 1, 3])
def test_requests_come_in_order(per_job: int) -> None:
    recorder = Recorder(per_job=per_job)
    source = recorder.source(200)
    assert list(source) == [(job, n) for job in range(200) for n in range(per_job)]
    assert recorder.arrivals == list(range(200))
    assert source.exhausted
    assert source.handed == 200 * per_job
    source.close()


def prepared_by(recorder: Recorder, seconds: float) -> set[str]:
    """Threads that prepare, apart from the first jobs, for a consumer that takes some seconds for each request."""
    source = recorder.source(400)
    for number, _ in enumerate(source):
        if number == 200:
            recorder.threads.clear()
        time.sleep(seconds)
    source.close()
    return recorder.threads


def test_a_brisk_consumer_prepares_what_is_cheap_itself() -> None:
    assert prepared_by(Recorder(), 0.0) == {"MainThread"}


@pytest.mark.slow
def test_threads_prepare_for_a_consumer_that_takes_its_time() -> None:
    assert "MainThread" not in prepared_by(Recorder(), 0.004)


def test_threads_prepare_what_takes_long() -> None:
    assert "MainThread" not in prepared_by(Recorder(slow=0.004), 0.0)


def test_a_few_cheap_jobs_among_slow_ones_keep_no_thread_idle() -> None:
    by_threads = []

    def prepare(job: int) -> Prepared[int]:
        slow = job >= 200 and job % 8 > 0
        time.sleep(0.003 * slow)
        if slow:
            by_threads.append(threading.current_thread() is not threading.main_thread())
        return Prepared([job])

    source = PrefetchSource(iter(range(600)), prepare, lambda job, prepared: None)
    assert list(source) == list(range(600))
    source.close()
    assert sum(by_threads) > len(by_threads) / 3


def test_no_jobs() -> None:
    source = Recorder().source(0)
    assert source.exhausted
    assert not source.any()
    assert source.ready(5, timeout=1.0) == []
    assert list(source) == []
    source.close()


@pytest.mark.slow
def test_ready_never_waits_longer_than_asked() -> None:
    recorder = Recorder(slow=0.6)
    source = recorder.source(4)
    start = time.monotonic()
    assert source.ready(4) == []
    assert source.ready(4, timeout=0.01) == []
    assert time.monotonic() - start < 0.5
    assert source.ready(1, timeout=5.0) == [(0, 0)]
    assert not source.exhausted
    taken = []
    while not source.exhausted:
        taken += source.ready(10, timeout=1.0)
    assert taken == [(1, 0), (2, 0), (3, 0)]
    source.close()


def test_ready_and_iteration_may_be_mixed() -> None:
    source = Recorder(per_job=2).source(10)
    first = source.ready(3, timeout=5.0)
    assert 1 <= len(first) <= 3
    assert first + list(source) == [(job, n) for job in range(10) for n in range(2)]
    source.close()


def test_any_prepares_the_first_request_and_returns_none() -> None:
    def prepare(job: int) -> Prepared[int]:
        return Prepared([job] if job >= 150 else [])

    seen: list[int] = []
    source = PrefetchSource(iter(range(200)), prepare, lambda job, _: seen.append(job))
    assert source.any()
    assert source.handed == 0
    assert seen == list(range(len(seen)))
    assert 151 <= len(seen) < 160  # a thread takes a few jobs at a time
    assert list(source) == list(range(150, 200))
    source.close()


def test_few_requests_are_prepared_ahead() -> None:
    recorder = Recorder()
    source = recorder.source(500, max_ahead=8)
    for _ in source:
        assert recorder.begun <= len(recorder.arrivals) + 8
    source.close()


def test_fewer_large_pictures_are_prepared_ahead() -> None:
    recorder = Recorder(cost=10 * 2**20)
    source = recorder.source(100, workers=2, max_bytes=40 * 2**20)
    taken = iter(source)
    for _ in range(60):
        next(taken)
    assert recorder.begun - len(recorder.arrivals) <= 6
    source.close()


def test_abandon_returns_the_remaining_jobs() -> None:
    source = Recorder().source(100, max_ahead=10)
    taken = iter(source)
    handed = [next(taken)[0] for _ in range(5)]
    left = list(source.abandon())
    assert sorted(handed + left) == list(range(100))
    assert list(source.abandon()) == []


def test_endless_jobs_are_started_as_needed() -> None:
    def forever() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    recorder = Recorder()
    source = PrefetchSource(forever(), recorder.prepare, recorder.arrived, max_ahead=4)
    taken = iter(source)
    assert [next(taken)[0] for _ in range(20)] == list(range(20))
    source.close()


def drained(source: PrefetchSource[int, tuple[int, int]]) -> list[int]:
    taken: list[int] = []
    while not source.exhausted:
        taken += [job for job, _ in source.ready(16, timeout=1.0)]
    source.close()
    return taken


def test_cheap_jobs_are_prepared_in_the_consumers_thread() -> None:
    recorder = Recorder()
    assert drained(recorder.source(400)) == list(range(400))
    assert recorder.arrivals == list(range(400))
    assert threading.main_thread().name in recorder.threads


def test_slow_jobs_are_prepared_in_threads() -> None:
    recorder = Recorder(slow=0.003)
    assert drained(recorder.source(100)) == list(range(100))
    assert all(name.startswith("memobench-prepare") for name in recorder.threads)


def test_jobs_that_become_slow_move_to_threads() -> None:
    recorder = Recorder()
    source = recorder.source(300)
    taken: list[int] = []
    while len(taken) < 150:
        taken += [job for job, _ in source.ready(16, timeout=1.0)]
    recorder.slow, recorder.threads = 0.003, set()
    taken += drained(source)
    assert taken == list(range(300))
    assert any(name.startswith("memobench-prepare") for name in recorder.threads)
