"""Reads prompt sets: CSV files with one prompt per row and one column per factor."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.datasets import fold_emotion
from harness.errors import BadTask, nearest
from harness.types import EMOTIONS

_OWN = ("prompt_id", "id", "emotion", "intensity", "prompt")
_RESERVED = ("image", "generator", "quality")
"""Manifest columns of a folder of generated images: a factor with one of these names would collide."""


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One prompt with its requested emotion and intensity; all other columns are factors, kept as attributes."""

    prompt_id: str
    prompt: str
    emotion: str | None
    intensity: float | None
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class PromptSet:
    """The rows of a prompt file and the digest of its bytes."""

    name: str
    rows: tuple[PromptRow, ...]
    digest: str


def read_prompts(path: Path) -> PromptSet:
    """Read a prompt file: `prompt` is required; `prompt_id`, `emotion`, `intensity` and factors are optional.

    Raises `BadTask` naming the file, the line and the problem.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise BadTask(
            f"The prompt file {str(path)!r} cannot be read: {e}.", "Give a CSV file in UTF-8."
        ) from e
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = [c for c in reader.fieldnames or [] if c]
        taken = next((c for c in columns if c in _RESERVED or columns.count(c) > 1), None)
        if taken is not None:
            raise BadTask(
                f"The prompt file {str(path)!r} cannot have a factor named {taken!r}.",
                "Rename the column: the name is reserved or duplicated.",
            )
        rows = tuple(
            _row(path, reader.line_num, row) for row in reader if "prompt" in columns and any(row.values())
        )
    except csv.Error as e:
        raise BadTask(
            f"The prompt file {str(path)!r} cannot be read: line {reader.line_num}: {e}.",
            "Give a CSV file in UTF-8.",
        ) from e
    if "prompt" not in columns:
        guess = nearest("prompt", columns)
        raise BadTask(
            f"The prompt file {str(path)!r} has no column 'prompt'"
            + (f" (did you mean {guess!r}?)." if guess else "."),
            "Columns: prompt; optional prompt_id, emotion, intensity; any others are factors.",
        )
    if not rows:
        raise BadTask(f"The prompt file {str(path)!r} contains no prompts.", "Add one row per prompt.")
    ids = [r.prompt_id for r in rows]
    duplicate = next((i for i in ids if ids.count(i) > 1), None) if len(set(ids)) < len(ids) else None
    if duplicate is not None:
        raise BadTask(
            f"{path}: the prompt_id {duplicate!r} is duplicated.", "Give each prompt a unique prompt_id."
        )
    return PromptSet(path.stem, rows, hashlib.sha256(data).hexdigest())


def _row(path: Path, line: int, row: Mapping[str, str | None]) -> PromptRow:
    prompt = (row.get("prompt") or "").strip()
    if not prompt:
        raise BadTask(f"{path}, line {line}: the prompt is empty.", "Add a prompt, or remove the line.")
    label = (row.get("emotion") or "").strip()
    emotion = fold_emotion(label) if label else None
    if label and emotion is None:
        guess = nearest(label, EMOTIONS)
        raise BadTask(
            f"{path}, line {line}: the emotion {label!r} is not one of the six"
            + (f"; did you mean {guess!r}?" if guess else "."),
            "Emotions: " + ", ".join(EMOTIONS) + ".",
        )
    strength = (row.get("intensity") or "").strip()
    try:
        intensity = float(strength) if strength else None
        if intensity is not None and not math.isfinite(intensity):
            raise ValueError
    except ValueError:
        raise BadTask(
            f"{path}, line {line}: the intensity {strength!r} is not a number.", "Use 1 to 5."
        ) from None
    attributes = {
        k: v.strip() for k, v in row.items() if k and k not in _OWN and isinstance(v, str) and v.strip()
    }
    return PromptRow(
        (row.get("prompt_id") or row.get("id") or f"line{line}").strip(),
        prompt,
        emotion,
        intensity,
        attributes,
    )
