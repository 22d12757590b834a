"""Files that survive a kill: whole lines or nothing, whole documents or nothing, one writer."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from harness.errors import RunMismatch, StorageError

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn a failure to write below `path` into a `StorageError` that says how to go on."""
    try:
        yield
    except OSError as e:
        raise StorageError(
            f"{str(e.filename or path)!r} cannot be written: {e.strerror or e}.",
            "What was stored before is kept. Make room or choose another --out, then run the same command "
            "again: it asks only what is missing.",
        ) from e


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file aside and rename it: readers see the old file or the new one, never a part.

    `sync` waits until the disk has it, which survives a power cut too; killing the process needs none.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        try:
            with aside.open("wb") as file:
                file.write(data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise


def is_aside(path: Path) -> bool:
    """Whether a file is one that a killed process left while writing it aside."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document atomically. NaN is refused: a value that does not exist is null."""
    write_atomically(
        path,
        (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(
            "utf-8", "backslashreplace"
        ),
    )


class LineFile:
    """A JSON Lines file that is only appended to. Opening it cuts off a torn last line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[str] = []
        self._flushed = time.monotonic()
        with storing(path):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._cut_torn_line()

    def _cut_torn_line(self) -> None:
        size = end = os.fstat(self._fd).st_size
        while end:
            start = max(0, end - 65536)
            found = os.pread(self._fd, end - start, start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end != size:
            os.ftruncate(self._fd, end)

    def append(self, record: Mapping[str, Any]) -> None:
        """Append one line. It has reached the kernel on return: killing the process does not lose it.

        Raises TypeError or ValueError, with nothing written, for a record that is not JSON.
        """
        self._write((_ENCODE(record) + "\n").encode("utf-8", "backslashreplace"))

    def append_later(self, record: Mapping[str, Any]) -> None:
        """Append one line that could be made again: a kill may lose those of the last half second."""
        self._waiting.append(_ENCODE(record) + "\n")
        if len(self._waiting) >= 256 or time.monotonic() - self._flushed > 0.5:
            self.flush()

    def flush(self) -> None:
        """Write the lines that wait."""
        lines, self._waiting = "".join(self._waiting), []
        self._flushed = time.monotonic()
        if lines:
            self._write(lines.encode("utf-8", "backslashreplace"))

    def _write(self, line: bytes) -> None:
        done = 0
        with storing(self.path):
            try:
                while done < len(line):
                    done += os.write(self._fd, line[done:])
            except OSError:
                # A part of a line must not stand before the next one.
                if done:
                    os.ftruncate(self._fd, os.fstat(self._fd).st_size - done)
                raise

    def clear(self) -> None:
        """Remove every line."""
        with storing(self.path):
            os.ftruncate(self._fd, 0)

    def close(self) -> None:
        """Write what waits and close the file; a second call does nothing."""
        if self._fd >= 0:
            try:
                self.flush()
            finally:
                os.close(self._fd)
                self._fd = -1


def read_lines(path: Path, holding: bytes = b"") -> Iterator[dict[str, Any]]:
    """The records of a JSON Lines file, or those in whose line `holding` occurs.

    A torn last line is passed over, a missing file is empty. Raises `RunMismatch` for a line that is no record.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            if holding not in line:
                continue
            try:
                record = _decoded(line)
                if not isinstance(record, dict) or "id" not in record:
                    raise ValueError("no record")
            except ValueError as e:
                raise RunMismatch(
                    f"{path}, line {number}: not a valid record.",
                    "The file was changed by hand or by a fault of the disk: remove that line, then run again.",
                ) from e
            yield record


def _decoded(line: bytes) -> Any:
    """Several times as fast as `json` alone, which takes what the fast reader refuses, such as half of a character."""
    try:
        return from_json(line)
    except ValueError:
        return json.loads(line.decode())


class Lock:
    """One writer for each folder; the kernel drops the lock when the process dies."""

    def __init__(self, folder: Path) -> None:
        path = folder / ".lock"
        with storing(path):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            os.close(self._fd)
            raise RunMismatch(
                f"Another process is writing the run folder {str(folder)!r}.",
                "Wait for it to end, or give another --out.",
            ) from e

    def release(self) -> None:
        """Let others write."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
