"""The file of a study's answers, as SQLite opens it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

BUSY = 10.0
"""Seconds that a write waits for another process."""
NO_ROOM = ("disk I/O error", "disk is full", "unable to open", "readonly", "locked")
"""Of messages of SQLite: the file is all right."""


def connect(path: Path) -> tuple[sqlite3.Connection, tempfile.TemporaryDirectory[str] | None]:
    """The database, and the folder of its copy where it stands on a disk that cannot be written."""
    aside = None
    if not (os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))):
        # SQLite would need to write beside it, to read what a killed server has not merged.
        aside = tempfile.TemporaryDirectory(prefix="memobench-annotate-")
        for name in (path.name, f"{path.name}-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(name), Path(aside.name) / name)
        path = Path(aside.name) / path.name
    db = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    return db, aside


def file_of(path: Path) -> tuple[int, int]:
    """Which file a path leads to."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
