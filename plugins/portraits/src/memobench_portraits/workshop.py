"""Drawing on all processor cores: the rasteriser holds the interpreter, so helpers are processes of their own.

They are started with `python -m memobench_portraits.workshop` rather than by `multiprocessing`, which
would run the caller's main module again, and whose forks are unsafe beside threads. A helper reads a line
of JSON, the orders, and answers with the RGB bytes of each portrait, one after the other.
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

MOST_HELPERS = 8
"""More cores than these are left to others."""

T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """One portrait to draw: who, what they feel, how strongly (0 to 5), and the side in pixels."""

    who: Identity
    emotion: str
    strength: float
    size: int


def draw(order: Order) -> Image.Image:
    """Draw one portrait in this process."""
    from memobench_portraits.render import portrait

    return portrait(order.who, order.emotion, order.strength, order.size)


def cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workshop:
    """Draws portraits in helper processes, one for each core; with a single core, in this process.

    A portrait is the same, byte by byte, whoever draws it. Where a helper cannot be started or dies,
    this process does its work.
    """

    def __init__(self, helpers: int | None = None) -> None:
        count = min(cores(), MOST_HELPERS) if helpers is None else helpers
        self._helpers = [_Helper() for _ in range(count)] if count > 1 and sys.executable else []
        self._idle: queue.SimpleQueue[_Helper] = queue.SimpleQueue()
        for helper in self._helpers:
            self._idle.put(helper)
        self.width = max(len(self._helpers), 1)
        """How many portraits are drawn at once."""
        self._threads = ThreadPoolExecutor(self.width, "portraits")

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for helper in self._helpers:
            helper.stop()

    def later(self, work: Callable[..., T], *arguments: object) -> Future[T]:
        """Start some work that calls `drawn`, as soon as there is a helper for it."""
        return self._threads.submit(work, *arguments)

    def drawn(self, orders: Sequence[Order]) -> list[Image.Image]:
        """The portraits of these orders, in their order, drawn one after the other."""
        if not self._helpers:
            return [draw(order) for order in orders]
        helper = self._idle.get()
        try:
            return helper.drawn(orders)
        finally:
            self._idle.put(helper)


class _Helper:
    """One helper process, started with its first work."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def drawn(self, orders: Sequence[Order]) -> list[Image.Image]:
        try:
            if self._process is None:
                self._process = _start()
            return _asked(self._process, orders)
        except (OSError, EOFError):
            self.stop()
            return [draw(order) for order in orders]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what a helper that died has not read is not needed any more
                if pipe is not None:
                    pipe.close()
        process.wait()


def _start() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", __spec__.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def _asked(process: subprocess.Popen[bytes], orders: Sequence[Order]) -> list[Image.Image]:
    """What a helper draws. Raises `EOFError` or `OSError` where it dies, as on an order that cannot be drawn."""
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps([asdict(order) for order in orders]).encode() + b"\n")
    process.stdin.flush()
    pictures = []
    for order in orders:
        size = (order.size, order.size)
        raw = process.stdout.read(3 * order.size**2)
        if len(raw) < 3 * order.size**2:
            raise EOFError
        pictures.append(Image.frombytes("RGB", size, raw))
    return pictures


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer lines of orders with pixels, until there are no more."""
    for line in source:
        for order in json.loads(line):
            picture = draw(Order(**{**order, "who": Identity(**order["who"])}))
            target.write(picture.tobytes())
            target.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
