"""A contact sheet: generated portraits on one image, a row for each emotion."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from harness.datasets.table import number
from harness.images.decoding import PictureProblem, decode, read_bytes, real_root
from harness.run.manifest import manifest_rows
from harness.store.files import storage_errors, write_atomically
from harness.store.regular import subfolder
from harness.types import EMOTIONS

SHEET, THUMBNAILS = "sheet.png", "thumbnails"
_CELL, _GAP, _MARGIN, _LABEL = 160, 8, 24, 90
_PAPER, _INK = "#faf9f7", "#2b2b2b"


def write_sheet(folder: Path, columns: int = 8) -> Path | None:
    """Write `sheet.png` from the folder's manifest; None where there are no portraits.

    A row shows up to `columns` portraits of one emotion, spread over the strengths asked for, weakest first.
    """
    rows = {emotion: _spread(cells, columns) for emotion, cells in _portraits(folder).items()}
    rows = {emotion: cells for emotion, cells in rows.items() if cells}
    if not rows:
        return None
    width = 2 * _MARGIN + _LABEL + max(map(len, rows.values())) * (_CELL + _GAP) - _GAP
    height = 2 * _MARGIN + len(rows) * (_CELL + _GAP) - _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for y, (emotion, cells) in enumerate(rows.items()):
        top = _MARGIN + y * (_CELL + _GAP)
        pen.text((_MARGIN, top + _CELL // 2), emotion, fill=_INK, font=font, anchor="lm")
        for x, path in enumerate(cells):
            picture = _picture(folder, path)
            if picture is None:
                continue
            cell = picture.resize((_CELL, _CELL), Image.Resampling.LANCZOS)
            sheet.paste(cell, (_MARGIN + _LABEL + x * (_CELL + _GAP), top))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    write_atomically(folder / SHEET, buffer.getvalue())
    return folder / SHEET


def write_thumbnails(folder: Path) -> list[Path]:
    """Write `thumbnails/EMOTION.png`, one portrait of each emotion at the strongest that was asked for.

    They are what a table of emotions by models shows. Pictures that cannot be read are passed over.
    """
    written = []
    for emotion, cells in _portraits(folder).items():
        if emotion not in EMOTIONS:
            continue
        for _, path in sorted(cells, key=lambda cell: (-cell[0], cell[1])):
            picture = _picture(folder, path)
            if picture is None:
                continue
            small = ImageOps.fit(picture, (_CELL, _CELL), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            small.save(buffer, "PNG", optimize=True)
            with storage_errors(folder):
                file = subfolder(folder, THUMBNAILS) / f"{emotion}.png"
            write_atomically(file, buffer.getvalue())
            written.append(file)
            break
    return written


def _picture(folder: Path, path: str) -> Image.Image | None:
    """A portrait of the run folder; None where it cannot be read, or is not in the folder."""
    try:
        return decode(read_bytes(real_root(folder), path), path).image
    except PictureProblem:
        return None


def _portraits(folder: Path) -> dict[str, list[tuple[float, str]]]:
    """Emotion -> strength and path in the folder of each portrait."""
    found: dict[str, list[tuple[float, str]]] = {emotion: [] for emotion in EMOTIONS}
    for row in manifest_rows(folder):
        strength = number(row.get("intensity") or "0") or 0.0
        found.setdefault(row.get("emotion") or "unlabelled", []).append((strength, row.get("image") or ""))
    return found


def _spread(cells: list[tuple[float, str]], columns: int) -> list[str]:
    """Up to `columns` of the pictures, evenly over their order by strength."""
    ordered = [path for _, path in sorted(cells)]
    if len(ordered) <= columns:
        return ordered
    return [ordered[i * len(ordered) // columns] for i in range(columns)]
