"""Ends the engine's processes where this one is killed: nobody else would, and they hold the GPU's memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

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
            self._watch = subprocess.Popen([sys.executable, "-S", "-c", _WATCH, *map(str, pids)], stdin=subprocess.PIPE,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip

    def dismiss(self) -> None:
        """The guarded processes have ended by themselves."""
        watch, self._watch = self._watch, None
        if watch is not None:
            with suppress(OSError):
                watch.communicate(b"done")
