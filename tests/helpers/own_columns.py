"""Data folders with any columns, and values of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers import data


def make(folder: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """A data folder with these columns, a tiny picture for each row."""
    for number in range(len(rows)):
        data.picture(folder / f"{number:03}.png", number)
    return data.manifest(
        folder, [{"image": f"{i:03}.png", "id": f"s{i:03}", **row} for i, row in enumerate(rows)]
    )


def metric(found: Mapping, name: str) -> dict:
    return next(m for m in found["metrics"] if m["name"] == name and not m["group"])
