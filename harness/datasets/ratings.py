"""Reads human ratings: `ratings.csv` next to a data set's manifest."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.datasets.labels import fold_emotion
from harness.datasets.table import Table, decimal_comma_note, folded, number, open_table
from harness.errors import BadData
from harness.types import EMOTIONS, Sample

FILE = "ratings.csv"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "sample", "sample_id", "image"),
    "rater": ("rater", "rater_id", "annotator", "user", "participant"),
    "question": ("question", "task"),
    "value": ("value", "answer", "rating", "score"),
}
"""Column -> accepted header names."""
NEEDS = tuple(COLUMNS.values())
UNKNOWN = "no sample has this id"


class Rating(NamedTuple):
    """One row of ratings.csv."""

    line: int
    sample: str
    rater: str
    question: str
    value: str
    problem: str = ""
    """Why the row is not a rating."""


@dataclass(frozen=True)
class Known:
    """The names under which samples are rated."""

    ids: Mapping[str, str]
    """Name -> id of the sample."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Path of the picture -> id of the sample: for tables whose column of samples is `image`."""

    @classmethod
    def samples(cls, samples: Iterable[Sample]) -> Known:
        """The names of samples: their ids, and the paths of their pictures."""
        listed = list(samples)
        return cls({s.id: s.id for s in listed}, {s.path: s.id for s in listed if s.path})


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
    examples: dict[str, str] = field(default_factory=dict)
    """Reason -> the first answer that was skipped for it."""

    def __len__(self) -> int:
        return len(self.value)

    def skip(self, reason: str, example: str) -> None:
        """Count an answer that is not used."""
        self.skipped[reason] += 1
        self.examples.setdefault(reason, example)


class Answers(dict[str, RaterAnswers]):
    """Question -> its answers. Rows that name no question are counted under the question ""."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, None] = {}
        """Remarks on how the table was read."""

    def remarks(self) -> list[str]:
        """What to tell the user: how the table was read, and how many ratings are not used, with an example of each reason."""
        reasons: Counter[str] = sum((given.skipped for given in self.values()), Counter())
        if not reasons:
            return list(self.notes)
        examples = {reason: text for given in self.values() for reason, text in given.examples.items()}
        unused = reasons.total()
        total = unused + sum(map(len, self.values()))
        listed = (f"{reason} {count:,} ({examples[reason]})" for reason, count in sorted(reasons.items()))
        return [*self.notes, f"{FILE}: {total:,} ratings, not used: {unused:,}: {'; '.join(listed)}."]


def rating_rows(table: Table) -> Iterator[Rating]:
    """The rows of ratings.csv; a broken one has a problem."""
    at = [table.column(*names) for names in NEEDS]
    for row in table.rows():
        sample, rater, question, value = (row.cells[i] if i < len(row.cells) else "" for i in at)
        yield Rating(row.line, sample, rater, question, value, row.problem)


def rated_by_image(table: Table) -> bool:
    """Whether the column of samples is `image`, which contains paths or ids."""
    return folded(table.columns[table.column(*NEEDS[0])]) == "image"


def read_ratings(folder: Path, known: Known | None = None) -> Answers:
    """The answers of each question (emotion, intensity, quality) in a folder's `ratings.csv`; empty without the file.

    Answers about samples that are not `known` are skipped and counted; without `known`, every sample counts. Raises
    `BadData` if the file is not a valid table, or lacks a column.
    """
    path = folder / FILE
    found = Answers()
    if not path.is_file():
        return found
    try:
        table = open_table(str(path), lambda: path.open("rb"), needs=NEEDS)
        names = None
        if known is not None:
            names = {**known.images, **known.ids} if rated_by_image(table) else known.ids
        found.notes.update(dict.fromkeys(table.notes))
        for rating in rating_rows(table):
            question = rating.question.casefold()
            if "," in rating.value and number(rating.value) is not None:
                found.notes[decimal_comma_note(FILE, "value")] = None
            _add(found.setdefault(question, RaterAnswers(question)), rating, names)
    except OSError as e:
        raise BadData(f"{path} cannot be read: {e.strerror or e}.", "Check the permissions.") from e
    return found


def collect(rows: Iterable[Rating]) -> Answers:
    """The answers of each question in rows of ratings.csv; every sample counts."""
    found = Answers()
    for rating in rows:
        question = rating.question.casefold()
        _add(found.setdefault(question, RaterAnswers(question)), rating, None)
    return found


def _add(answers: RaterAnswers, rating: Rating, names: Mapping[str, str] | None) -> None:
    where = f"line {rating.line}"
    if rating.problem:
        answers.skip("broken row", f"{where}: {rating.problem}")
        return
    if not rating.sample or not rating.rater:
        answers.skip("no sample or rater is named", where)
        return
    if not answers.question:
        answers.skip("no question is named", where)
        return
    sample = rating.sample if names is None else names.get(rating.sample)
    if sample is None:
        answers.skip(
            UNKNOWN, f"{where}: {rating.sample!r}, but samples are named like {next(iter(names or ''), '')!r}"
        )
        return
    value = _PARSERS.get(answers.question, number)(rating.value)
    if value is None:
        reason = "the answer is empty" if not rating.value else "the answer cannot be read"
        answers.skip(reason, f"{where}: {rating.value!r}" if rating.value else where)
        return
    code = answers.samples.setdefault(sample, len(answers.samples))
    person = answers.raters.setdefault(rating.rater, len(answers.raters))
    if code << 32 | person in answers.answered:
        # Each rater counts once; which of two answers counts must not depend on their values.
        answers.skip("the rater answered before", f"{where}: {rating.rater!r}")
        return
    answers.answered.add(code << 32 | person)
    answers.sample.append(code)
    answers.rater.append(person)
    answers.value.append(value)


def _emotion(text: str) -> float | None:
    emotion = fold_emotion(text) if text else None
    return None if emotion is None else float(EMOTIONS.index(emotion))


_PARSERS: Mapping[str, Callable[[str], float | None]] = {"emotion": _emotion}
