"""Reads human ratings: `ratings.csv` next to a data set's manifest."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.datasets.labels import fold_emotion
from harness.errors import BadData, nearest
from harness.types import EMOTIONS

FILE = "ratings.csv"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "sample", "sample_id", "image"),
    "rater": ("rater", "rater_id", "annotator", "user", "participant"),
    "question": ("question", "task"),
    "value": ("value", "answer", "rating", "score"),
}
"""Column -> accepted header names."""


@dataclass
class RaterAnswers:
    """The answers to one question, in long form. An emotion is an index into `EMOTIONS`, a rating a number."""

    question: str
    samples: dict[str, int] = field(default_factory=dict)
    """Sample id -> code."""
    raters: dict[str, int] = field(default_factory=dict)
    """Rater -> code."""
    sample: array[int] = field(default_factory=lambda: array("q"))
    rater: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    answered: set[int] = field(default_factory=set)
    """Sample and rater of each answer, packed into one integer to save memory."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason -> number of answers that were skipped."""

    def __len__(self) -> int:
        return len(self.value)


def read_ratings(folder: Path) -> dict[str, RaterAnswers]:
    """The answers of each question (emotion, intensity, quality) in a folder's `ratings.csv`; empty without the file.

    Raises `BadData` if it is not a valid table, or lacks a column.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    found: dict[str, RaterAnswers] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            at = _columns(path, next(reader, []))
            for cells in reader:
                if any(cells):
                    _add(found, [cells[i].strip() if i < len(cells) else "" for i in at])
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise BadData(f"{path} cannot be read as CSV: {e}.", "Save it as CSV in UTF-8.") from e
    return found


def _columns(path: Path, header: list[str]) -> list[int]:
    folded = [name.strip().casefold() for name in header]
    places = []
    for column, names in COLUMNS.items():
        place = next((folded.index(name) for name in names if name in folded), None)
        if place is None:
            guess = nearest(column, folded)
            raise BadData(
                f"{path} has no column {column!r}" + (f" (did you mean {guess!r}?)" if guess else "") + ".",
                f"Its columns are: {', '.join(header) or 'none'}; required: {', '.join(COLUMNS)}.",
            )
        places.append(place)
    return places


def _add(found: dict[str, RaterAnswers], cells: list[str]) -> None:
    sample, rater, question, text = cells
    question = question.casefold()
    answers = found.setdefault(question, RaterAnswers(question))
    if not sample or not rater:
        answers.skipped["no sample or rater is named"] += 1
        return
    value = _PARSERS.get(question, _number)(text)
    if value is None:
        answers.skipped["the answer is empty" if not text else "the answer cannot be read"] += 1
        return
    code = answers.samples.setdefault(sample, len(answers.samples))
    person = answers.raters.setdefault(rater, len(answers.raters))
    if code << 32 | person in answers.answered:
        # Each rater counts once; which of two answers counts must not depend on their values.
        answers.skipped["the rater answered before"] += 1
        return
    answers.answered.add(code << 32 | person)
    answers.sample.append(code)
    answers.rater.append(person)
    answers.value.append(value)


def _emotion(text: str) -> float | None:
    emotion = fold_emotion(text) if text else None
    return None if emotion is None else float(EMOTIONS.index(emotion))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


_PARSERS: Mapping[str, Callable[[str], float | None]] = {"emotion": _emotion}
