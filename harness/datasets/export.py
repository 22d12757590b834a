"""A data set as Parquet with the pictures in it, which Hugging Face `datasets` loads and `harness data import hf` reads."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.datasets.folder import DataFolder
from harness.datasets.home import document
from harness.datasets.imports.parquet import HUGGING_FACE, OURS, hugging_face_metadata, load_pyarrow
from harness.datasets.imports.pictures import problem_of
from harness.datasets.imports.ratings import Rating, read_ratings
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source, open_source
from harness.errors import BadData, RequestError, StorageError
from harness.types import EMOTIONS, Sample

GROUP_ROWS, GROUP_BYTES = 1000, 16 * 2**20
"""A row group is written once it has as many rows, or bytes of pictures: what is in memory at a time."""
FIXED = ("image", "id", "emotion", "intensity", "quality")
RATINGS = "ratings"


@dataclass
class Exported:
    """What was written."""

    path: Path
    files: list[str] = field(default_factory=list)
    samples: int = 0
    ratings: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> count of samples that were not written."""
    examples: list[str] = field(default_factory=list)
    """A few of these, with the reason."""


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

    `home` is the folder that has the set's ratings.csv, where it is another than that of the pictures. Written aside and
    renamed. Raises `RequestError` where `out` exists or does not fit, `BadData` where nothing can be written,
    `StorageError` where there is no room.
    """
    single = out.suffix.lower() == ".parquet"
    if single and split_size:
        raise RequestError(
            f"--split-size makes several files, and {str(out)!r} is one.",
            "Give a folder: a name without .parquet.",
        )
    if os.path.lexists(out) and not replace:
        raise RequestError(f"{str(out)!r} exists already.", "Add --replace, or give another --out.")
    if replace and out.exists() and out.is_dir() is single:
        raise RequestError(
            f"{str(out)!r} is {'a folder' if single else 'not a folder'}: it is not replaced.",
            "Give another --out.",
        )
    load_pyarrow("Writing Parquet")
    home = home or data.root
    if replace and out.is_dir():
        _check_replaced(out, (data.root, home))
    report = Exported(out)
    source = open_source(data.root)
    try:
        with _aside(out) as folder:
            writer = _Writer(folder, data, document(home), _ratings(home), None if single else split_size)
            try:
                for done, sample in enumerate(data.samples, 1):
                    _add(writer, sample, source, report)
                    if progress:
                        progress(done)
                writer.finish()
            finally:
                writer.abandon()
            if not report.samples:
                raise BadData(
                    f"No sample of {data.name!r} can be exported: {report.examples[0]}.",
                    "See `harness data verify`.",
                )
            report.files, report.ratings = writer.rename(out.name if single else None), writer.ratings
            _put(folder / out.name if single else folder, out)
    except OSError as e:
        raise StorageError(
            f"{str(out)!r} cannot be written: {e.strerror or e}.",
            "Nothing was exported. Make room, or give another --out.",
        ) from e
    finally:
        source.close()
    return report


def _check_replaced(out: Path, sources: Iterable[Path]) -> None:
    """Refuse to replace a folder that holds, or lies in, what is exported, or that holds anything but an export."""
    real = out.resolve()
    for source in (path.resolve() for path in sources):
        if real == source or real in source.parents or source in real.parents:
            raise RequestError(
                f"{str(out)!r} holds the data set that is exported, or lies in it: it is not replaced.",
                "Give another --out.",
            )
    other = next(
        (p.name for p in sorted(out.iterdir()) if p.suffix.lower() != ".parquet" or not p.is_file()), None
    )
    if other is not None:
        raise RequestError(
            f"{str(out)!r} is no export: it holds {other!r}. It is not replaced.", "Give another --out."
        )


def _add(writer: _Writer, sample: Sample, source: Source, report: Exported) -> None:
    data, problem = _bytes(sample, source)
    if data is None:
        reason, _, detail = problem.partition(": ")
        report.left_out[reason] += 1
        if len(report.examples) < 5:
            report.examples.append(f"{sample.id}: {detail or reason}")
        return
    writer.add(sample, data)
    report.samples += 1


def _bytes(sample: Sample, source: Source) -> tuple[bytes | None, str]:
    """A sample's picture; or None, and why it is not exported."""
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


def _ratings(home: Path) -> dict[str, tuple[Rating, ...]]:
    path = home / "ratings.csv"
    if not path.is_file():
        return {}
    report = Report(Path(os.devnull))
    try:
        return read_ratings(open_source(path), path.name, report)
    finally:
        report.close()


class _Writer:
    """Writes row groups as they fill, and a new file where one is large enough."""

    def __init__(
        self,
        folder: Path,
        data: DataFolder,
        told: Mapping[str, Any],
        ratings: Mapping[str, tuple[Rating, ...]],
        split_size: int | None,
    ) -> None:
        self._arrow = load_pyarrow("Writing Parquet")
        self._folder, self._given, self._split_size = folder, ratings, split_size
        self._attributes = tuple(dict.fromkeys(name for sample in data.samples for name in sample.attributes))
        if ratings and RATINGS in self._attributes:
            raise BadData(
                f"{data.name!r} has a column {RATINGS!r}, and a ratings.csv, which becomes one.",
                "Rename the column.",
            )
        self._schema = self._described(data, told)
        self._rows: list[dict[str, Any]] = []
        self._pending = self._size = self.ratings = 0
        self._file: Any = None
        self._files: list[Path] = []

    def _described(self, data: DataFolder, told: Mapping[str, Any]) -> Any:
        """The schema, with what Hugging Face and an import of ours read from it."""
        arrow, text = self._arrow, self._arrow.string()
        kinds = dict(zip(FIXED, ("image", "string", "class", "float64", "float64"), strict=True))
        types = {"image": arrow.struct([("bytes", arrow.binary()), ("path", text)]), "class": arrow.int64(), "float64": arrow.float64(),
                 "string": text, RATINGS: arrow.list_(arrow.struct([("rater", text), ("question", text), ("value", text)]))}  # fmt: skip
        kinds |= dict.fromkeys(self._attributes, "string") | ({RATINGS: RATINGS} if self._given else {})
        ours = {"schema": 1, "name": data.name, "label": told.get("label"), "lossy": list(told.get("lossy", ())),
                "scales": {k: [v["low"], v["high"]] for k, v in told.get("scales", {}).items() if v["source"] == "declared"}}  # fmt: skip
        return arrow.schema(
            [(name, types[kind]) for name, kind in kinds.items()],
            metadata={HUGGING_FACE: hugging_face_metadata(kinds, EMOTIONS), OURS: json.dumps(ours).encode()},
        )

    def add(self, sample: Sample, data: bytes) -> None:
        """Take one sample."""
        given = self._given.get(sample.id, ())
        row: dict[str, Any] = {"image": {"bytes": data, "path": _utf8(Path(sample.path or "").name)}, "id": _utf8(sample.id),
               "emotion": None if sample.emotion is None else EMOTIONS.index(sample.emotion),
               "intensity": sample.intensity, "quality": sample.quality}  # fmt: skip
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
            # Dictionaries and statistics of pictures would keep them in memory, for nothing.
            self._file = self._arrow.parquet.ParquetWriter(
                self._files[-1], self._schema, use_dictionary=list(self._attributes), write_statistics=False
            )
        self._file.write_batch(self._arrow.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._size += self._pending
        self._rows, self._pending = [], 0

    def finish(self) -> None:
        """Write what is left, and finish the file that is open."""
        self._flush()
        if self._file is not None:
            self._file.close()
        self._file, self._size = None, 0

    def abandon(self) -> None:
        """Close a file that was not finished: why not is being raised already."""
        if self._file is not None:
            with suppress(Exception):
                self._file.close()

    def rename(self, name: str | None) -> list[str]:
        """Give the files the names that `datasets` looks for: only now is it known how many there are."""
        names = []
        for number, file in enumerate(self._files):
            names.append(name or f"train-{number:05d}-of-{len(self._files):05d}.parquet")
            os.replace(file, self._folder / names[-1])
        return names


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder beside the target, which goes away unless it is renamed."""
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.absolute().parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(made: Path, out: Path) -> None:
    """Rename what was made to its place; a folder that stood there goes only once it does."""
    made.chmod(0o755 if made.is_dir() else 0o644)
    if out.is_dir():
        with tempfile.TemporaryDirectory(
            prefix=f".{out.name}.", suffix=".tmp", dir=out.absolute().parent
        ) as old:
            os.replace(out, Path(old) / "old")
            os.replace(made, out)
    else:
        os.replace(made, out)
