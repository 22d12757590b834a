"""Ctrl-C at any moment: exit code 130 and no traceback, although a component hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

from harness.cli import early

AGAIN = 1.0
"""Seconds that the command has to end after a second Ctrl-C; then it is ended."""
SHUTDOWN = 10.0
"""Seconds that threads and exit handlers of plugins have once the command is done."""


@contextlib.contextmanager
def handle_interrupts() -> Iterator[None]:
    """Ctrl-C raises `KeyboardInterrupt`. A second one ends the process soon, whatever its main thread is doing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGINT) is early.end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # A terminal interrupts forked children, too, which would write to the same pipe.
    os.register_at_fork(after_in_child=_stop_counting)
    earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_count, args=(reader,), name="memobench-interrupts", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        with contextlib.suppress(OSError):
            os.close(writer)


def _stop_counting() -> None:
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(-1)


def _count(reader: int) -> None:
    """Another thread: handlers in Python wait until the main thread runs Python code, which a hanging library does not."""
    found = 0
    with contextlib.suppress(OSError):
        while numbers := os.read(reader, 64):
            found += numbers.count(signal.SIGINT) + numbers.count(signal.SIGTERM)
            if found >= 2:
                time.sleep(AGAIN)
                os.write(
                    2,
                    b"error: Interrupted.\n  -> What was stored is kept: run the same command again to resume.\n",
                )
                os._exit(early.INTERRUPTED)
        os.close(reader)


def limit_shutdown(code: int) -> None:
    """The command is done: end the process with `code` although a plugin's thread or exit handler never ends.

    Ctrl-C from now on ends it without a traceback.
    """
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_late, args=(code,), name="memobench-shutdown", daemon=True).start()


def _end_late(code: int) -> None:
    time.sleep(SHUTDOWN)
    with contextlib.suppress(OSError):
        os.write(
            2, b"A plugin left a thread or an exit handler that does not end; the command ends without it.\n"
        )
    os._exit(code)
