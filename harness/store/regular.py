"""Opens the files of a run folder as what they must be: regular files, never through a link.

A run folder may come from anybody. A link in it would be written through to a file elsewhere, and a pipe or a device in
place of a file would be waited for, or read for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from harness.errors import RunMismatch

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a pipe waits for its other end."""
_KINDS = (
    (stat.S_ISLNK, "a link, and links in a run folder are not followed"),
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
)


def open_regular(path: Path, flags: int) -> int:
    """A descriptor of a regular file. Raises `RunMismatch` for anything else, `OSError` as `os.open` does."""
    try:
        fd = os.open(path, flags | _SAFELY, 0o666)
    except OSError as e:
        if e.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EOPNOTSUPP, errno.ENODEV):
            _refuse_irregular(path)
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            _refuse_irregular(path)
            raise _irregular(path, "not a regular file")
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_to_read(path: Path) -> BinaryIO:
    """The same as `open_regular`, for reading bytes."""
    return cast(BinaryIO, os.fdopen(open_regular(path, os.O_RDONLY), "rb"))


def open_to_create(path: Path, mode: str = "wb") -> IO[bytes]:
    """A new file of this name, for a temporary one: what a killed process, or anybody else, left there is removed."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    return cast(IO[bytes], os.fdopen(open_regular(path, os.O_RDWR | os.O_CREAT | os.O_EXCL), mode))


def subfolder(folder: Path, name: str, *, create: bool = True) -> Path:
    """A folder in a run folder, created if need be. Raises `RunMismatch` where something else has its name."""
    path = folder / name
    if create:
        with suppress(FileExistsError):
            path.mkdir()
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        if create:
            raise
        return path
    if not stat.S_ISDIR(kind):
        raise _irregular(path, _name(kind).replace(", not a file", ", not a folder"))
    return path


def own_copy(path: Path, fd: int) -> int:
    """The descriptor, or one of a copy that took the file's place where the file has a second name elsewhere.

    A folder that was copied with hard links shares its files with the original, which must stay as it is.
    """
    if os.fstat(fd).st_nlink <= 1:
        return fd
    flags = os.O_RDWR | os.O_APPEND
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(fd, "rb") as shared, open_to_create(temporary) as file:
            while block := shared.read(1 << 20):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    return open_regular(path, flags)


def _refuse_irregular(path: Path) -> None:
    """Raise `RunMismatch` that says what a path is, unless it is a regular file."""
    with suppress(FileNotFoundError):
        kind = os.lstat(path).st_mode
        if not stat.S_ISREG(kind):
            raise _irregular(path, _name(kind))


def _name(kind: int) -> str:
    return next((text for test, text in _KINDS if test(kind)), "a device, not a file")


def _irregular(path: Path, what: str) -> RunMismatch:
    return RunMismatch(
        f"{str(path)!r} is {what}.", "Put the file or folder itself there, or remove it if it is not yours."
    )
