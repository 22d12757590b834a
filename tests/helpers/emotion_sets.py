"""Writes small releases of emotion sets in the layouts of their authors, clean or with given rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image
from pyarrow import parquet as pq


def png(number: int) -> bytes:
    """The bytes of a small picture, unique to `number`."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, 9)).save(file, "PNG")
    return file.getvalue()


def pictures(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number + 1))


def table(
    path: Path,
    rows: Iterable[Sequence[Any]],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    end: str = "\n",
) -> None:
    """A CSV table whose first row is the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator, lineterminator=end).writerows(rows)


def document(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def parquet(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), path)


def experts(**ratings: Mapping[str, Any]) -> str:
    """The annotations of one picture in EmoNet-Face HQ: `human_1={"Anger": 3}`."""
    return repr(
        [
            {rater.replace("_", "-"): {f"Family|{emotion}": value for emotion, value in given.items()}}
            for rater, given in ratings.items()
        ]
    )
