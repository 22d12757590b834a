"""Moves what a run folder holds into `previous/1`, `previous/2`, ... of the same folder, for a run that asks everything anew.

Everything is moved by renames, `run.json` first: without it the folder is no run folder, so that nobody takes half of one
for a whole. A process that is killed in between leaves `previous/.N.moving`, and the next start ends the move.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.store.files import storage_errors
from harness.store.owners import is_temporary
from harness.store.regular import subfolder

PREVIOUS = "previous"
_NUMBER = re.compile(r"[1-9]\d*")
_MOVING = re.compile(r"\.([1-9]\d*)\.moving")


def is_kept(path: Path) -> bool:
    """Whether an entry of a run folder stays where it is: locks, earlier runs, and files being written."""
    return path.name == PREVIOUS or path.name.startswith(".lock") or is_temporary(path)


def is_archived(folder: Path, first: str) -> bool:
    """Whether a folder holds earlier runs, or is being moved: it is ours, although it may have no `run.json` (`first`)."""
    found = (p for p in _entries(folder / PREVIOUS) if _NUMBER.fullmatch(p.name) or _MOVING.fullmatch(p.name))
    return any((path / first).exists() for path in found)


def finish_move(folder: Path, first: str) -> None:
    """End a move that was interrupted. `first` is the file that is moved first: `run.json`."""
    for moving in _entries(subfolder(folder, PREVIOUS, create=False)):
        if not _MOVING.fullmatch(moving.name):
            continue
        subfolder(moving.parent, moving.name)
        with storage_errors(folder):
            if not (moving / first).exists():
                os.rmdir(moving)  # The move had not begun.
                continue
            if not (folder / first).exists():  # Else a new run has begun since, with files of its own.
                _move_all(folder, moving)
            os.rename(moving, _free(folder / PREVIOUS))


def move_aside(folder: Path, first: str) -> Path | None:
    """Move what a locked run folder holds into `previous/N`; returns that folder, or None if there was no run.

    Raises `StorageError` if something cannot be moved; what was moved until then is not lost, and a later call goes on.
    """
    finish_move(folder, first)
    if not (folder / first).exists():
        return None
    with storage_errors(folder):
        target = _free(subfolder(folder, PREVIOUS))
        moving = subfolder(target.parent, f".{target.name}.moving")
        os.rename(folder / first, moving / first)
        _move_all(folder, moving)
        os.rename(moving, target)
    return target


def _move_all(folder: Path, target: Path) -> None:
    for path in _entries(folder):
        if not is_kept(path):
            os.rename(path, target / path.name)


def _free(previous: Path) -> Path:
    """The folder after the last one."""
    numbers = [int(p.name) for p in _entries(previous) if _NUMBER.fullmatch(p.name)]
    return previous / str(max(numbers, default=0) + 1)


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
