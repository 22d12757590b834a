"""Crash-safe files: atomic documents and append-only JSON Lines."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic_core import SchemaValidator, from_json

from harness.errors import BadOutput, RunMismatch, StorageError
from harness.json_lines import line_encoder
from harness.store.owners import sweep, temporary_path
from harness.store.packed import LONGEST_LINE, unpacked_lines
from harness.store.regular import open_regular, open_to_create, open_to_read, own_copy
from harness.store.shapes import problem_of, shape_of, unusable_number

LARGEST_DOCUMENT = 1 << 28
"""Bytes of a document that is read whole."""
_ENCODE = line_encoder(ascii_only=False, compact=True)


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

    `sync` flushes to disk, so the file also survives a power failure; a killed process does not need it. What killed
    processes left in its folder is then removed, too. A link of this name is replaced, not followed.
    """
    temporary = temporary_path(path)
    with storage_errors(path):
        try:
            if sync:
                sweep(path.parent, earlier=False)
            with open_to_create(temporary) as file:
                file.write(data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document atomically. NaN raises `ValueError`: a missing value must be null."""
    write_atomically(
        path,
        (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(
            "utf-8", "backslashreplace"
        ),
    )


_OUT_OF_THE_WAY = 700
"""Descriptors from here on are not given to files that components open, nor closed by those that close "all" files."""


_highest = _OUT_OF_THE_WAY


def _open_to_append(path: Path, least: int = _OUT_OF_THE_WAY) -> int:
    """A descriptor with a number of at least `least`, where the system allows that."""
    global _highest
    fd = own_copy(path, open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND))
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
    except OSError:  # the system allows fewer open files
        return fd
    os.close(fd)
    _highest = max(_highest, high)
    return high


class LineFile:
    """An append-only JSON Lines file. Opening it truncates an incomplete last line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._buffer: list[str] = []
        self._last_flush = time.monotonic()
        with storage_errors(path):
            self._fd = _open_to_append(path)
            self._truncate_incomplete_line()
            self._file = os.fstat(self._fd)

    def _truncate_incomplete_line(self) -> None:
        size = end = os.fstat(self._fd).st_size
        while end:
            if size - end > LONGEST_LINE:
                raise _too_long(self.path)
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

        Raises TypeError or ValueError, with nothing written, for a record that is not JSON, or that would be too long to be
        read again.
        """
        line = (_ENCODE(record) + "\n").encode("utf-8", "backslashreplace")
        if len(line) > LONGEST_LINE:
            raise ValueError(f"longer than {LONGEST_LINE // 2**20} MiB")
        self._write(line)

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

    def _open_again(self) -> None:
        """After its descriptor was closed: a component may close all that there are."""
        # Another file that is written, and was closed, too, must not find this one at its number.
        self._fd = _open_to_append(self.path, _highest + 1)
        if not os.path.samestat(os.fstat(self._fd), self._file):
            raise OSError(errno.ESTALE, "it was closed and replaced while it was written")

    def _write(self, line: bytes) -> None:
        done = 0
        try:
            while done < len(line):
                done += os.write(self._fd, line[done:])
        except OSError as e:
            with storage_errors(self.path):
                if e.errno == errno.EBADF and not done:
                    self._open_again()
                    return self._write(line)
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
                with suppress(OSError):
                    os.close(self._fd)
                self._fd = -1


def read_lines(
    path: Path, containing: bytes = b"", needs: Collection[str] = frozenset()
) -> Iterator[dict[str, Any]]:
    """The records of a JSON Lines file, or only those whose line contains `containing`.

    An incomplete last line is skipped; a missing file is empty, unless there is a compressed one (`NAME.gz`). Raises
    `RunMismatch` for an invalid line: not JSON, without one of the keys `needs`, or, in a file of a run folder, with a
    value of another kind than the file has.
    """
    shape, needs = shape_of(path.name), frozenset(needs) | {"id"}
    for number, line in enumerate(stored_lines(path), 1):
        if not line.endswith(b"\n"):
            if len(line) < LONGEST_LINE:
                return
            raise _too_long(path, number)
        if containing in line:
            record, problem = checked_line(line, shape, needs)
            if problem:
                raise _bad_line(path, number, problem)
            yield record


def checked_line(
    line: bytes, shape: SchemaValidator | None, needs: frozenset[str] = frozenset({"id"})
) -> tuple[dict[str, Any], str]:
    """The record of a complete line, and what is wrong with it ("" if nothing is)."""
    try:
        record = decode_json(line)
    except ValueError as e:
        return {}, str(e).replace(" at line 1 column", " at column")
    if not isinstance(record, dict):
        return {}, "not an object"
    if not needs <= record.keys():
        return {}, f"the key {min(needs - record.keys())!r} is missing"
    if shape is not None and not shape.isinstance_python(record):
        return {}, problem_of(shape, record)
    return record, ""


def _too_long(path: Path, number: int | None = None) -> RunMismatch:
    return _bad_line(path, number, f"longer than {LONGEST_LINE // 2**20} MiB")


def _bad_line(path: Path, number: int | None, problem: str) -> RunMismatch:
    where = "its last line" if number is None else f"line {number}"
    return RunMismatch(
        f"{path}, {where}: not a valid record: {problem}.",
        "The file was edited or the disk is faulty: remove that line, then run again.",
    )


def stored_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, or of its compressed form; the last one may be incomplete. A missing file has none."""
    try:
        file = open_to_read(path)
    except FileNotFoundError:
        packed = path.with_name(f"{path.name}.gz")
        if os.path.lexists(packed):
            yield from unpacked_lines(packed)
        return
    except OSError as e:
        raise _unreadable(path, e) from e
    with file:
        try:
            while line := file.readline(LONGEST_LINE):
                yield line
        except OSError as e:
            raise _unreadable(path, e) from e


def _unreadable(path: Path, e: OSError) -> RunMismatch:
    return RunMismatch(
        f"{str(path)!r} cannot be read: {e.strerror or e}.", "Check the permissions of the folder."
    )


def read_document(path: Path, remedy: str) -> dict[str, Any]:
    """A JSON object that a run folder holds, such as `results.json`. Its numbers are finite and have at most 64 bits.

    Raises `FileNotFoundError` where there is none, and `RunMismatch` with file, line and `remedy` where it is damaged.
    """
    try:
        with open_to_read(path) as file:
            data = file.read(LARGEST_DOCUMENT + 1)
    except FileNotFoundError:
        raise
    except OSError as e:
        raise _unreadable(path, e) from e
    try:
        if len(data) > LARGEST_DOCUMENT:
            raise ValueError(f"it is larger than {LARGEST_DOCUMENT // 2**20} MiB")
        document = decode_json(data)
        if not isinstance(document, dict):
            raise ValueError("it is not an object")
        if unusable_number(document):
            raise ValueError("it holds a number that is not finite or too large")
    except ValueError as e:
        raise RunMismatch(f"{path} cannot be read: {e}.", remedy) from e
    return document


def decode_json(text: bytes) -> Any:
    """Decode JSON: nothing that nests more than 200 deep, no number of thousands of digits.

    Raises `ValueError` that says what is wrong and where.
    """
    try:
        return from_json(text)
    except ValueError as e:
        problem = str(e)
    # `json` is slower, and accepts lone surrogates, which replies may hold.
    if b"\\u" in text and "recursion" not in problem:
        with suppress(ValueError, RecursionError):
            return json.loads(text.decode())
    raise ValueError(problem.replace("recursion limit exceeded", "it nests too deeply"))
