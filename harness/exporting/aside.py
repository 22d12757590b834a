"""Writes a large file aside and renames it: readers see the earlier file or the whole new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from harness.store.files import cannot_write
from harness.store.owners import sweep, temporary_path
from harness.store.regular import open_to_create

REMEDY = "Choose another place with --out."


@contextmanager
def written_aside(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `path` if the block ends without an exception. Creates the folders above it.

    Raises `BadOutput` or `StorageError` where it cannot be written.
    """
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, earlier=False)
        with open_to_create(temporary) as file:
            yield file
        os.replace(temporary, path)
    except OSError as e:
        raise cannot_write(path, e, REMEDY) from e
    finally:
        # Where the folder could not be created, something else lies there.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
