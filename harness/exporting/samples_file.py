"""Writes the rows of a run to one file: Parquet, CSV or JSON Lines."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TextIO

from harness.datasets.imports.parquet import OURS, load_pyarrow
from harness.errors import BadOutput, RequestError
from harness.escaping import csv_cell, printable_json
from harness.exporting.sample_columns import FIXED, Cell, SampleColumns
from harness.exporting.samples import SampleRow, iter_samples
from harness.json_lines import line_encoder
from harness.store.files import cannot_write
from harness.store.outputs import refuse_file_of_a_run
from harness.store.owners import sweep, temporary_path
from harness.store.regular import open_to_create
from harness.store.runfolder import GENERATE_ONLY, RUN, read_run

DEFAULT_NAMES = {"parquet": "samples.parquet", "csv": "samples.csv", "jsonl": "samples.export.jsonl"}
"""Format -> name of the file in the run folder, where `samples.jsonl` is what the run is made of."""
STANDARD_OUTPUT = Path("-")
_ENCODE = line_encoder(ascii_only=False, compact=True)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)
BATCH_ROWS, BATCH_CHARACTERS = 5_000, 16 * 2**20
"""Maximum size of a row group of Parquet, which is held in memory."""


@dataclass(frozen=True)
class ExportedSamples:
    """What was written."""

    path: Path
    rows: int
    columns: int
    size: int
    """Bytes; 0 for standard output."""


class RowWriter(Protocol):
    """Writes rows one by one."""

    def add(self, row: SampleRow) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...


def export_samples(
    run: Path, form: str, out: Path | None = None, *, force: bool = False, strict: bool = False
) -> ExportedSamples:
    """Write one row for each question of a run, streamed, to `out` (by default `DEFAULT_NAMES` in the run folder).

    The file appears once it is complete. An earlier export is replaced; any other file only with `force`, and a file of
    a run folder never. `out` "-" is standard output. `strict` is that of `iter_samples`. Raises `RunMismatch` where there
    is no run, `RequestError` for a folder that holds portraits alone or a run without any question, `BadOutput` or
    `StorageError` if the file cannot be written, and `MissingPackage` for Parquet without pyarrow.
    """
    document = read_run(run)
    if document["request"].get("role") == GENERATE_ONLY:
        raise RequestError(
            f"{str(run)!r} holds portraits but no answers.",
            f"Run a judge on them: harness run --task coarse_emotion --model fer --data {run}",
        )
    if form == "parquet":
        load_pyarrow("Writing Parquet")
    if out == STANDARD_OUTPUT:
        return _to_standard_output(run, form, strict=strict)
    if out is None and document.get("baseline") is True:
        raise BadOutput(
            f"{str(run)!r} is a baseline of the gate, which stays as it is.", "Name a file with --out."
        )
    out = run / DEFAULT_NAMES[form] if out is None else out
    _check_target(out, force=force)
    columns = SampleColumns.of_run(run)
    rows = 0
    try:
        with _replacing(out) as file:
            writer = _writer(form, file, columns)
            try:
                for rows, row in enumerate(iter_samples(run, strict=strict), 1):  # noqa: B007
                    writer.add(row)
                writer.finish()
            except BaseException:
                writer.abandon()
                raise
            size = file.tell()
    except OSError as e:
        raise cannot_write(out, e, "Choose a different --out; nothing was exported.") from e
    return ExportedSamples(out, rows, len(columns.kinds), size)


def _to_standard_output(run: Path, form: str, *, strict: bool) -> ExportedSamples:
    if form == "parquet":
        raise RequestError(
            "Parquet is not text, and is not printed.", "Name a file, or use --format csv or jsonl."
        )
    columns, rows = SampleColumns.of_run(run), 0
    writer = _Csv(sys.stdout, columns) if form == "csv" else _JsonLines(sys.stdout, columns)
    for rows, row in enumerate(iter_samples(run, strict=strict), 1):  # noqa: B007
        writer.add(row)
    return ExportedSamples(STANDARD_OUTPUT, rows, len(columns.kinds), 0)


def _check_target(out: Path, *, force: bool) -> None:
    """Refuse to replace what is not an export."""
    if os.path.isdir(out):
        raise BadOutput(f"{str(out)!r} is a folder.", f"Name a file, such as {out / 'samples.csv'}.")
    refuse_file_of_a_run(out, f"samples.export{out.suffix}")
    if not os.path.lexists(out):
        return
    if out.is_symlink() and (out.parent / RUN).exists():
        raise BadOutput(
            f"{str(out)!r} is a link, and links in a run folder are not followed.",
            "Remove it, or choose a different --out.",
        )
    if not out.is_file():
        raise BadOutput(f"{str(out)!r} exists and is not a file.", "Choose a different --out.")
    if not force and not is_export(out):
        raise BadOutput(
            f"{str(out)!r} exists, and is not an export of samples.",
            "Choose a different --out, or replace it with --force.",
        )


def is_export(path: Path) -> bool:
    """Whether a file was written by `export_samples`, or is empty."""
    first = ",".join(FIXED).encode()
    try:
        with path.open("rb") as file:
            start = file.read(len(first))
        if start.startswith(b"PAR1"):
            schema = load_pyarrow("Reading Parquet").parquet.read_schema(path)
            return b'"samples"' in (schema.metadata or {}).get(OURS, b"")
    except (OSError, ValueError):
        return False
    return start in (b"", first) or start.startswith(b'{"task":"')


@contextmanager
def _replacing(out: Path) -> Iterator[IO[bytes]]:
    """A temporary file that takes the place of `out` on success, and is removed otherwise."""
    out = out.resolve()  # The target of a link is replaced, not the link.
    sweep(out.parent, earlier=False)
    temporary = temporary_path(out)
    try:
        with open_to_create(temporary) as file:
            yield file
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _writer(form: str, file: IO[bytes], columns: SampleColumns) -> RowWriter:
    if form == "parquet":
        return _Parquet(file, columns)
    text = _Encoded(file)
    return _Csv(text, columns) if form == "csv" else _JsonLines(text, columns)


class _Encoded:
    """Writes text as UTF-8. Unlike `io.TextIOWrapper`, it does not close the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "replace"))


class _Csv:
    """RFC 4180 with a header. No cell is a formula; a reply is on one line, its control characters are replaced."""

    def __init__(self, file: TextIO | _Encoded, columns: SampleColumns) -> None:
        self._columns = columns
        self._write: Callable[[list[Any]], Any] = csv.writer(file, lineterminator="\n").writerow
        self._write([csv_cell(name) for name in columns.kinds])

    def add(self, row: SampleRow) -> None:
        self._write([_csv(cell) for cell in self._columns.cells(row)])

    def finish(self) -> None:
        """Everything is written already."""

    def abandon(self) -> None:
        """Nothing is held open."""


def _csv(cell: Cell) -> object:
    if isinstance(cell, list):
        cell = " | ".join(cell)
    if isinstance(cell, str):
        return cell if _NUMBER.fullmatch(cell) else csv_cell(cell)
    return cell


class _JsonLines:
    """An object a line, all with the same keys."""

    def __init__(self, file: TextIO | _Encoded, columns: SampleColumns) -> None:
        self._file, self._columns = file, columns

    def add(self, row: SampleRow) -> None:
        self._file.write(printable_json(_ENCODE(self._columns.record(row))) + "\n")

    def finish(self) -> None:
        """Everything is written already."""

    def abandon(self) -> None:
        """Nothing is held open."""


class _Parquet:
    """Row groups of typed columns."""

    def __init__(self, file: IO[bytes], columns: SampleColumns) -> None:
        self._arrow = arrow = load_pyarrow("Writing Parquet")
        kinds = {
            "text": arrow.string(),
            "texts": arrow.list_(arrow.string()),
            "number": arrow.float64(),
            "count": arrow.int64(),
        }
        self._schema = arrow.schema(
            [(name, kinds[kind]) for name, kind in columns.kinds.items()],
            metadata={OURS: json.dumps({"schema": 1, "kind": "samples"}).encode()},
        )
        self._columns = columns
        self._writer = arrow.parquet.ParquetWriter(file, self._schema)
        self._clear()

    def _clear(self) -> None:
        self._cells: list[list[Cell]] = [[] for _ in self._schema.names]
        self._characters = 0

    def add(self, row: SampleRow) -> None:
        for column, cell in zip(self._cells, self._columns.cells(row), strict=True):
            column.append(cell)
        self._characters += len(row.reply)
        if len(self._cells[0]) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        arrays = []
        for cells, field in zip(self._cells, self._schema, strict=True):
            if self._arrow.types.is_floating(field.type):
                # Arrow refuses whole numbers that a float does not hold exactly.
                cells = [float(cell) if isinstance(cell, int) else cell for cell in cells]
            arrays.append(self._arrow.array(cells, type=field.type))
        self._writer.write_batch(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._clear()

    def finish(self) -> None:
        if self._cells[0]:
            self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Close an unfinished file while it is open: later, the writer would complain that it is not."""
        with suppress(Exception):
            self._writer.close()
