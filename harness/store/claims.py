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

from harness.store.owners import machine, start_of
from harness.store.regular import open_to_create, open_to_read

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
            with open_to_create(temporary) as file:
                file.write(json.dumps({"released": True}).encode())
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
        with open_to_read(path) as file:
            text, written = file.read(4096), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return ""
    try:
        owner = json.loads(text)
        name = "" if owner.get("released") else f"process {int(owner['pid'])} on {str(owner['host'])[:200]}"
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError, RecursionError):
        # Its owner has not written it yet.
        owner, name = {}, "a process that is starting"
    if name and owner.get("machine") == machine():
        return name if start_of(int(owner["pid"])) == owner.get("start") else ""
    with tempfile.TemporaryFile(dir=path.parent) as probe:
        now = os.fstat(probe.fileno()).st_mtime  # by the clock of the file server
    return name if now - written < ABANDONED_AFTER else ""


def _me() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": machine(), "pid": pid, "start": start_of(pid)}
