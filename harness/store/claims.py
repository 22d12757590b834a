"""A lock made of files alone, for file systems without `flock`, such as Lustre or NFS mounted without locks.

A claim is a file `.lock-NUMBER`, created exclusively by its owner and refreshed as long as it holds. The highest number
counts, and it is never removed before a higher one exists: two processes that find an abandoned claim both try to create
the same next one, and one of them fails.
"""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

REFRESHED_EVERY, ABANDONED_AFTER = 20.0, 300.0
"""Seconds. The second applies to owners on other machines only: on the same one it is known whether the process lives."""

_NAME = re.compile(r"\.lock-(\d+)")


class ClaimHeld(Exception):
    """Another process holds the folder; the message names it."""


class Claim:
    """Exclusive hold on a folder, until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Raises `ClaimHeld`, or `OSError` if no file can be created."""
        self._path = _take(folder)
        self._released = threading.Event()
        threading.Thread(target=self._refresh, name="claim", daemon=True).start()

    def _refresh(self) -> None:
        while not self._released.wait(REFRESHED_EVERY):
            try:
                os.utime(self._path)
            except OSError:  # the next attempt may succeed; the run itself reports a broken disk
                continue

    def release(self) -> None:
        """Let others have the folder. The file stays, because its number must not be used again."""
        self._released.set()
        try:
            temporary = self._path.with_name(f"{self._path.name}.tmp")
            temporary.write_text(json.dumps({"released": True}))
            os.replace(temporary, self._path)
        except OSError:  # on a full disk the claim ends with the process
            return


def _take(folder: Path) -> Path:
    while True:
        number = max(_numbers(folder), default=0)
        holder = _holder(folder / f".lock-{number}") if number else ""
        if holder:
            raise ClaimHeld(holder)
        path = folder / f".lock-{number + 1}"
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:  # another process was faster
            continue
        try:
            os.write(file, json.dumps(_me()).encode())
        finally:
            os.close(file)
        numbers = _numbers(folder)
        if max(numbers, default=0) == number + 1:
            for older in numbers:
                if older <= number:
                    (folder / f".lock-{older}").unlink(missing_ok=True)
            return path
        path.unlink(missing_ok=True)  # an old number: others have claimed and released since


def _numbers(folder: Path) -> list[int]:
    return [int(found[1]) for name in os.listdir(folder) if (found := _NAME.fullmatch(name))]


def _holder(path: Path) -> str:
    """The process that holds a claim; "" if it was released or its process is gone."""
    try:
        text, written = path.read_text(), path.stat().st_mtime
    except FileNotFoundError:
        return ""
    try:
        owner = json.loads(text)
        name = "" if owner.get("released") else f"process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, AttributeError):  # its owner has not written it yet
        owner, name = {}, "a process that is starting"
    if name and owner.get("machine") == _machine():
        return name if _start_of(owner["pid"]) == owner.get("start") else ""
    with tempfile.TemporaryFile(dir=path.parent) as probe:
        now = os.fstat(probe.fileno()).st_mtime  # by the clock of the file server
    return name if now - written < ABANDONED_AFTER else ""


def _me() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": _machine(), "pid": pid, "start": _start_of(pid)}


def _machine() -> str:
    """What must be the same for a process id to mean the same process: host, boot, and container."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:  # not Linux
        parts.append("")
    return " ".join(parts)


def _start_of(pid: int) -> str | None:
    """When a process started, as text that differs for a later process of the same id; None if it is gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:  # it belongs to another user
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # not Linux
        return ""
    return None if fields[0] in "ZX" else fields[19]
