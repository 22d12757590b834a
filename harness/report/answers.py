"""The questions of all runs of a page as columns: a table of rows, one of samples, one of pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.charts.names import EntryKey
from harness.errors import HarnessError
from harness.exporting.samples import SampleRow, iter_samples
from harness.report.payload import Codes, Column, Numbers
from harness.report.stored import StoredReport
from harness.store.files import read_lines
from harness.store.runfolder import SAMPLES, intact
from harness.tasks.prompts import as_text, render

MAX_SCORES = 12
"""Probabilities of more options than this are not in the page."""
MAX_ATTRIBUTES = 40
TEXTS = (
    "task", "question", "data", "variant", "judge", "order", "truth", "answer", "how", "read", "reason", "state", "shown",
    "reply", "refusal", "mode", "failure", "outcome", "change", "asked",
)  # fmt: skip
"""The columns of rows that hold texts."""


class Rated(NamedTuple):
    """A rating with what it should be."""

    emotion: str
    truth: float
    answer: float


Unit = tuple[int, EntryKey, str, int]
"""Run, entry, sample (or prompt and which of its portraits), repeat: what the same question in another run shares."""


@dataclass(frozen=True)
class PictureFile:
    """A picture as a run names it, below the folder of its data."""

    root: str
    """"" where the folder is gone."""
    path: str


@dataclass
class Answers:
    """All questions of the runs. Rows refer to samples, and samples to pictures, by number."""

    rows: dict[str, Codes]
    run: list[int] = field(default_factory=list)
    sample: list[int] = field(default_factory=list)
    repeat: list[int] = field(default_factory=list)
    error: list[float | None] = field(default_factory=list)
    unit: list[int] = field(default_factory=list)
    """Rows of different runs about the same question share a number."""
    scores: list[list[float | None]] = field(default_factory=list)
    """For each place in the order shown, the probability of the option there."""
    samples: dict[str, Codes] = field(default_factory=dict)
    pictures_of: list[tuple[int | None, int | None]] = field(default_factory=list)
    pictures: list[PictureFile] = field(default_factory=list)
    ratings: dict[tuple[int, EntryKey], list[Rated]] = field(default_factory=dict)
    """(Run, entry) -> its ratings that have a truth."""
    failures: Counter[tuple[int, EntryKey, str]] = field(default_factory=Counter)
    """(Run, entry, kind) -> how many failed."""
    notes: list[str] = field(default_factory=list)
    """Why samples of a run are not shown."""

    def __len__(self) -> int:
        return len(self.run)

    def columns(self) -> dict[str, Column]:
        """The table of rows."""
        found: dict[str, Column] = dict(self.rows)
        found |= {
            "run": Numbers(list(map(float, self.run))),
            "sample": Numbers(list(map(float, self.sample))),
            "repeat": Numbers(list(map(float, self.repeat))),
            "unit": Numbers(list(map(float, self.unit))),
            "error": Numbers(self.error, 0.001),
        }
        return found | {f"score_{k}": Numbers(values, 0.001) for k, values in enumerate(self.scores)}

    def sample_columns(self) -> dict[str, Column]:
        """The table of samples."""
        found: dict[str, Column] = dict(self.samples)
        for place, name in enumerate(("picture", "second")):
            numbers = [pair[place] for pair in self.pictures_of]
            found[name] = Numbers([None if number is None else float(number) for number in numbers])
        return found


def collect(runs: Sequence[StoredReport]) -> Answers:
    """Read all questions of all runs. A run that cannot be read is left out, with a note."""
    builder = _Builder(runs)
    for number, run in enumerate(runs):
        problem = run.problem
        if not problem:
            try:
                builder.add_run(number, run)
            except HarnessError as e:
                problem = e.message
        if problem:
            builder.answers.notes.append(f"The samples of {run.name} cannot be shown: {problem}")
    return builder.finish()


class _Builder:
    """Fills the columns row by row."""

    def __init__(self, runs: Sequence[StoredReport]) -> None:
        self.answers = Answers({name: Codes() for name in TEXTS})
        self._samples: dict[tuple[Any, ...], int] = {}
        self._pictures: dict[PictureFile, int] = {}
        self._attributes: dict[str, Codes] = {}
        self._units: dict[Any, int] = {}
        self._rendered: dict[Any, str] = {}
        self._labels = {name: Codes() for name in ("id", "set", "emotion", "intensity", "quality", "prompt")}

    def add_run(self, number: int, run: StoredReport) -> None:
        """Add the rows of one run."""
        prompts, roots = _prompts(run), {}
        for row in iter_samples(run.path):
            data = run.data_names.get(row.data, row.data)
            if row.data not in roots:
                root = run.root(row.data)
                roots[row.data] = "" if root is None else str(root)
            self._add_row(number, run, row, data)
            self.answers.sample.append(
                self._sample(number, run, row, data, roots[row.data], prompts.get(row.sample, ""))
            )

    def _add_row(self, number: int, run: StoredReport, row: SampleRow, data: str) -> None:
        answers, rows = self.answers, self.answers.rows
        for name, value in {
            "task": row.task, "question": row.question, "data": data, "variant": row.prompt_variant, "judge": row.judge,
            "order": row.order, "truth": _value(row.truth), "answer": _value(row.answer), "how": row.how, "read": row.read_as,
            "reason": row.reason, "state": row.state, "shown": json.dumps(row.shown) if row.shown else "", "reply": row.reply,
            "refusal": row.refusal, "mode": row.answer_mode, "failure": row.failure[1] if row.failure else "",
            "outcome": row.outcome, "change": "", "asked": self._asked(run, row),
        }.items():  # fmt: skip
            rows[name].add(value)
        answers.run.append(number)
        answers.repeat.append(row.repeat)
        answers.error.append(row.error)
        answers.unit.append(0)
        key = EntryKey(row.task, data, row.judge, row.prompt_variant)
        if isinstance(row.truth, float) and isinstance(row.answer, float):
            answers.ratings.setdefault((number, key), []).append(
                Rated(row.emotion or "", row.truth, row.answer)
            )
        if row.state == "failed":
            answers.failures[number, key, row.reason or "failed"] += 1
        given = [] if row.scores is None else [row.scores.get(option) for option in row.shown[:MAX_SCORES]]
        while len(answers.scores) < len(given):
            answers.scores.append([None] * (len(answers) - 1))
        for place, column in enumerate(answers.scores):
            column.append(given[place] if place < len(given) else None)

    def _sample(
        self, number: int, run: StoredReport, row: SampleRow, data: str, root: str, prompt: str
    ) -> int:
        # The same sample of the same data is one in all runs; portraits are of their run alone.
        own = number if run.role == "generator" else -1
        key = (own, row.data if own < 0 else "", row.sample, row.digest, bool(row.picture))
        known = self._samples.get(key)
        if known is not None:
            return known
        count = len(self._samples)
        self._samples[key] = count
        for name, value in {
            "id": row.sample, "set": data, "emotion": row.emotion or "", "intensity": _value(row.intensity),
            "quality": _value(row.quality), "prompt": prompt,
        }.items():  # fmt: skip
            self._labels[name].add(value)
        self._add_attributes(row.attributes, count)
        first, second = (self._picture(root, path) for path in (row.picture, row.second_picture))
        self.answers.pictures_of.append((first, second))
        return count

    def _add_attributes(self, attributes: Mapping[str, str], before: int) -> None:
        for name, value in attributes.items():
            column = self._attributes.get(name)
            if column is None:
                if len(self._attributes) >= MAX_ATTRIBUTES:
                    continue
                column = self._attributes[name] = Codes([""] * before)
            column.add(str(value))
        for column in self._attributes.values():
            if len(column) == before:
                column.add("")

    def _picture(self, root: str, path: str) -> int | None:
        return self._pictures.setdefault(PictureFile(root, path), len(self._pictures)) if path else None

    def _asked(self, run: StoredReport, row: SampleRow) -> str:
        """The messages that the judge was sent, pictures as <image>."""
        spec = run.record.questions.get(row.question) if run.record else None
        if spec is None or spec.answer is None:
            return ""
        key = (run.path, row.question, row.prompt_variant, row.shown, row.emotion)
        found = self._rendered.get(key)
        if found is None:
            variants = spec.prompt_variants
            variant = next((v for v in variants if v.name == row.prompt_variant), variants[0])
            shown = row.shown or spec.answer.options
            found = self._rendered[key] = as_text(render(variant, spec.answer, tuple(shown), row.emotion))
        return found

    def finish(self) -> Answers:
        """The columns of everything that was added."""
        answers = self.answers
        answers.samples = {
            **self._labels,
            **{f"a:{name}": column for name, column in self._attributes.items()},
        }
        answers.pictures = list(self._pictures)
        return answers


def _prompts(run: StoredReport) -> dict[str, str]:
    """Portrait -> the prompt that it was generated from; empty for judge runs."""
    if run.role != "generator":
        return {}
    with intact(run.path):
        return {line["id"]: str(line.get("prompt") or "") for line in read_lines(run.path / SAMPLES)}


def _value(value: str | float | None) -> str:
    """A label or number as text, numbers with at most three decimals; "" where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")


def set_units(
    answers: Answers, runs: Sequence[StoredReport], primary: Mapping[tuple[int, str], str]
) -> dict[Unit, int]:
    """Number what rows of different runs have in common; returns (run, entry, unit, repeat) -> row.

    A judge is asked about the same sample in each run. Portraits of different runs have nothing in common but their prompt,
    so the k-th portrait of a prompt stands for the k-th in the others; `primary` gives the question that counts them.
    """
    numbers: dict[Any, int] = {}
    places: dict[Unit, int] = {}
    names, own = list(_unit_names(answers, runs, primary)), answers.rows
    for row, (name, k) in enumerate(names):
        key = entry_of(answers, row)
        question = own["question"][row]
        answers.unit[row] = numbers.setdefault((key, question, name, k), len(numbers))
        run = answers.run[row]
        if question == primary.get((run, key.task), question):
            places[run, key, name, k] = row
    return places


def entry_of(answers: Answers, row: int) -> EntryKey:
    """The entry of results that a row belongs to."""
    return EntryKey(*(answers.rows[name][row] for name in ("task", "data", "judge", "variant")))


def _unit_names(
    answers: Answers, runs: Sequence[StoredReport], primary: Mapping[tuple[int, str], str]
) -> Iterator[tuple[str, int]]:
    """For each row, what it is about and which of several it is."""
    ids = answers.samples["id"]
    prompt_of = {name: answers.samples.get(f"a:{name}") for name in ("prompt_id", "source_id")}
    counted: dict[tuple[int, EntryKey, int], tuple[str, int]] = {}
    generated: dict[tuple[int, EntryKey], list[tuple[str, int]]] = {}
    question, state, truth = (answers.rows[name] for name in ("question", "state", "truth"))
    for row in range(len(answers)):
        run, sample = answers.run[row], answers.sample[row]
        missed = state[row] == "failed" or (state[row] == "undelivered" and not truth[row])
        if runs[run].role != "generator" or missed:
            continue
        key = entry_of(answers, row)
        if question[row] == primary.get((run, key.task)):
            generated.setdefault((run, key), []).append((ids[sample], sample))
    for (run, key), found in generated.items():
        count: Counter[str] = Counter()
        for id_, sample in sorted(found):
            prompts = (column[sample] for column in prompt_of.values() if column)
            prompt = next((p for p in prompts if p), id_)
            counted[run, key, sample] = (prompt, count[prompt])
            count[prompt] += 1
    for row in range(len(answers)):
        run, sample = answers.run[row], answers.sample[row]
        id_ = ids[sample]
        if runs[run].role != "generator":
            yield id_, answers.repeat[row]
        else:
            yield counted.get((run, entry_of(answers, row), sample), (f"{run}:{id_}", answers.repeat[row]))
