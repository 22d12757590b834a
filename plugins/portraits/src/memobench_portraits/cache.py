"""The cache of the data set: every file has its digest, and what is missing or changed is made again.

One process at a time writes it. What a killed one left behind, a hidden folder beside it, is removed by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CHECKSUMS = "checksums.sha256"
LOCK = ".lock"

Write = Callable[[Path, Collection[str]], None]
"""Makes files, named by their paths in the data set, in an existing empty folder."""


def complete(folder: Path, names: Collection[str], write: Write) -> None:
    """Make whatever of `names` is missing in `folder` or has another digest; the folder itself if there is none.

    Raises `PermissionError` where the folder cannot be read, `OSError` where it cannot be written.
    """
    missing = damaged(folder, names)
    if not missing and not _left_behind(folder):
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_writer(folder.parent) as alone:
            if alone:
                for path in _left_behind(folder):
                    shutil.rmtree(path, ignore_errors=True)
            missing = damaged(folder, names)  # Another process may have made it meanwhile.
            if missing:
                _make(folder, names, missing, write)
    except OSError:
        if missing:
            raise  # A whole cache that cannot be written is as good as any other.


def damaged(folder: Path, names: Collection[str]) -> list[str]:
    """The files that are missing, or not as they were made; all of them where their digests are not known."""
    expected = _checksums(folder)
    if not expected.keys() >= set(names):
        return list(names)
    return [name for name in names if _digest(folder / name) != expected[name]]


def _checksums(folder: Path) -> dict[str, str]:
    """File -> digest, as far as they are known."""
    text = (_read(folder / CHECKSUMS) or b"").decode("utf-8", "replace")
    return {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}


def _digest(path: Path) -> str:
    """The SHA-256 of a file; "" for what is no file."""
    data = _read(path)
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _read(path: Path) -> bytes | None:
    """The bytes of a regular file; None for anything else. Raises `PermissionError` where it may not be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        raise
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read()


def _make(folder: Path, names: Collection[str], missing: Collection[str], write: Write) -> None:
    # Not by `tempfile`, whose folders are for their owner alone: a cache may be shared.
    temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    temporary.mkdir()
    try:
        write(temporary, missing)
        made = {name: _digest(temporary / name) for name in missing}
        kept = _kept(folder, names, made)
        if kept is None:  # Rendered by another version of a library: a mixture would be of neither.
            _make(folder, names, list(names), write)
            return
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted((kept | made).items()))
        (temporary / CHECKSUMS).write_text(sums, encoding="utf-8", newline="")
        for name in (*missing, CHECKSUMS):
            _flush(temporary / name)
        if not os.path.lexists(folder):
            with suppress(FileExistsError):  # Without locks, another process may be faster.
                temporary.rename(folder)
                _flush(folder.parent)
                return
        for name in (*missing, CHECKSUMS):
            _put(folder, temporary / name, folder / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _kept(folder: Path, names: Collection[str], made: Mapping[str, str]) -> dict[str, str] | None:
    """The digests of what is not made; None where what is made differs from what the folder had before."""
    if len(made) == len(names):
        return {}
    stored = _checksums(folder)
    if any(stored[name] != digest for name, digest in made.items()):
        return None
    return {name: stored[name] for name in names if name not in made}


def _put(folder: Path, file: Path, target: Path) -> None:
    """Put a file of the data set in its place, whatever is there."""
    for place in dict.fromkeys((folder, target.parent)):
        if not _is_folder(place):
            place.unlink(missing_ok=True)
            place.mkdir()
    if _is_folder(target):
        shutil.rmtree(target)
    os.replace(file, target)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _flush(path: Path) -> None:
    """Let a file, or the names in a folder, survive a power failure."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _left_behind(folder: Path) -> list[Path]:
    """What looks like the unfinished folder of another process; with the lock, that one is gone."""
    try:
        return [path for path in folder.parent.iterdir() if path.name.startswith(".") and path.name != LOCK]
    except OSError:
        return []


def _is_current(fd: int, path: Path) -> bool:
    """Whether an open file is the one of this name: its last holder may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


@contextmanager
def _only_writer(folder: Path) -> Iterator[bool]:
    """Wait until no other process writes; False where the file system has no locks. The lock goes with its process."""
    path = folder / LOCK
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
            except OSError:
                yield False
                return
            if _is_current(fd, path):
                try:
                    yield True
                finally:
                    with suppress(OSError):
                        path.unlink()
                return
        finally:
            os.close(fd)
