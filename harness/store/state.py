"""How far a run is: running, interrupted, failed or complete, as its `run.json` says."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.store.regular import open_regular
from harness.store.runfolder import RunFolder

STATE = "state"
"""The key of `run.json`."""
RUNNING, INTERRUPTED, FAILED, COMPLETE = "running", "interrupted", "failed", "complete"


@contextmanager
def attempt(folder: RunFolder) -> Iterator[None]:
    """One attempt at a run: closes the folder, and stores how it ended if that is not known: INTERRUPTED or FAILED.

    Meanwhile the folder's path is absolute: a component may change the working directory.
    """
    folder.path = Path(os.path.abspath(folder.path))
    try:
        yield
    except BaseException as e:
        # Where that cannot be stored, it stays RUNNING and no process holds the lock, which means interrupted.
        if folder.run.get(STATE) == RUNNING:
            with suppress(HarnessError, OSError):
                folder.update({STATE: INTERRUPTED if isinstance(e, KeyboardInterrupt) else FAILED})
        raise
    finally:
        folder.close()


def state_of(path: Path, document: Mapping[str, Any]) -> str:
    """The state of the run in a folder, from its `run.json`; "" for one of an earlier version, which stored none.

    A run that was killed could not store its end: it is INTERRUPTED if no process holds the folder.
    """
    stored = document.get(STATE)
    if stored == RUNNING:
        return RUNNING if _is_held(path) else INTERRUPTED
    return stored if stored in (INTERRUPTED, FAILED, COMPLETE) else ""


def _is_held(path: Path) -> bool:
    try:
        fd = open_regular(path / ".lock", os.O_RDONLY)
    except (HarnessError, OSError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # A file system without locks: its claims are not looked at.
        return False
    finally:
        os.close(fd)
    return False
