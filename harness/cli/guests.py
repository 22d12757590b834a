"""What the command keeps from the code of plugins: standard output, the streams, and the end of the process."""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

from harness.cli.streams import divert_output
from harness.components import guest_code
from harness.errors import ExitCode, PluginError
from harness.escaping import plain


@contextlib.contextmanager
def own_process() -> Iterator[None]:
    """While the command runs: no plugin ends it with exit code 0, and builtins that one replaced are put back at the end."""
    pid, leave, functions = os.getpid(), os._exit, dict(vars(builtins))

    def refuse(status: int) -> NoReturn:
        module = str(sys._getframe(1).f_globals.get("__name__", "")).partition(".")[0]
        if os.getpid() == pid and module != "harness":
            say(
                f"error: A plugin ended the process: {plain(module, 100)}.\n"
                "  -> What was stored is kept: run the same command again to resume."
            )
            leave(status or ExitCode.FAILED)
        leave(status)

    os._exit = refuse
    guest_code.surround = guests
    try:
        yield
    except Exception as e:
        replaced = [name for name, function in functions.items() if vars(builtins).get(name) is not function]
        if replaced:
            module = getattr(vars(builtins).get(replaced[0]), "__module__", "")
            vars(builtins).update(functions)
            raise PluginError(
                f"A plugin replaced {replaced[0]}() of Python: {plain(module, 100)}. After that: {type(e).__name__}.",
                "Report it to its authors. What was stored is kept.",
            ) from e
        raise
    finally:
        guest_code.surround = contextlib.nullcontext
        os._exit = leave
        vars(builtins).update(functions)


@contextlib.contextmanager
def guests() -> Iterator[None]:
    """While plugins' code runs: what it prints goes to standard error."""
    import logging  # slow to import, and not needed for a command that runs no plugin

    # Where a plugin breaks Python, pools of threads print a traceback of their own. It stays so to the end of the process.
    logging.getLogger("concurrent.futures").disabled = True
    with divert_output():
        yield


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
