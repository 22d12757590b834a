"""Tells what a component's code raises apart from Ctrl-C, and describes it: a component may raise anything."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NoReturn

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
    """What a component raised, as the error of a request."""
    if isinstance(error, ItemTimeout):
        return ReplyError("timeout", message_of(error))
    return ReplyError(type(error).__name__, message_of(error))


@contextlib.contextmanager
def kept_running() -> Iterator[None]:
    """While a plugin's code is imported: `os._exit` raises `SystemExit` instead of ending the process of everyone."""
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
