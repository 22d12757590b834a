"""Reads prompt sets: CSV files with one prompt per row and one column per factor."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.datasets import fold_emotion
from harness.datasets.table import Row, folded, number, open_table
from harness.errors import BadData, BadTask, nearest
from harness.types import EMOTIONS

LARGEST = 1 << 26
"""Bytes of a prompt file."""
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
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise BadTask(
                f"The prompt file {str(path)!r} is larger than {LARGEST // 2**20} MiB.",
                "Split it, and generate from each.",
            )
        table = open_table(str(path), lambda: io.BytesIO(data), needs=[("prompt",)])
        if table.text.encoding == "cp1252":
            # Elsewhere decoded with a note; here a wrong letter would change what is generated.
            raise BadTask(f"The prompt file {str(path)!r} is not UTF-8.", "Save it as CSV in UTF-8.")
        taken = next((c for c in table.columns if folded(c) in _RESERVED), None)
        if taken is not None:
            raise BadTask(
                f"The prompt file {str(path)!r} cannot have a factor named {taken!r}.",
                "Rename the column: the name is reserved.",
            )
        columns = [folded(c) if folded(c) in _OWN else c for c in table.columns]
        rows = tuple(_row(path, columns, row) for row in table.rows())
    except OSError as e:
        raise BadTask(
            f"The prompt file {str(path)!r} cannot be read: {e}.", "Give a CSV file in UTF-8."
        ) from e
    except BadData as e:
        raise BadTask(f"The prompt file cannot be used: {e.message}", e.hint) from e
    if not rows:
        raise BadTask(f"The prompt file {str(path)!r} contains no prompts.", "Add one row per prompt.")
    counts = Counter(r.prompt_id for r in rows)
    duplicate = next((i for i, count in counts.items() if count > 1), None)
    if duplicate is not None:
        raise BadTask(
            f"{path}: the prompt_id {duplicate!r} is duplicated.", "Give each prompt a unique prompt_id."
        )
    return PromptSet(path.stem, rows, hashlib.sha256(data).hexdigest())


def _row(path: Path, columns: Sequence[str], found: Row) -> PromptRow:
    line = found.line
    if found.problem:
        raise BadTask(
            f"{path}, line {line}: {found.problem}.", "Put quotes around a cell that contains the separator."
        )
    row = dict(zip(columns, found.cells, strict=True))
    prompt = row["prompt"]
    if not prompt:
        raise BadTask(f"{path}, line {line}: the prompt is empty.", "Add a prompt, or remove the line.")
    label = row.get("emotion", "")
    emotion = fold_emotion(label) if label else None
    if label and emotion is None:
        guess = nearest(label, EMOTIONS)
        raise BadTask(
            f"{path}, line {line}: the emotion {label!r} is not one of the six"
            + (f"; did you mean {guess!r}?" if guess else "."),
            "Emotions: " + ", ".join(EMOTIONS) + ".",
        )
    strength = row.get("intensity", "")
    intensity = number(strength) if strength else None
    if strength and intensity is None:
        raise BadTask(f"{path}, line {line}: the intensity {strength!r} is not a number.", "Use 1 to 5.")
    return PromptRow(
        row.get("prompt_id") or row.get("id") or f"line{line}",
        prompt,
        emotion,
        intensity,
        {name: value for name, value in row.items() if name and name not in _OWN and value},
    )
