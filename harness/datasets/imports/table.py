"""Opens the tables and lists of a release, and infers rating scales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath

from harness.datasets import table
from harness.datasets.imports.source import MAX_TABLE, Source
from harness.datasets.table import Table
from harness.errors import BadData

MAX_LINE = 4096
"""Maximum bytes of a line of a list; longer lines are split."""
_COMMON_SCALES = ((0, 1), (1, 5), (0, 5), (1, 7), (1, 9), (1, 10), (0, 10), (1, 100), (0, 100))


def open_table(
    source: Source,
    path: str,
    *,
    needs: Sequence[Sequence[str]] = (),
    header: Sequence[str] | None = None,
) -> Table:
    """Open a table of a release, as `harness.datasets.table.open_table`. Raises `BadData` if it is too large."""
    if source.files[path] > MAX_TABLE:
        raise BadData(f"{path} is larger than {MAX_TABLE // 2**30} GiB.", "It is not a table of labels.")
    return table.open_table(path, partial(source.open, path), needs=needs, header=header)


def read_fields(source: Source, path: str) -> Iterator[tuple[int, list[str]]]:
    """The non-empty lines of a file, as (line number, fields split at white space)."""
    with source.open(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            cells = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").split()
            if cells:
                yield number, cells


def find_file(source: Source, name: str) -> str | None:
    """The path of the file with a given name, in any folder and any case; None if there is none.

    Raises `BadData` if there are several.
    """
    found = [p for p in source.files if PurePosixPath(p).name.casefold() == name.casefold()]
    if len(found) > 1:
        raise BadData(
            f"{source.name!r} contains {name} {len(found)} times: {', '.join(found[:3])}.",
            "Give the folder of one release.",
        )
    return found[0] if found else None


def needed_file(source: Source, name: str, what: str, remedy: str) -> str:
    """The path of a file without which a source is not `what`. Raises `BadData`, with a `remedy`."""
    path = find_file(source, name)
    if path is None:
        raise BadData(f"{source.name!r} is not {what}: it contains no {name}.", remedy)
    return path


def infer_scale(low: float, high: float) -> tuple[float, float]:
    """The narrowest common rating scale that contains `low` and `high`, or (low, high) if there is none."""
    fits = [(a, b) for a, b in _COMMON_SCALES if a <= low and high <= b]
    return min(fits, key=lambda ends: ends[1] - ends[0], default=(low, high))
