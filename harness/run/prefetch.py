"""Prefetching: requests prepared ahead in threads, in order, within limits of number and memory."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import Generic, TypeVar

from harness.components.sources import RequestSource
from harness.run.room import NoRoom, Room

CHEAP = 0.0015
"""Seconds for one job below which preparing it in parallel costs more than it saves: threads share the interpreter."""
BRISK = CHEAP / 2
"""The same for a consumer that is as fast: it waits for no other thread, and few pictures are read and decoded in so little time."""
IN_A_ROW = 32
"""Jobs that a brisk consumer prepares at a time."""

J = TypeVar("J")
T = TypeVar("T")


@dataclass
class Prepared(Generic[T]):
    """A prepared job: its requests, the memory they hold, and an outcome that the run loop stores first."""

    requests: list[T]
    cost: int = 0
    outcome: object = None


@dataclass(frozen=True)
class _Chunk(Generic[J, T]):
    """Jobs that one thread prepares, and what becomes of them: of the first ones only, where there was no room for all."""

    number: int
    jobs: list[J]
    future: Future[list[Prepared[T]]]
    again: bool = False
    """Whether it is what was left of a chunk: it may wait behind others that wait for room."""


@dataclass
class PrefetchSource(RequestSource[T], Generic[J, T]):
    """Prepares `jobs` with `prepare` in threads; `arrived` gets each result in the consumer's thread.

    Jobs below `CHEAP` are prepared while a consumer calls `ready` between its own steps, by all threads and the
    consumer itself, and never during its steps. A consumer that iterates prepares those below `BRISK` itself if its own
    steps are below it, too: taking turns with threads would cost more than it saves.
    """

    jobs: Iterator[J]
    prepare: Callable[[J], Prepared[T]]
    arrived: Callable[[J, Prepared[T]], None]
    workers: int = min(4, os.cpu_count() or 1)
    max_ahead: int = 64
    max_bytes: int = 128 * 2**20
    _pending: deque[_Chunk[J, T]] = field(default_factory=deque)
    _ahead: int = 0
    _buffer: deque[tuple[T, int]] = field(default_factory=deque)
    """Requests, each with the memory that is free once it is answered."""
    _held: int = 0
    """Memory of what the consumer took and has not come back from."""
    _numbers: Iterator[int] = field(default_factory=count)
    handed: int = 0
    """How many requests were handed to the consumer."""
    _drained: bool = False
    _cost: int = 1 << 20
    _seconds: float = CHEAP
    """What a job of the last chunk took: the mean without threads, else the fastest, as the others may have waited for the interpreter."""
    _between_steps: bool = False
    _away: float = 0.0
    """Seconds that an iterating consumer spent with what it took."""
    _broken: Exception | None = None
    """An error of `jobs`, `prepare` or `arrived`."""

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="memobench-prepare")
        self._room = Room(self.max_bytes)

    @property
    def _cheap(self) -> bool:
        """Whether jobs are prepared only while the consumer waits, with its help."""
        return self._seconds < CHEAP if self._between_steps else self._brisk

    @property
    def _brisk(self) -> bool:
        """Whether an iterating consumer takes so little time that preparing jobs meanwhile costs more than it saves."""
        return self._seconds < BRISK and self.handed >= self.max_ahead and self._away < BRISK * self.handed

    @property
    def _here_only(self) -> bool:
        """Whether jobs are prepared by the consumer's thread alone."""
        return self._brisk and not self._between_steps

    def _fill(self, wanted: int = 0) -> None:
        """Submit jobs to the threads, as far ahead as the limits allow; of cheap ones only as many as are `wanted` now."""
        while not self._drained and self._ahead < (
            min(wanted, self.max_ahead) if self._cheap else self.max_ahead
        ):
            # The size of a picture is known only once it is decoded: the last one is the estimate.
            if self._ahead >= self.workers and self._ahead * self._cost > self.max_bytes:
                return
            jobs = self._next_jobs()
            if not jobs:
                self._drained = True
                return
            self._ahead += len(jobs)
            number = next(self._numbers)
            future = (
                self._here(jobs, number)
                if self._here_only
                else self._pool.submit(self._prepare_all, jobs, number)
            )
            self._pending.append(_Chunk(number, jobs, future))
            if len(self._pending) == 1:
                self._room.first(number, waiting=False)

    def _here(self, jobs: list[J], number: int) -> Future[list[Prepared[T]]]:
        """Prepare jobs in the consumer's thread."""
        done: Future[list[Prepared[T]]] = Future()
        done.set_result(self._prepare_all(jobs, number, waits=False))
        return done

    def _help(self) -> None:
        """Prepare what no thread has started yet, from the end, so that the consumer does not wait for all of it."""
        for number in range(len(self._pending) - 1, -1, -1):
            chunk = self._pending[number]
            if not self._cheap or not chunk.future.cancel():
                return
            self._pending[number] = replace(chunk, future=self._here(chunk.jobs, chunk.number))

    def _chunk(self) -> int:
        """How many jobs a thread takes at a time: several, so that threads rarely wait for each other."""
        share = 4 * self.workers
        room = self.max_bytes // (share * self._cost)
        # Where no thread waits for them, more in a row: turns between different code empty the processor's caches.
        most = min(IN_A_ROW, self.max_ahead) if self._here_only else min(8, self.max_ahead // share)
        return max(1, min(most, room))

    def _prepare_all(self, jobs: list[J], number: int, *, waits: bool = True) -> list[Prepared[T]]:
        """Prepare jobs until there is no room for the next one."""
        done: list[Prepared[T]] = []
        fastest, began, alone = math.inf, time.perf_counter(), self._here_only
        for job in jobs:
            started = time.perf_counter()
            try:
                with self._room.entered(number, waits=waits and not done) as taken:
                    prepared = self.prepare(job)
                    # While it was decoded, a picture took more than it does now.
                    taken.settle(prepared.cost)
            except NoRoom:
                break
            done.append(prepared)
            fastest = min(fastest, time.perf_counter() - started)
        if done:
            # A consumer that prepares many large pictures and a few small ones itself would wait for all of them.
            self._seconds = (time.perf_counter() - began) / len(done) if alone else fastest
        return done

    def _next_jobs(self) -> list[J]:
        try:
            return list(islice(self.jobs, self._chunk()))
        except Exception as e:
            self._broken = self._broken or e
            raise

    def check(self) -> None:
        """Raise the first error of `jobs`, `prepare` or `arrived`: a consumer may have swallowed it or given it as its own."""
        if self._broken is not None:
            raise self._broken

    def _take(self) -> None:
        """Move the first pending jobs' requests into the buffer."""
        chunk = self._pending.popleft()
        self._room.first(chunk.number, waiting=True)
        try:
            if chunk.again and chunk.future.cancel():
                results = self._prepare_all(chunk.jobs, chunk.number)
            else:
                results = chunk.future.result()
            self._collect(chunk.jobs, results)
        except Exception as e:
            self._broken = self._broken or e
            raise
        finally:
            self._room.first(self._pending[0].number if self._pending else None, waiting=False)
        left = chunk.jobs[len(results) :]
        if left:
            again = self._pool.submit(self._prepare_all, left, chunk.number)
            self._pending.appendleft(_Chunk(chunk.number, left, again, True))
            self._room.first(chunk.number, waiting=False)
        self._ahead -= len(results)
        self._fill()

    def _collect(self, jobs: list[J], results: list[Prepared[T]]) -> None:
        for job, prepared in zip(jobs, results, strict=False):
            if prepared.cost:
                self._cost = prepared.cost
            self.arrived(job, prepared)
            if not prepared.requests:
                self._room.free(prepared.cost)
                continue
            *others, last = prepared.requests
            self._buffer.extend([(request, 0) for request in others])
            self._buffer.append((last, prepared.cost))

    def ready(self, max_n: int, timeout: float = 0.0) -> list[T]:
        """Up to `max_n` prepared requests; waits up to `timeout` seconds for the first."""
        self._between_steps = True
        self._come_back()
        deadline = time.monotonic() + timeout
        while len(self._buffer) < max_n:
            self._fill(max_n - len(self._buffer))
            if not self._pending:
                break
            if self._cheap:
                self._help()
                self._take()
            elif self._pending[0].again or self._pending[0].future.done():
                self._take()
            elif self._buffer or not self._wait_for_first(max(0.0, deadline - time.monotonic())):
                break
        self._fill()
        return [self._hand() for _ in range(min(max_n, len(self._buffer)))]

    def __iter__(self) -> Iterator[T]:
        """Every request that is left, in order."""
        self._between_steps = False
        self._fill()
        while self.any():
            left = time.perf_counter()
            yield self._hand()
            self._away += time.perf_counter() - left
            self._come_back()

    def _wait_for_first(self, seconds: float) -> bool:
        """Whether the first pending jobs are prepared within some seconds."""
        chunk = self._pending[0]
        # Also after this: a consumer that asks again and again without waiting would never get it otherwise.
        self._room.first(chunk.number, waiting=True)
        return bool(wait([chunk.future], seconds).done)

    def _hand(self) -> T:
        self.handed += 1
        request, cost = self._buffer.popleft()
        self._held += cost
        return request

    def _come_back(self) -> None:
        """The consumer asks for more: what it took before is answered, or its own."""
        self._room.free(self._held)
        self._held = 0

    def any(self) -> bool:
        """Whether there is anything to ask: prepares jobs until one has a request."""
        while not self._buffer and not self.exhausted:
            self._take()
        return bool(self._buffer)

    def waiting(self) -> list[T]:
        """The requests that are prepared and were not handed out."""
        return [request for request, _ in self._buffer]

    @property
    def exhausted(self) -> bool:
        """True once nothing is left to hand out."""
        if not self._pending and not self._buffer:
            self._fill(1)
        return not self._pending and not self._buffer

    def abandon(self) -> Iterable[J]:
        """Stop preparing; yields the jobs whose requests were never handed out, unstarted ones included."""
        for chunk in self._pending:
            chunk.future.cancel()
        self.close()
        left = [job for chunk in self._pending for job in chunk.jobs]
        self._pending.clear()
        yield from left
        yield from self.jobs

    def close(self) -> None:
        """End the threads."""
        self._room.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
