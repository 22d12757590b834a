"""A lock for a single writer, which ends with its process, however that dies, and says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import weakref
from contextlib import suppress
from pathlib import Path

from harness.errors import HarnessError, RequestError, RunMismatch
from harness.store.claims import ABANDONED_AFTER, Claim, ClaimHeld
from harness.store.files import storage_errors
from harness.store.regular import open_regular

_LONGEST = 4096


class Lock:
    """An exclusive lock on a folder.

    The kernel holds it; where the file system has no `flock`, it is a `Claim`. Processes that this one forks don't hold it.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `RunMismatch` where another process holds it, `StorageError` where the folder cannot be written."""
        self._folder, self._path = folder, self._file_of(folder)
        self._fd = -1
        self._claim: Claim | None = None
        self._pid = os.getpid()
        while self._fd < 0:
            self._take()
        _HELD.add(self)

    def _file_of(self, folder: Path) -> Path:
        return folder / ".lock"

    def _take(self) -> None:
        with storage_errors(self._path):
            fd = open_regular(self._path, os.O_RDWR | os.O_CREAT)
            try:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except (BlockingIOError, PermissionError):
                    raise self._in_use(_holder(fd)) from None
                except OSError:  # ENOLCK, ENOSYS, EOPNOTSUPP, ...: a file system without locks
                    self._claim = Claim(self._path.parent)
                if not self._is_current(fd):  # Its last holder removed the file meanwhile.
                    os.close(fd)
                    return
                _sign(fd)
            except ClaimHeld as e:
                os.close(fd)
                raise self._in_use(str(e), elsewhere=True) from None
            except BaseException:
                os.close(fd)
                raise
        self._fd = fd

    def _is_current(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def _in_use(self, holder: str, *, elsewhere: bool = False) -> HarnessError:
        named = f"{str(self._folder)!r}{holder and f': {holder}'}"
        hint = _hint("Wait for it to finish, or use a different folder.", elsewhere)
        return RunMismatch(f"Another process is writing the run folder {named}.", hint)

    def release(self) -> None:
        """Let others write the folder; a second call does nothing, nor does one in a forked process."""
        if self._pid != os.getpid():
            return
        if self._claim is not None:
            self._claim.release()
            self._claim = None
        self.forget()

    def forget(self) -> None:
        """Close this process's copy of the lock. In a forked one, the process that took it still holds it."""
        if self._fd >= 0:
            with suppress(OSError):  # A component may have closed all files.
                os.close(self._fd)
            self._fd = -1


class ImportLock(Lock):
    """The lock of a name that a data set is imported into. Its file, `.NAME.lock` among the data sets, goes with it."""

    def __init__(self, home: Path, name: str) -> None:
        """Raises `RequestError` where another process holds it, `StorageError` where the folder cannot be written."""
        self._name = name
        super().__init__(home)

    def _file_of(self, folder: Path) -> Path:
        return folder / f".{self._name}.lock"

    def _in_use(self, holder: str, *, elsewhere: bool = False) -> HarnessError:
        hint = _hint("Wait for it to finish, or choose a different --name.", elsewhere)
        return RequestError(
            f"Another process is importing into the name {self._name!r}{holder and f': {holder}'}.", hint
        )

    def release(self) -> None:
        """Remove the file, and let others import; a second call does nothing, nor does one in a forked process."""
        if self._fd >= 0 and self._pid == os.getpid():
            with suppress(OSError):
                self._path.unlink()
        super().release()


_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()


def _leave_to_parent() -> None:
    # A child that outlives its parent, such as a worker of a data loader, would hold the folder as long as it lives.
    for lock in list(_HELD):
        lock.forget()
    _HELD.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


def _hint(hint: str, elsewhere: bool) -> str:
    if not elsewhere:
        return hint
    return f"{hint} On another machine, a process that died counts as finished after {ABANDONED_AFTER / 60:g} minutes."


def _sign(fd: int) -> None:
    """Write who holds the lock, for whom it is in the way. A full disk changes nothing about the lock."""
    if os.fstat(fd).st_nlink > 1:
        return  # The file has another name elsewhere, where nothing must be written.
    with suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode(), 0)


def _holder(fd: int) -> str:
    try:
        owner = json.loads(os.pread(fd, _LONGEST, 0))
        return f"process {int(owner['pid'])} on {str(owner['host'])[:200]}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return ""  # It has not written it yet, or is of an earlier version.
