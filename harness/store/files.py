"""Crash-safe files: atomic documents, append-only JSON Lines, and a lock for a single writer."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from harness.errors import BadOutput, RunMismatch, StorageError
from harness.store.claims import ABANDONED_AFTER, Claim, ClaimHeld
from harness.store.packed import unpacked_lines

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Convert a failure to write below `path` to a `StorageError` that explains how to continue."""
    try:
        yield
    except OSError as e:
        raise StorageError(
            f"{str(e.filename or path)!r} cannot be written: {e.strerror or e}.",
            "Everything stored so far is kept. Free disk space or make the folder writable, then run the same command "
            "again: it sends only the missing requests.",
        ) from e


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def cannot_write(path: Path, cause: OSError, remedy: str) -> BadOutput | StorageError:
    """The error of an output that could not be created: `StorageError` where it may work later, such as on a full disk.

    `remedy` is an imperative sentence, and may name options of the command: "Choose a different folder."
    """
    message = f"{str(cause.filename or path)!r} cannot be written: {cause.strerror or cause}."
    if cause.errno in _FULL:
        return StorageError(message, f"Free disk space, or {remedy[:1].lower()}{remedy[1:]}")
    return BadOutput(message, remedy)


@contextmanager
def new_output(path: Path, remedy: str) -> Iterator[None]:
    """Convert a failure to create an output, before anything was computed, to the error of `cannot_write`."""
    try:
        yield
    except StorageError as e:
        if isinstance(e.__cause__, OSError):
            raise cannot_write(path, e.__cause__, remedy) from e
        raise


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write to a temporary file and rename it: readers see the old file or the new one, never a partial file.

    `sync` flushes to disk, so the file also survives a power failure; a killed process does not need it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def new_folder_aside(target: Path) -> Path:
    """An empty folder next to `target`, with a name of its own, for what is renamed to `target` once it is complete.

    Unlike those of `tempfile`, it has the permissions that the umask gives: `target` is for others, too.
    """
    folder = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.tmp")
    folder.mkdir()
    return folder


def is_temporary(path: Path) -> bool:
    """Whether a file is a temporary file of `write_atomically`, left behind by a killed process."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document atomically. NaN raises `ValueError`: a missing value must be null."""
    write_atomically(
        path,
        (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(
            "utf-8", "backslashreplace"
        ),
    )


class LineFile:
    """An append-only JSON Lines file. Opening it truncates an incomplete last line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._buffer: list[str] = []
        self._last_flush = time.monotonic()
        with storage_errors(path):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._truncate_incomplete_line()

    def _truncate_incomplete_line(self) -> None:
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
        """Append one line. The data has reached the kernel on return, so it survives if the process is killed.

        Raises TypeError or ValueError, with nothing written, for a record that is not JSON.
        """
        self._write((_ENCODE(record) + "\n").encode("utf-8", "backslashreplace"))

    def append_buffered(self, record: Mapping[str, Any]) -> None:
        """Append one line that can be recreated: a kill may lose the lines of the last half second."""
        self._buffer.append(_ENCODE(record) + "\n")
        if len(self._buffer) >= 256 or time.monotonic() - self._last_flush > 0.5:
            self.flush()

    def flush(self) -> None:
        lines, self._buffer = "".join(self._buffer), []
        self._last_flush = time.monotonic()
        if lines:
            self._write(lines.encode("utf-8", "backslashreplace"))

    def _write(self, line: bytes) -> None:
        done = 0
        with storage_errors(self.path):
            try:
                while done < len(line):
                    done += os.write(self._fd, line[done:])
            except OSError:
                # The next line must not follow a partial one.
                if done:
                    os.ftruncate(self._fd, os.fstat(self._fd).st_size - done)
                raise

    def clear(self) -> None:
        """Remove every line."""
        with storage_errors(self.path):
            os.ftruncate(self._fd, 0)

    def close(self) -> None:
        """Write buffered lines and close the file; a second call does nothing."""
        if self._fd >= 0:
            try:
                self.flush()
            finally:
                os.close(self._fd)
                self._fd = -1


def read_lines(path: Path, containing: bytes = b"") -> Iterator[dict[str, Any]]:
    """The records of a JSON Lines file, or only those whose line contains `containing`.

    An incomplete last line is skipped; a missing file is empty, unless there is a compressed one (`NAME.gz`). Raises
    `RunMismatch` for an invalid line.
    """
    for number, line in enumerate(_stored_lines(path), 1):
        if not line.endswith(b"\n"):
            return
        if containing not in line:
            continue
        try:
            record = _decode(line)
            if not isinstance(record, dict) or "id" not in record:
                raise ValueError("not a record")
        except ValueError as e:
            raise RunMismatch(
                f"{path}, line {number}: not a valid record.",
                "The file was edited or the disk is faulty: remove that line, then run again.",
            ) from e
        yield record


def _stored_lines(path: Path) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        packed = path.with_name(f"{path.name}.gz")
        if packed.is_file():
            yield from unpacked_lines(packed)
        return
    with file:
        yield from file


def _decode(line: bytes) -> Any:
    """Decode JSON with pydantic_core, several times as fast as `json`, which accepts more, such as lone surrogates."""
    try:
        return from_json(line)
    except ValueError:
        return json.loads(line.decode())


class Lock:
    """An exclusive lock on a folder that ends with the process, however it dies.

    The kernel holds it; where the file system has no `flock`, it is a `Claim`.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = -1
        self._claim: Claim | None = None
        path = folder / ".lock"
        try:
            with storage_errors(path):
                self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
                try:
                    fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except (BlockingIOError, PermissionError):
                    raise _in_use(folder) from None
                except OSError:  # ENOLCK, ENOSYS, EOPNOTSUPP, ...: a file system without locks
                    self._claim = Claim(folder)
        except ClaimHeld as e:
            self.release()
            raise _in_use(folder, str(e)) from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others write the folder; a second call does nothing."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _in_use(folder: Path, holder: str = "") -> RunMismatch:
    message = f"Another process is writing the run folder {str(folder)!r}{holder and f': {holder}'}."
    hint = "Wait for it to finish, or use a different folder."
    if holder:
        hint += f" On another machine, a process that died counts as finished after {ABANDONED_AFTER / 60:g} minutes."
    return RunMismatch(message, hint)
