"""Renders portraits in worker processes on all cores, because the rasteriser holds the interpreter lock.

Workers are processes of their own rather than `multiprocessing`, which would import the caller's main module again, and
whose forks are unsafe in a threaded process. A worker reads specs as one line of JSON and writes the RGB bytes of each
portrait, one after the other.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, TypeVar

from PIL import Image

from memobench_portraits.identity import Identity

MAX_WORKERS = 8
"""Upper limit on worker processes."""

T = TypeVar("T")


@dataclass(frozen=True)
class PortraitSpec:
    """One portrait to render: person, emotion, strength (0 to 5), and side in pixels."""

    who: Identity
    emotion: str
    strength: float
    size: int


def render(spec: PortraitSpec) -> Image.Image:
    from memobench_portraits.render import portrait

    return portrait(spec.who, spec.emotion, spec.strength, spec.size)


def available_cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class RenderPool:
    """Renders portraits in worker processes, one per core; with a single core, in this process.

    The output is byte-identical either way. If a worker cannot be started or dies, this process does its work.
    """

    def __init__(self, workers: int | None = None) -> None:
        count = min(available_cores(), MAX_WORKERS) if workers is None else workers
        self._workers = [_Worker() for _ in range(count)] if count > 1 and sys.executable else []
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self.width = max(len(self._workers), 1)
        """Number of portraits rendered in parallel."""
        self._threads = ThreadPoolExecutor(self.width, "portraits")

    def __enter__(self) -> RenderPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.stop()

    def submit(self, work: Callable[..., T], *arguments: object) -> Future[T]:
        """Run a function that calls `render_all` on a thread of the pool."""
        return self._threads.submit(work, *arguments)

    def render_all(self, specs: Sequence[PortraitSpec]) -> list[Image.Image]:
        """Render portraits sequentially on one worker; results are in the given order."""
        if not self._workers:
            return [render(spec) for spec in specs]
        worker = self._idle.get()
        try:
            return worker.render_all(specs)
        finally:
            self._idle.put(worker)


class _Worker:
    """One worker process, started on first use."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def render_all(self, specs: Sequence[PortraitSpec]) -> list[Image.Image]:
        try:
            if self._process is None:
                self._process = _start()
            return _request_portraits(self._process, specs)
        except (OSError, EOFError):
            self.stop()
            return [render(spec) for spec in specs]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # unread input of a dead worker can be discarded
                if pipe is not None:
                    pipe.close()
        process.wait()


_WORKER = """
import sys
sys.path[:] = sys.argv[1:]
from memobench_portraits.pool import serve
serve(sys.stdin.buffer, sys.stdout.buffer)
"""


def _start() -> subprocess.Popen[bytes]:
    # Isolated (-I): else Python looks for modules in the working directory first, where anybody may have put a json.py.
    path = [os.path.abspath(entry) for entry in sys.path if entry]
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _WORKER, *path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _request_portraits(process: subprocess.Popen[bytes], specs: Sequence[PortraitSpec]) -> list[Image.Image]:
    """Render on a worker. Raises `EOFError` or `OSError` if it dies, such as on an invalid spec."""
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps([asdict(spec) for spec in specs]).encode() + b"\n")
    process.stdin.flush()
    pictures = []
    for spec in specs:
        size = (spec.size, spec.size)
        raw = process.stdout.read(3 * spec.size**2)
        if len(raw) < 3 * spec.size**2:
            raise EOFError
        pictures.append(Image.frombytes("RGB", size, raw))
    return pictures


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Worker loop: read lines of specs and write pixels until the input ends."""
    for line in source:
        for spec in json.loads(line):
            picture = render(PortraitSpec(**{**spec, "who": Identity(**spec["who"])}))
            target.write(picture.tobytes())
            target.flush()
