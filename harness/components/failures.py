"""Tells what a component's code raises apart from Ctrl-C, and describes it: a component may raise anything."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback

from harness.secrets import hide_keys
from harness.types import ReplyError


class ItemTimeout(Exception):
    """A request had no reply within the time that the user allows for one. Raised inside the component."""

    def __init__(self, message: str = "no reply within the limit of --timeout") -> None:
        super().__init__(message)


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is the user's Ctrl-C.

    That raises `KeyboardInterrupt` itself. Everything else that a component raises is its own failure: subclasses,
    `SystemExit`, `asyncio.CancelledError` and other exceptions that are no `Exception`.
    """
    return type(error) is KeyboardInterrupt


def message_of(error: object) -> str:
    """The text of an error, or of anything that stands for one; "" where its `__str__` fails."""
    try:
        return str.__str__(str(error))
    except BaseException as e:  # the object is a component's, and may fail in any way
        if is_interrupt(e):
            raise
        return ""


def failure(error: BaseException) -> ReplyError:
    """What a component raised, as the error of a request: with the method that the core called, and the line in it."""
    show_traceback(error)
    if isinstance(error, ItemTimeout):
        return ReplyError("timeout", message_of(error))
    message, place = message_of(error), _place(error)
    return ReplyError(type(error).__name__, f"{message} ({place})".strip() if place else message)


def _place(error: BaseException) -> str:
    """The first function outside the core that an error passed through, with its line; "" if there is none.

    An error of another process has no traceback here: its executor says the place in `memobench_place`.
    """
    known = getattr(error, "memobench_place", None)
    if isinstance(known, str):
        return known
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != "harness":
            owner = frame.f_locals.get("self")
            name = frame.f_code.co_name if owner is None else f"{type(owner).__name__}.{frame.f_code.co_name}"
            return f"in {name}, {os.path.basename(frame.f_code.co_filename)} line {line}"
    return ""


DEBUG = "MEMOBENCH_DEBUG"
"""The environment variable that asks for tracebacks of failed requests, as --traceback does."""
MOST_TRACEBACKS = 3
_shown: set[tuple[str, str, int]] = set()
_showing = threading.Lock()


def show_traceback(error: BaseException) -> None:
    """Print the traceback of what a component raised to standard error, where that is asked for: the first few that differ."""
    if os.environ.get(DEBUG, "0") in ("", "0") or isinstance(error, ItemTimeout):
        return
    *_, last = [("", 0), *((f.f_code.co_filename, n) for f, n in traceback.walk_tb(error.__traceback__))]
    key = (type(error).__name__, *last)
    with _showing:
        if key in _shown or len(_shown) >= MOST_TRACEBACKS:
            return
        _shown.add(key)
    with contextlib.suppress(Exception):  # the error is a component's, and may fail when it is shown
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        print(hide_keys("".join(lines)), file=sys.stderr, end="", flush=True)
