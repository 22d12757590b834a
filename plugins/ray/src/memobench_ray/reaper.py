"""Cleans up after a command that was killed: a process of its own, which waits for the end of the one that started it.

Ray's processes end with the command, except two agents, which try for a minute to report that.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 2.0
"""Seconds in which processes may end by themselves."""


def watch(folder: str) -> subprocess.Popen[bytes] | None:
    """Start the process for what this one has started so far; it ends when its standard input is closed."""
    found = [f"{pid}:{_began(pid)}" for pid in descendants(os.getpid())]
    try:
        return subprocess.Popen(
            # Neither the working directory nor anybody's start files are looked into for modules.
            [sys.executable, "-I", "-S", __file__, folder, *found],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:  # it is a precaution
        return None


def descendants(parent: int) -> list[int]:
    """What a process started, however deep; nothing where there is no /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            of = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(of, []).append(int(path.parent.name))
    found = [parent]
    for pid in found:
        found.extend(children.get(pid, []))
    return found[1:]


def _began(pid: int) -> str:
    """When a process began, in ticks: another one of that number has another."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def main(arguments: list[str]) -> None:
    """Wait for the end of the standard input; end the processes that are left, and remove the folder."""
    folder, *given = arguments
    sys.stdin.buffer.read()
    left = [(int(pid), began) for pid, _, began in (text.partition(":") for text in given) if began]
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(_began(pid) == began for pid, began in left):
        time.sleep(0.1)
    for pid, began in left:
        if _began(pid) == began:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
