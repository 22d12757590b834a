"""What surrounds code of plugins while it is imported, asked what it offers, and made."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import FrameType
from typing import NoReturn

LONGEST_IMPORT = 120.0
"""Seconds that the import of a plugin, and each of its hooks, may take: one that hangs must not hang every command."""
surround: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
"""Set by the command: what a plugin prints then goes to standard error, also past `sys.stdout`."""


def guest_code() -> AbstractContextManager[None]:
    """While code of plugins runs: nothing, unless the command keeps its output apart."""
    return surround()


@contextlib.contextmanager
def imported_code(*, limited: bool = True) -> Iterator[None]:
    """While code of plugins is imported: it cannot end the process of everyone, nor hang it, unless it is not `limited`."""
    with _within(LONGEST_IMPORT if limited else None), _kept_running(), guest_code():
        yield


@contextlib.contextmanager
def _kept_running() -> Iterator[None]:
    """`os._exit` raises `SystemExit` instead of ending the process."""
    pid, leave = os.getpid(), os._exit

    def refuse(status: int) -> NoReturn:
        if os.getpid() == pid:
            raise SystemExit(f"it calls os._exit({status})")
        leave(status)

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = leave


@contextlib.contextmanager
def _within(limit: float | None) -> Iterator[None]:
    """Raise `TimeoutError` in what takes longer. Does nothing outside the main thread, or where the alarm is in use."""
    if (
        limit is None
        or threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGALRM) != signal.SIG_DFL
    ):
        yield
        return

    def late(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"no end within {limit:g} seconds")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
