"""Makes a folder of generated portraits a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import RunMismatch
from harness.run.image_requests import IMAGES, PlannedImage
from harness.store.files import write_atomically
from harness.store.regular import open_to_read

MANIFEST = "manifest.csv"
_COLUMNS = ("image", "id", "emotion", "intensity", "prompt_id", "generator", "prompt")


def write_manifest(folder: Path, wanted: Sequence[PlannedImage], generator: str, delivered: set[str]) -> None:
    """Write a manifest of all portraits that were delivered, labelled with what was asked.

    Portraits from an earlier attempt with a larger limit keep their rows.
    """
    rows = {planned.request.id: _row(planned, generator) for planned in wanted}
    for row in manifest_rows(folder):
        rows.setdefault(row["id"], row)
    factors = sorted({name for row in rows.values() for name in row} - set(_COLUMNS))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_COLUMNS, *factors], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for id_, row in rows.items() if id_ in delivered)
    write_atomically(folder / MANIFEST, text.getvalue().encode())


def manifest_rows(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of the manifest of a run folder, those without an id left out; none where there is no manifest.

    Raises `RunMismatch` where it is damaged.
    """
    path = folder / MANIFEST
    try:
        binary = open_to_read(path)
    except FileNotFoundError:
        return
    try:
        with binary, io.TextIOWrapper(binary, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("id"):
                    yield {name: value for name, value in row.items() if name and isinstance(value, str)}
    except (ValueError, csv.Error, OSError) as e:
        raise RunMismatch(
            f"{path} cannot be read: {e}.", "Remove it: the next run of the same command writes it anew."
        ) from e


def _row(planned: PlannedImage, generator: str) -> dict[str, str]:
    row = planned.row
    return {
        "image": f"{IMAGES}/{planned.request.id}.png",
        "id": planned.request.id,
        "emotion": row.emotion or "",
        "intensity": "" if row.intensity is None else f"{row.intensity:g}",
        "prompt_id": row.prompt_id,
        "generator": generator,
        "prompt": row.prompt,
        **row.attributes,
    }
