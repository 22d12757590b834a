"""Makes a folder of generated portraits a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from harness.run.image_requests import IMAGES, PlannedImage
from harness.store.files import storage_errors, write_atomically

MANIFEST = "manifest.csv"
_COLUMNS = ("image", "id", "emotion", "intensity", "prompt_id", "generator", "prompt")


def write_manifest(folder: Path, wanted: Sequence[PlannedImage], generator: str, delivered: set[str]) -> None:
    """Write a manifest of all portraits that were delivered, labelled with what was asked.

    Portraits from an earlier attempt with a larger limit keep their rows.
    """
    rows = {planned.request.id: _row(planned, generator) for planned in wanted}
    if (folder / MANIFEST).is_file():
        with storage_errors(folder), (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rows.setdefault(row["id"], row)
    factors = sorted({name for row in rows.values() for name in row} - set(_COLUMNS))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_COLUMNS, *factors], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for id_, row in rows.items() if id_ in delivered)
    write_atomically(folder / MANIFEST, text.getvalue().encode())


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
