"""Where a thread is in its code, in a few words."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from types import FrameType

_LIBRARY = (os.path.join(sysconfig.get_paths()["stdlib"], ""), "<frozen")
_CORE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_WORKERS = ("memobench-prepare", "memobench-store")
"""Threads that the thread of a run may wait for."""


def where(thread: int) -> str:
    """What a thread does: the innermost line of Python code, and the line of a component that led there; "" if unknown.

    Where our own code waits for other threads of the run, what the first of them does.
    """
    frames = sys._current_frames()
    frame = frames.get(thread)
    if frame is None:
        return ""
    if not _of_component(frame):
        names = {t.ident: t.name for t in threading.enumerate()}
        workers = [f for ident, f in frames.items() if names.get(ident, "").startswith(_WORKERS)]
        frame = next((f for f in workers if _of_component(f)), frame)
    caller = next((f for f in _outwards(frame) if _is_component(f)), frame)
    inner = f"in {_place(frame)}"
    return inner if caller is frame else f"{inner}, called by {_place(caller)}"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _of_component(frame: FrameType) -> bool:
    """Whether a component's code runs, or called what runs of the standard library."""
    first = next((f for f in _outwards(frame) if not _is_library(f)), None)
    return first is not None and _is_component(first)


def _is_library(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith(_LIBRARY) and "site-packages" not in file


def _is_component(frame: FrameType) -> bool:
    return not _is_library(frame) and not frame.f_code.co_filename.startswith(_CORE)


def _place(frame: FrameType) -> str:
    file = "/".join(frame.f_code.co_filename.split(os.sep)[-2:])
    return f"{file}, line {frame.f_lineno}, {frame.f_code.co_name}"
