"""Says which process a file belongs to: what a dead one left behind can be told from what is being written."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FORGOTTEN_AFTER = 24 * 3600.0
"""Seconds after which a temporary file of another machine, or of an earlier version, is taken for left behind."""
_OWNER = r"([0-9a-f]{8})-(\d{1,10})-(\d*)-\d+"
_TEMPORARY = re.compile(rf"\..+\.{_OWNER}\.tmp", re.DOTALL)
_REPLACED = re.compile(rf"\.{_OWNER}\.(.+)\.replaced", re.DOTALL)
_EARLIER = re.compile(r"\..+\.(\d+|[0-9a-f]{12})\.tmp", re.DOTALL)
"""Temporary files of earlier versions."""
_NUMBERS = itertools.count()


def temporary_path(path: Path) -> Path:
    """A hidden name next to `path` that says which process writes it, and that no other file has."""
    # Names of files end at 255 bytes.
    return path.with_name(f".{path.name[:40]}.{_owner()}.tmp")


def replaced_path(path: Path) -> Path:
    """The same for what waits, whole, until something else has taken its place."""
    return path.with_name(f".{_owner()}.{path.name}.replaced")


def _owner() -> str:
    pid = os.getpid()
    return f"{_digest()}-{pid}-{start_of(pid) or ''}-{next(_NUMBERS)}"


def new_folder_aside(target: Path) -> Path:
    """An empty folder next to `target`, with a name of its own, for what is renamed to `target` once it is complete.

    Unlike those of `tempfile`, it has the permissions that the umask gives: `target` is for others, too.
    """
    folder = temporary_path(target)
    folder.mkdir()
    return folder


def is_temporary(path: Path) -> bool:
    """Whether a file is a temporary one, being written or left behind by a killed process."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def sweep(folder: Path, *, earlier: bool = True) -> None:
    """Remove the temporary files and folders in `folder` whose process is gone; `earlier`: those of earlier versions, too."""
    for path in _entries(folder):
        match = _TEMPORARY.fullmatch(path.name) or (_EARLIER.fullmatch(path.name) if earlier else None)
        if match and _is_gone(path, match):
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


def left_replaced(folder: Path) -> Iterator[tuple[Path, str]]:
    """What a process that is gone had moved aside to replace it, with the name that it had."""
    for path in _entries(folder):
        match = _REPLACED.fullmatch(path.name)
        if match and _is_gone(path, match):
            yield path, match[4]


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if name.startswith(".")]
    except OSError:
        return []


def _is_gone(path: Path, match: re.Match[str]) -> bool:
    """Whether the process that a name names is gone; one of another machine, or of an earlier version, is after a day."""
    if match.re is not _EARLIER and match[1] == _digest():
        return start_of(int(match[2])) != match[3]
    try:
        return time.time() - path.lstat().st_mtime > FORGOTTEN_AFTER
    except OSError:
        return False


@functools.cache
def machine() -> str:
    """What must be the same for a process id to mean the same process: host, boot, and container."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:  # not Linux
        parts.append("")
    return " ".join(parts)


@functools.cache
def _digest() -> str:
    return hashlib.blake2b(machine().encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()


def start_of(pid: int) -> str | None:
    """When a process started, as text that differs for a later process of the same id; None if it is gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OverflowError:  # no process has such an id
        return None
    except OSError:  # it belongs to another user
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # not Linux
        return ""
    return None if fields[0] in "ZX" else fields[19]
