"""Compressed JSON Lines of committed baselines: written the same each time, read within limits."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import RunMismatch
from harness.store.regular import open_to_read

LARGEST, LONGEST_LINE = 1 << 32, 1 << 26
"""Bytes that are unpacked of a file, and of one line: a small file may unpack to any size."""


def pack(lines: Iterable[bytes]) -> bytes:
    """The lines compressed. The same lines give the same bytes, so that a repository sees no change where there is none."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=9) as file:
        file.writelines(lines)
    return packed.getvalue()


def unpacked_lines(path: Path) -> Iterator[bytes]:
    """The lines of a compressed file. Raises `RunMismatch` where it is damaged or too large."""
    total = 0
    try:
        with open_to_read(path) as packed, gzip.GzipFile(fileobj=packed, mode="rb") as file:
            while line := file.readline(LONGEST_LINE):
                total += len(line)
                if total > LARGEST or len(line) == LONGEST_LINE:
                    raise RunMismatch(
                        f"{str(path)!r} unpacks to more than a baseline can hold.", "Bless a run again."
                    )
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as e:
        raise RunMismatch(
            f"{str(path)!r} is damaged: {e}.", "Restore it from the repository, or bless a run again."
        ) from e
