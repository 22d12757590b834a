"""Opens Parquet files of a release safely, and finds the pictures embedded in them."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.parquet import load_pyarrow
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import MAX_RATIO, Source
from harness.errors import BadData, RequestError

BATCH = 32
"""Rows in memory at a time."""
SUSPECT = 64 * 2**20
_MAGIC = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"II*\0", ".tif"),
          (b"MM\0*", ".tif"), (b"RIFF", ".webp"))  # fmt: skip


def parquet_files(source: Source) -> list[str]:
    files = [p for p in source.files if p.casefold().endswith(".parquet")]
    if not files:
        linked = [p for p in source.refused if p.casefold().endswith(".parquet")]
        raise BadData(
            f"{source.name!r} contains no Parquet files"
            + (f"; {linked[0]} is {source.refused[linked[0]]}." if linked else "."),
            "Give a folder that contains the link targets."
            if linked
            else "Export the data set from `datasets`: `dataset.to_parquet(FILE)`.",
        )
    if source.real_path(files[0]) is None:
        raise RequestError(
            f"{source.name!r} contains Parquet files in a zip.", "Unpack it and give the folder."
        )
    return files


@contextmanager
def opened(source: Source, path: str) -> Iterator[Any]:
    """An open Parquet file. Errors while reading it are raised as `BadData`."""
    pyarrow = load_pyarrow(f"Reading {path}")
    try:
        with (
            source.open(path) as opened,
            pyarrow.parquet.ParquetFile(opened, pre_buffer=False, buffer_size=2**20) as file,
        ):
            yield file
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, MemoryError) as e:
        if getattr(e, "errno", None):  # an I/O error; errors in the file format have no errno
            raise
        raise BadData(
            f"{path} cannot be read as Parquet: {str(e).splitlines()[0] if str(e) else type(e).__name__}.",
            "Nothing was imported. Download or export it again.",
        ) from e


def check_size(path: str, packed: int, metadata: Any) -> None:
    """Refuse a file with an implausible compression ratio: pictures are already compressed."""
    # Do not query single columns: pyarrow aborts the process on invalid column metadata.
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if unpacked > max(SUSPECT, MAX_RATIO * packed):
        raise BadData(
            f"{path} is refused: it would unpack to {unpacked:,} bytes.", "Download or export it again."
        )


def embedded_picture(cell: Any, path: str, line: int, source: Source) -> tuple[str, bytes | None]:
    """The target path of an embedded picture and its bytes; or the path of an external file and None."""
    if isinstance(cell, dict):
        data, name = cell.get("bytes"), cell.get("path")
    else:
        data, name = (cell, None) if isinstance(cell, bytes) else (None, cell)
    if data is not None:
        suffix = next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), ".bin")
        return f"{PurePosixPath(path).with_suffix('')}/{line - 1:07d}{suffix}", data
    if not isinstance(name, str) or not name:
        return f"row {line}", None
    neighbour = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return neighbour if neighbour in source.files else name, None


def parquet_rows(
    source: Source, path: str, report: Report, skip: Container[str] = ()
) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, counted in the report; `skip` names columns that are not read."""
    with opened(source, path) as file:
        check_size(path, source.files[path], file.metadata)
        columns = [name for name in file.schema_arrow.names if name not in skip]
        for batch in file.iter_batches(batch_size=BATCH, columns=columns):
            for row in batch.to_pylist():
                report.rows[path] += 1
                yield row
