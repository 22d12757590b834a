"""Ctrl-C and memory while the modules of the command load. Imports next to nothing itself."""

from __future__ import annotations

# Not `signal`, which takes longer to import than all that is here.
import _signal as signal  # type: ignore[import-not-found]
import gc
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
        # Nothing that is loaded becomes garbage: looking for some takes a tenth of the start.
        gc.disable()


def loaded() -> None:
    """Collect garbage again, once the modules of the command are loaded; they are left out."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def end(number: int, frame: object) -> None:
    """The handler of the signal."""
    try:  # noqa: SIM105 -- contextlib is one more import
        os.write(2, b"error: Interrupted.\n  -> Run the same command again.\n")
    except OSError:  # standard error is closed
        pass
    os._exit(INTERRUPTED)
