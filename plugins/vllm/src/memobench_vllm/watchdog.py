"""Kills the engine's processes if this one is killed, and notices if they are killed.

Without it, an engine would keep the GPU's memory forever after this process was killed, and vLLM would wait forever for
a killed engine.
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

_WATCH_SCRIPT = """
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
"""Reads stdin until it is closed. Any input means a normal exit, none means that the parent was killed."""


class Watchdog:
    """A small process that outlives this one and kills `pids` if it is killed. Not started without `pids`."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if pids:
            # In its own session: Ctrl-C in a terminal must not kill the watchdog before the engine. Isolated (-I): the
            # working directory, where anybody may have put a signal.py, is not looked into for modules.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCH_SCRIPT, *map(str, pids)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop watching: the processes have exited."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.communicate(b"done")


class EngineProcessExited(Exception):
    """One of the engine's processes was killed or crashed without an error."""


def forward_process_exit(queue: Any, processes: Sequence[BaseProcess]) -> None:
    """Put an error into vLLM's output queue as soon as one of `processes` exits."""
    if queue is None or not processes:
        return

    def watch() -> None:
        wait([process.sentinel for process in processes])
        queue.put_nowait(EngineProcessExited("the engine's process ended"))

    threading.Thread(target=watch, name="memobench-vllm-engine", daemon=True).start()
