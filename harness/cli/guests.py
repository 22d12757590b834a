"""What the command keeps from the code of plugins: standard output, the streams, and the end of the process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

from harness.cli.streams import divert_output
from harness.errors import ExitCode
from harness.escaping import plain


@contextlib.contextmanager
def guests() -> Iterator[None]:
    """While plugins' code runs: what it prints goes to standard error, and it cannot end the command with exit code 0."""
    pid, leave = os.getpid(), os._exit

    def refuse(status: int) -> NoReturn:
        if os.getpid() == pid:
            say(
                "error: A plugin ended the process.\n  -> What was stored is kept: run the same command again to resume."
            )
            leave(status or ExitCode.FAILED)
        leave(status)

    os._exit = refuse
    try:
        with divert_output():
            yield
    finally:
        os._exit = leave


def say(text: str) -> None:
    """Write lines to standard error in a process that may be in any state."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")


def give_up(name: str) -> None:
    """End the process, from any thread: a call of a component cannot be stopped."""
    say(
        f"error: {plain(name, 100)} gives no reply within the limit of --timeout, and cannot be stopped.\n"
        "  -> What was stored is kept: run the same command again to resume."
    )
    os._exit(ExitCode.FAILED)


def blamed(error: BaseException) -> str:
    """The plugin whose code raised an error that nobody expected, as a sentence; "" for our own."""
    module = sys.modules.get("harness.registry.registry")
    if module is None:
        return ""
    tops = {p.entry_point.partition(":")[0].partition(".")[0]: p.dist for p in module.registry().plugins}
    tops.pop("harness", None)
    where, found = error.__traceback__, ""
    while where is not None:
        top = str(where.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        found = tops.get(top, found)
        where = where.tb_next
    return found
