"""Reads a folder as a data set, from a manifest or from subfolders named after emotions."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.datasets.home import document, imported_notes
from harness.datasets.labels import fold_emotion
from harness.errors import BadData, MissingPackage, nearest
from harness.images.formats import PICTURES
from harness.types import EMOTIONS, Sample

MANIFESTS = ("manifest.csv", "manifest.jsonl", "manifest.parquet")
_LABELS = ("image", "id", "emotion", "intensity", "quality")
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class DataFolder:
    """A data set on disk. Pictures are not opened here; `Sample.path` is relative to `root`."""

    name: str
    root: Path
    samples: list[Sample]
    digest: str
    """Hex digest of names and labels (each picture has its own digest)."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the user, such as skipped subfolders."""
    home: Path = Path()
    """The folder of the manifest and ratings.csv: `root`, except for imported data sets that reference external pictures."""


def read_folder(root: Path, name: str | None = None) -> DataFolder:
    """Read a data folder. Raises `BadData` if it contains no usable sample."""
    root = Path(root)
    if not root.is_dir():
        raise BadData(
            f"The data folder {str(root)!r} does not exist."
            if not root.exists()
            else f"{str(root)!r} is not a folder.",
            "Give a folder, or a name from `harness list data`.",
        )
    notes: list[str] = []
    manifest = next((root / m for m in MANIFESTS if (root / m).is_file()), None)
    try:
        if manifest is not None:
            rows = list(_manifest_samples(manifest))
        else:
            rows, notes = _class_samples(root)
    except OSError as e:
        raise BadData(
            f"The data folder {str(root)!r} cannot be read: {e.strerror}: {e.filename}.",
            "Check the permissions.",
        ) from e
    if not rows:
        raise BadData(
            f"The data folder {str(root)!r} contains {_unlabelled_content(root)}."
            + "".join(f" {n}" for n in notes),
            "A data set needs a manifest.csv with a column `image`, or subfolders named after emotions: "
            + ", ".join(EMOTIONS)
            + ".",
        )
    if all(s.problem for s in rows):
        raise BadData(
            f"No sample of {str(root)!r} can be used: {rows[0].id}: {rows[0].problem}.",
            "Valid labels: " + ", ".join(EMOTIONS) + "; map others to these in a copy of the manifest.",
        )
    metadata = document(root)
    return DataFolder(
        name or root.resolve().name,
        Path(metadata.get("root") or root),
        rows,
        _digest(rows),
        notes + imported_notes(metadata),
        root,
    )


def _digest(samples: Iterable[Sample]) -> str:
    digest = hashlib.sha256()
    for s in samples:
        row = [s.id, str(s.path), s.emotion, s.intensity, s.quality, sorted(s.attributes.items()), s.problem]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def _visible(folder: str | Path) -> list[os.DirEntry[str]]:
    return sorted((e for e in os.scandir(folder) if not e.name.startswith(".")), key=lambda e: e.name)


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in PICTURES


def _unlabelled_content(root: Path) -> str:
    pictures = sum(_is_picture(e.name) for e in _visible(root) if not e.is_dir())
    return f"{pictures} pictures without labels" if pictures else "no samples"


def _class_samples(root: Path) -> tuple[list[Sample], list[str]]:
    """Samples of a folder whose subfolders are named after emotions, and notes on skipped entries."""
    samples, notes = [], []
    top = _visible(root)
    loose = [e.name for e in top if not e.is_dir() and _is_picture(e.name)]
    if loose:
        notes.append(
            f"{len(loose)} pictures outside the subfolders have no label and were skipped, such as {loose[0]!r}."
        )
    for folder in (e for e in top if e.is_dir()):
        emotion = fold_emotion(folder.name)
        files = [e.name for e in _visible(folder.path)]
        pictures = [f for f in files if _is_picture(f)]
        others = [f for f in files if not _is_picture(f)]
        if emotion is not None and others:
            notes.append(
                f"{len(others)} entries of {folder.name!r} are not pictures in a known format and were skipped, "
                f"such as {others[0]!r}."
            )
        if emotion is None:
            if pictures:
                guess = nearest(folder.name, EMOTIONS)
                notes.append(
                    f"The subfolder {folder.name!r} ({len(pictures)} pictures) is not named after one of the six "
                    "emotions and was skipped" + (f"; did you mean {guess!r}?" if guess else ".")
                )
            continue
        samples += [
            Sample(
                f"{folder.name}/{os.path.splitext(f)[0]}", os.path.join(folder.name, f), sys.intern(emotion)
            )
            for f in pictures
        ]
    return _unique(samples), notes


def _unique(samples: list[Sample]) -> list[Sample]:
    """Keep the extension in the id of pictures that differ only by extension."""
    seen: dict[str, int] = {}
    for s in samples:
        seen[s.id] = seen.get(s.id, 0) + 1
    return [s if seen[s.id] == 1 else Sample(str(s.path), s.path, s.emotion) for s in samples]


def _manifest_samples(path: Path) -> Iterator[Sample]:
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}
    seen: set[str] = set()
    for line, row in readers[path.suffix](path):
        image = _text(row.get("image"))
        sample_id = _text(row.get("id")) or os.path.splitext(image)[0] or f"row {line}"
        if sample_id in seen:
            raise BadData(
                f"{path}, line {line}: the id {sample_id!r} is duplicated.",
                "Give each row a unique value in the column `id`.",
            )
        seen.add(sample_id)
        yield _sample(sample_id, image, row, line)


def _sample(sample_id: str, image: str, row: Mapping[str, Any], line: int) -> Sample:
    problems = []
    label = _text(row.get("emotion"))
    emotion = fold_emotion(label) if label else None
    if label and emotion is None:
        guess = nearest(label, EMOTIONS)
        problems.append(
            f"the emotion {label!r} (line {line}) is none of the six ({', '.join(EMOTIONS)})"
            + (f"; did you mean {guess!r}?" if guess else "")
        )
    if not image:
        problems.append(f"line {line} names no image")
    elif "://" in image:
        problems.append(f"{image!r} (line {line}) is a URL; pictures are never fetched")
    numbers = {}
    for column in ("intensity", "quality"):
        text = _text(row.get(column))
        try:
            numbers[column] = _number(text)
        except ValueError as e:
            numbers[column] = None
            problems.append(f"the {column} {text!r} (line {line}) is {e}")
    others = {
        sys.intern(str(k)): sys.intern(_text(v))
        for k, v in row.items()
        if k and k not in _LABELS and _text(v)
    }
    return Sample(
        sample_id,
        image or None,
        emotion,
        numbers["intensity"],
        numbers["quality"],
        others or _NOTHING,
        "; ".join(problems) or None,
    )


@functools.lru_cache(maxsize=1024)
def _number(text: str) -> float | None:
    """A number, cached so that samples share it. Raises `ValueError` if it is not finite."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        raise ValueError("not a number") from None
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return str(value).strip()


def _no_image_column(path: Path, columns: Iterable[str]) -> BadData:
    columns = [c for c in columns if c]
    guess = nearest("image", columns)
    return BadData(
        f"{path} has no column 'image'" + (f" (did you mean {guess!r}?)" if guess else "") + ".",
        f"Its columns are: {', '.join(columns) or 'none'}. `image` is each picture's path in the folder.",
    )


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if "image" not in (reader.fieldnames or []):
                raise _no_image_column(path, reader.fieldnames or [])
            for row in reader:
                if any(row.values()):
                    yield reader.line_num, {k: v for k, v in row.items() if k is not None}
    except (UnicodeDecodeError, csv.Error) as e:
        raise BadData(f"{path} cannot be read as CSV: {e}.", "Save it as CSV in UTF-8.") from e


def _jsonl_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except ValueError as e:
                raise BadData(
                    f"{path}, line {line}: not valid JSON: {e}.", "Write one JSON object per line."
                ) from e
            if not isinstance(row, dict):
                raise BadData(f"{path}, line {line}: not a JSON object.", "Write one JSON object per line.")
            if "image" not in row:
                raise _no_image_column(path, row)
            yield line, row


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as e:
        raise MissingPackage(f"Reading {path.name}", "pyarrow") from e
    line = 0
    try:
        table = parquet.ParquetFile(path)
        if "image" not in table.schema_arrow.names:
            raise _no_image_column(path, table.schema_arrow.names)
        for batch in table.iter_batches(batch_size=4096):
            for row in batch.to_pylist():
                line += 1
                yield line, row
    except (ValueError, NotImplementedError) as e:  # pyarrow errors are ValueErrors
        raise BadData(f"{path} cannot be read as Parquet: {e}.", "Save it again, or as CSV.") from e
