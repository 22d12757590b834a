"""Fixtures that create releases and import them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import data
from PIL import Image

from harness.datasets import DataFolder, read_folder
from harness.datasets.imports import ImportOptions, data_home, import_data, kind_of


@dataclass
class Imported:
    """An import: its summary, its rows by id, its ratings, and the unused rows."""

    summary: Mapping[str, Any]
    folder: DataFolder
    rows: dict[str, dict[str, str]]
    unused: list[dict[str, str]]
    ratings: list[dict[str, str]]

    def reasons(self, table: str) -> dict[str, int]:
        """Reason -> number of unused rows of a table."""
        return self.summary["tables"][table]["not_used"]


def table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Release:
    """A folder that a test fills and then imports."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self._made = 0

    def picture(self, *paths: str) -> None:
        """Create pictures that all differ."""
        for path in paths:
            self._made += 1
            data.picture(self.root / path, self._made)

    def text(self, path: str, *lines: str) -> None:
        self.file(path, "".join(f"{line}\n" for line in lines).encode())

    def file(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def load(
        self, kind: str, name: str = "mine", *, source: Path | None = None, copy: bool = False, **options: Any
    ) -> Imported:
        """Import the folder and read back the data set."""
        options = {"label": "perceived" if not kind_of(kind).label else None, **options}
        summary = import_data(
            kind_of(kind), source or self.root, ImportOptions(**options), name=name, copy=copy, replace=True
        )
        folder = data_home() / name
        rows = {row["id"]: row for row in table(folder / "manifest.csv")}
        assert json.loads((folder / "import.json").read_text()) == summary
        return Imported(
            summary,
            read_folder(folder, name),
            rows,
            table(folder / "unused.csv"),
            table(folder / "ratings.csv"),
        )


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path / "release")


@pytest.fixture
def pixels() -> Callable[[int], str]:
    """`pixels(n)`: a 48 x 48 picture of one grey value, in the format of FER2013."""
    return lambda grey: " ".join([str(grey)] * 2304)


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """`png(n)`: the bytes of a small picture."""

    def make(number: int) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (8, 8), (number % 256, number // 256, 7)).save(file, "PNG")
        return file.getvalue()

    return make
