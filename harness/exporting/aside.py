"""Writes a large file aside and renames it: readers see the earlier file or the whole new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from harness.store.files import cannot_write

REMEDY = "Choose another place with --out."


@contextmanager
def written_aside(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which becomes `path` if the block ends without an exception. Creates the folders above it.

    Raises `BadOutput` or `StorageError` where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as e:
        raise cannot_write(path, e, REMEDY) from e
    finally:
        # Where the folder could not be created, something else lies there.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
