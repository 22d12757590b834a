"""Exports a data set to Parquet with embedded pictures, readable by Hugging Face `datasets` and `harness data import hf`."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.datasets.exchange import put_in_place, recover
from harness.datasets.folder import DataFolder
from harness.datasets.home import document
from harness.datasets.imports.parquet import HUGGING_FACE, OURS, hugging_face_metadata, load_pyarrow
from harness.datasets.imports.pictures import problem_of
from harness.datasets.imports.ratings import Ratings, read_ratings
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source, open_source
from harness.errors import BadData, RequestError
from harness.store.files import cannot_write
from harness.store.owners import new_folder_aside, sweep
from harness.types import EMOTIONS, Sample

GROUP_ROWS, GROUP_BYTES = 1000, 16 * 2**20
"""Maximum size of a row group, which is held in memory."""
FIXED = ("image", "id", "emotion", "intensity", "quality")
RATINGS = "ratings"


@dataclass
class Exported:
    """The outcome of an export."""

    path: Path
    files: list[str] = field(default_factory=list)
    samples: int = 0
    ratings: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> number of samples that were not exported."""
    examples: list[str] = field(default_factory=list)
    """A few of them, with the reason."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the user: ratings that are not used."""


def export_data(
    data: DataFolder,
    out: Path,
    *,
    home: Path | None = None,
    split_size: int | None = None,
    replace: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Exported:
    """Write a data set to `out`: one file if it ends in .parquet, else a folder of files of about `split_size` bytes.

    `home` is the folder of the data set's ratings.csv, if it differs from that of the pictures. Writes to a temporary
    folder, then renames. Raises `RequestError` if `out` exists or does not match the options, `BadData` if no sample can
    be exported, `StorageError` if the disk is full.
    """
    single = out.suffix.lower() == ".parquet"
    if single and split_size:
        raise RequestError(
            f"--split-size writes several files, but {str(out)!r} is a single file.",
            "Give a folder: a name without .parquet.",
        )
    if os.path.lexists(out) and not replace:
        raise RequestError(f"{str(out)!r} already exists.", "Add --replace, or choose a different --out.")
    if replace and os.path.exists(out) and out.is_dir() is single:
        raise RequestError(
            f"{str(out)!r} is {'a folder' if single else 'not a folder'} and cannot be replaced.",
            "Choose a different --out.",
        )
    load_pyarrow("Writing Parquet")
    home = home or data.root
    if replace and os.path.isdir(out):
        _check_replaced(out, (data.root, home))
    report = Exported(out)
    source = open_source(data.root)
    try:
        with _temporary_folder(out) as folder:
            writer = _Writer(folder, data, document(home), _ratings(home), None if single else split_size)
            try:
                for done, sample in enumerate(data.samples, 1):
                    _add(writer, sample, source, report)
                    if progress:
                        progress(done)
                writer.finish()
            finally:
                writer.discard()
            if not report.samples:
                raise BadData(
                    f"No sample of {data.name!r} can be exported: {report.examples[0]}.",
                    "See `harness data verify`.",
                )
            report.notes = data.ratings.remarks()
            report.files, report.ratings = writer.rename(out.name if single else None), writer.ratings
            put_in_place(folder / out.name if single else folder, out.absolute())
    except OSError as e:
        raise cannot_write(out, e, "Choose a different --out; nothing was exported.") from e
    finally:
        source.close()
    return report


def _check_replaced(out: Path, sources: Iterable[Path]) -> None:
    """Refuse to replace a folder that contains the exported data, is inside it, or contains anything but an export."""
    real = out.resolve()
    for source in (path.resolve() for path in sources):
        if real == source or real in source.parents or source in real.parents:
            raise RequestError(
                f"{str(out)!r} contains the exported data set, or is inside it; it cannot be replaced.",
                "Choose a different --out.",
            )
    other = next(
        (p.name for p in sorted(out.iterdir()) if p.suffix.lower() != ".parquet" or not p.is_file()), None
    )
    if other is not None:
        raise RequestError(
            f"{str(out)!r} is not an export: it contains {other!r}. It cannot be replaced.",
            "Choose a different --out.",
        )


def _add(writer: _Writer, sample: Sample, source: Source, report: Exported) -> None:
    data, problem = _picture_bytes(sample, source)
    if data is None:
        reason, _, detail = problem.partition(": ")
        report.left_out[reason] += 1
        if len(report.examples) < 5:
            report.examples.append(f"{sample.id}: {detail or reason}")
        return
    writer.add(sample, data)
    report.samples += 1


def _picture_bytes(sample: Sample, source: Source) -> tuple[bytes | None, str]:
    """A sample's picture and ""; or None and the reason why it is not exported."""
    if sample.problem or not sample.path:
        return None, f"unusable label: {sample.problem or 'it names no image'}"
    path = Path(sample.path).as_posix()
    if path not in source.files:
        return None, f"no picture: {source.refused.get(path, f'{path} is not in the data folder')}"
    try:
        data = source.read(path)
    except BadData as e:
        return None, f"unusable picture: {e.message}"
    except OSError as e:
        return None, f"unreadable: {e.strerror or e}"
    problem = problem_of(data)
    return (None, f"unusable picture: {problem}") if problem else (data, "")


def _ratings(home: Path) -> Ratings:
    path = home / "ratings.csv"
    if not path.is_file():
        return Ratings()
    report = Report(Path(os.devnull))
    try:
        return read_ratings(open_source(path), path.name, report)
    finally:
        report.close()


class _Writer:
    """Writes full row groups, and starts a new file once the current one is large enough."""

    def __init__(
        self,
        folder: Path,
        data: DataFolder,
        metadata: Mapping[str, Any],
        ratings: Ratings,
        split_size: int | None,
    ) -> None:
        self._arrow = load_pyarrow("Writing Parquet")
        self._folder, self._given, self._split_size = folder, ratings, split_size
        self._attributes = tuple(dict.fromkeys(name for sample in data.samples for name in sample.attributes))
        if ratings and RATINGS in self._attributes:
            raise BadData(
                f"{data.name!r} has a column {RATINGS!r} and also a ratings.csv, which becomes a column of that name.",
                "Rename the column.",
            )
        self._schema = self._build_schema(data, metadata)
        self._rows: list[dict[str, Any]] = []
        self._pending = self._size = self.ratings = 0
        self._file: Any = None
        self._files: list[Path] = []

    def _build_schema(self, data: DataFolder, metadata: Mapping[str, Any]) -> Any:
        """The schema, with metadata for Hugging Face `datasets` and for re-importing."""
        arrow, text = self._arrow, self._arrow.string()
        kinds = dict(zip(FIXED, ("image", "string", "class", "float64", "float64"), strict=True))
        types = {
            "image": arrow.struct([("bytes", arrow.binary()), ("path", text)]),
            "class": arrow.int64(),
            "float64": arrow.float64(),
            "string": text,
            RATINGS: arrow.list_(arrow.struct([("rater", text), ("question", text), ("value", text)])),
        }
        kinds |= dict.fromkeys(self._attributes, "string") | ({RATINGS: RATINGS} if self._given else {})
        ours = {
            "schema": 1,
            "name": data.name,
            "label": metadata.get("label"),
            "domain": metadata.get("domain"),
            "lossy": list(metadata.get("lossy", ())),
            "scales": {
                column: [scale["low"], scale["high"]]
                for column, scale in metadata.get("scales", {}).items()
                if scale["source"] == "declared"
            },
        }
        return arrow.schema(
            [(name, types[kind]) for name, kind in kinds.items()],
            metadata={HUGGING_FACE: hugging_face_metadata(kinds, EMOTIONS), OURS: json.dumps(ours).encode()},
        )

    def add(self, sample: Sample, data: bytes) -> None:
        given = self._given.of(sample.id, sample.path or "")
        row: dict[str, Any] = {
            "image": {"bytes": data, "path": _utf8(Path(sample.path or "").name)},
            "id": _utf8(sample.id),
            "emotion": None if sample.emotion is None else EMOTIONS.index(sample.emotion),
            "intensity": sample.intensity,
            "quality": sample.quality,
        }
        row |= {
            name: _utf8(sample.attributes[name]) if name in sample.attributes else None
            for name in self._attributes
        }
        if self._given:
            row[RATINGS] = [
                dict(zip(("rater", "question", "value"), rating, strict=True)) for rating in given
            ]
            self.ratings += len(given)
        self._rows.append(row)
        self._pending += len(data)
        if self._pending >= GROUP_BYTES or len(self._rows) >= GROUP_ROWS:
            self._flush()
        if self._split_size and self._size + self._pending >= self._split_size:
            self.finish()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._file is None:
            self._files.append(self._folder / f"{len(self._files)}.part")
            # Dictionaries and statistics of pictures would keep them in memory.
            self._file = self._arrow.parquet.ParquetWriter(
                self._files[-1], self._schema, use_dictionary=list(self._attributes), write_statistics=False
            )
        self._file.write_batch(self._arrow.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._size += self._pending
        self._rows, self._pending = [], 0

    def finish(self) -> None:
        """Write the remaining rows and close the current file."""
        self._flush()
        if self._file is not None:
            self._file.close()
        self._file, self._size = None, 0

    def discard(self) -> None:
        """Close an unfinished file and ignore errors: another exception is already propagating."""
        if self._file is not None:
            with suppress(Exception):
                self._file.close()

    def rename(self, name: str | None) -> list[str]:
        """Rename the files as `datasets` expects; the names include the number of files."""
        names = []
        for number, file in enumerate(self._files):
            names.append(name or f"train-{number:05d}-of-{len(self._files):05d}.parquet")
            os.replace(file, self._folder / names[-1])
        return names


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@contextmanager
def _temporary_folder(out: Path) -> Iterator[Path]:
    """A temporary folder next to the target, deleted on exit unless renamed."""
    recover(out.absolute().parent)
    sweep(out.absolute().parent, earlier=False)
    folder = new_folder_aside(out.absolute())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
