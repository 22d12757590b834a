"""Ctrl-C while the modules of the command load. Imports next to nothing itself."""

from __future__ import annotations

# Not `signal`, which takes longer to import than all that is here.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys

INTERRUPTED = 130


def end_quietly() -> None:
    """End the process on Ctrl-C until the command starts: nothing has begun that could be resumed.

    Only in the script `harness`, and not where Ctrl-C is ignored.
    """
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    if script == "harness" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)


def end(number: int, frame: object) -> None:
    """The handler of the signal."""
    try:  # noqa: SIM105 -- contextlib is one more import
        os.write(2, b"error: Interrupted.\n  -> Run the same command again.\n")
    except OSError:  # standard error is closed
        pass
    os._exit(INTERRUPTED)
