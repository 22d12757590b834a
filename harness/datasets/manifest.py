"""Reads manifests (CSV, JSON lines, Parquet) into samples."""

from __future__ import annotations

import functools
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.datasets.labels import fold_emotion
from harness.datasets.table import (
    decimal_comma_note,
    find_column,
    folded,
    number,
    open_table,
    open_text,
    refuse_duplicates,
)
from harness.errors import BadData, MissingPackage, nearest
from harness.types import EMOTIONS, Sample

MANIFESTS = ("manifest.csv", "manifest.jsonl", "manifest.parquet")
LABELS = ("image", "id", "emotion", "intensity", "quality")
"""Columns that are not attributes."""
NUMBERS = ("intensity", "quality")
COLUMNS = frozenset((*LABELS, "prompt_id", "pair_id", "subject", "generator"))
"""Columns with a meaning: their names are read in any case, and with spaces for `_`."""
NEEDS = (("image",),)
_NOTHING: Mapping[str, str] = {}
_Rows = Iterator[tuple[int, Mapping[str, Any], str]]
"""Line, cells by column, and why the row is invalid or ""."""


def column_name(name: str) -> str:
    """The name under which a column of a manifest is known."""
    return folded(name) if folded(name) in COLUMNS else name.strip()


def read_manifest(path: Path, notes: list[str]) -> list[Sample]:
    """The samples of a manifest; remarks for the user are added to `notes`.

    An invalid row is a sample with a problem. Raises `BadData` if the manifest is no table with a column `image`, has a
    column or an id twice, or contains a quote that is never closed.
    """
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}
    samples: list[Sample] = []
    seen: set[str] = set()
    commas: set[str] = set()
    for line, row, problem in readers[path.suffix](path, notes):
        cells = {column: text for column, value in row.items() if (text := _text(value))}
        image = cells.get("image", "")
        sample_id = cells.get("id") or os.path.splitext(image)[0] or f"row {line}"
        if sample_id in seen:
            raise BadData(
                f"{path}, line {line}: the id {sample_id!r} is duplicated.",
                "Give each row a unique value in the column `id`.",
            )
        seen.add(sample_id)
        samples.append(_sample(sample_id, image, cells, line, problem, commas))
    notes += [decimal_comma_note(path.name, column) for column in sorted(commas)]
    return samples


def _sample(
    sample_id: str, image: str, cells: Mapping[str, str], line: int, problem: str, commas: set[str]
) -> Sample:
    """The sample of a row. `cells`: those that are not empty, by column."""
    problems = [f"line {line} is invalid: {problem}"] if problem else []
    label = cells.get("emotion")
    emotion = fold_emotion(label) if label else None
    if label and emotion is None:
        guess = nearest(label, EMOTIONS)
        problems.append(
            f"the emotion {label!r} (line {line}) is none of the six ({', '.join(EMOTIONS)})"
            + (f"; did you mean {guess!r}?" if guess else "")
        )
    if not image and not problem:
        problems.append(f"line {line} names no image")
    elif "://" in image:
        problems.append(f"{image!r} (line {line}) is a URL; pictures are never fetched")
    numbers: dict[str, float] = {}
    for column in NUMBERS:
        text = cells.get(column)
        if text is None:
            continue
        try:
            numbers[column] = _number(text)
        except ValueError as e:
            problems.append(f"the {column} {text!r} (line {line}) is {e}")
        else:
            if "," in text:
                commas.add(column)
    others = {sys.intern(k): sys.intern(v) for k, v in cells.items() if k and k not in LABELS}
    return Sample(
        sample_id,
        image or None,
        emotion,
        numbers.get("intensity"),
        numbers.get("quality"),
        others or _NOTHING,
        "; ".join(problems) or None,
    )


@functools.lru_cache(maxsize=1024)
def _number(text: str) -> float:
    """A number, cached so that samples share it. Raises `ValueError` if it is not finite."""
    value = number(text)
    if value is not None:
        return value
    try:
        finite = math.isfinite(float(text))
    except ValueError:
        finite = True
    raise ValueError("not a number" if finite else "not a finite number")


def _text(value: Any) -> str:
    if type(value) is str:
        return value.strip()
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return str(value).strip()


def _names(path: Path, columns: Sequence[str]) -> list[str]:
    """The names under which columns are known. Raises `BadData` if `image` is missing or a column is duplicated."""
    find_column(str(path), columns, NEEDS[0])
    refuse_duplicates(str(path), columns)
    return [column_name(column) for column in columns]


def _csv_rows(path: Path, notes: list[str]) -> _Rows:
    table = open_table(str(path), lambda: path.open("rb"), needs=NEEDS)
    names = _names(path, table.columns)
    notes += table.notes
    for row in table.rows():
        yield row.line, dict(zip(names, row.cells, strict=False)), row.problem


def _jsonl_rows(path: Path, notes: list[str]) -> _Rows:
    text = open_text(str(path), lambda: path.open("rb"))
    notes += text.notes
    names_of: dict[tuple[str, ...], list[str]] = {}
    for line, content in enumerate(text.lines(), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content, object_pairs_hook=_Object)
        except (ValueError, RecursionError) as e:
            raise BadData(
                f"{path}, line {line}: not valid JSON: {e}.", "Write one JSON object per line."
            ) from e
        if not isinstance(row, _Object):
            raise BadData(f"{path}, line {line}: not a JSON object.", "Write one JSON object per line.")
        if row.columns not in names_of:
            names_of[row.columns] = _names(path, row.columns)
        yield line, dict(zip(names_of[row.columns], row.values(), strict=True)), ""


class _Object(dict[str, Any]):
    """A JSON object that keeps duplicate keys in `columns`."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.columns = tuple(key for key, _ in pairs)


def _parquet_rows(path: Path, notes: list[str]) -> _Rows:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as e:
        raise MissingPackage(f"Reading {path.name}", "pyarrow") from e
    line = 0
    try:
        table = parquet.ParquetFile(path)
        names = _names(path, table.schema_arrow.names)
        for batch in table.iter_batches(batch_size=4096):
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                line += 1
                yield line, dict(zip(names, cells, strict=True)), ""
    except (ValueError, NotImplementedError) as e:  # pyarrow errors are ValueErrors
        raise BadData(f"{path} cannot be read as Parquet: {e}.", "Save it again, or as CSV.") from e
