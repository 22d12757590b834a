"""Puts a finished folder in place of another: a process that is killed at any moment loses neither."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.store.owners import left_replaced, replaced_path

_EXCHANGE = 2
_HERE = -100
"""AT_FDCWD: paths are relative to the working directory."""


def put_in_place(folder: Path, target: Path) -> None:
    """Rename a finished folder to `target`; a folder that is there is exchanged with it, and then deleted."""
    flush(folder)
    if not target.is_dir():
        os.replace(folder, target)
    elif _exchanged(folder, target):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        old = replaced_path(target)
        os.replace(target, old)
        os.replace(folder, target)
        shutil.rmtree(old, ignore_errors=True)
    flush(target.parent, tree=False)


def recover(parent: Path) -> None:
    """Put back what a killed process had moved aside to replace it, and remove what it replaced already."""
    for path, name in left_replaced(parent):
        with suppress(OSError):
            if (parent / name).exists():
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.rename(path, parent / name)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system cannot."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        call = library.renameat2
    except (OSError, AttributeError):  # macOS, old C libraries
        return False
    return bool(call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)


def flush(folder: Path, *, tree: bool = True) -> None:
    """Let a folder, and with `tree` all that is in it, survive a power failure."""
    if tree and _flushed_file_system(folder):
        return
    paths = [folder]
    if tree:
        paths += [Path(root) / name for root, _, files in os.walk(folder) for name in files]
    for path in paths:
        with suppress(OSError), _opened(path) as fd:
            os.fsync(fd)


def _flushed_file_system(folder: Path) -> bool:
    """Flush everything at once, which for many small files is much faster; False where the system cannot."""
    try:
        call = ctypes.CDLL(None).syncfs
        with _opened(folder) as fd:
            return bool(call(fd) == 0)
    except (OSError, AttributeError):
        return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        yield fd
    finally:
        os.close(fd)
