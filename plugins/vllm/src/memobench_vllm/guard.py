"""An engine in other processes must end where this one is killed, and this one must notice where the engine is.

Killed alone, this process would leave an engine that holds the GPU's memory for ever; and for an engine that was
killed, vLLM would wait for ever.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

_WATCH = """
import os, signal, sys, time

def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True

if not sys.stdin.buffer.read():
    pids = [int(a) for a in sys.argv[1:]]
    for pid in filter(alive, pids):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in filter(alive, pids):
        os.kill(pid, signal.SIGKILL)
"""
"""Reads until the other end of its input closes: a word means that all is well, none that it was killed."""


class Guard:
    """A small process that outlives this one. With nothing to guard there is none."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._watch: subprocess.Popen[bytes] | None = None
        if pids:
            # A session of its own: Ctrl-C in a terminal must not end the guard before what it guards.
            self._watch = subprocess.Popen(
                [sys.executable, "-S", "-c", _WATCH, *map(str, pids)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def dismiss(self) -> None:
        """The guarded processes have ended by themselves."""
        watch, self._watch = self._watch, None
        if watch is not None:
            with suppress(OSError):
                watch.communicate(b"done")


class EngineEnded(Exception):
    """One of the engine's processes was killed, or fell over without a word."""


def wake_up(queue: Any, processes: Sequence[BaseProcess]) -> None:
    """Put an error where vLLM waits for the engine's outputs, as soon as one of `processes` has ended."""
    if queue is None or not processes:
        return

    def watch() -> None:
        wait([process.sentinel for process in processes])
        queue.put_nowait(EngineEnded("the engine's process ended"))

    threading.Thread(target=watch, name="memobench-vllm-engine", daemon=True).start()
