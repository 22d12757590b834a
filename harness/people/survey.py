"""The questions that tasks ask about a data set, in a form that people can be asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from harness.datasets import DataFolder
from harness.errors import BadData, BadTask
from harness.images.decoding import PictureProblem, read_bytes, real_root
from harness.images.metadata import portable
from harness.run.data_sets import find_data_set
from harness.run.schedule import limited
from harness.run.watch import Watch
from harness.tasks.answers import truth_of
from harness.tasks.catalog import find_tasks
from harness.tasks.pairing import as_samples, select_pairs
from harness.tasks.prompts import render, shown_options
from harness.tasks.spec import Answer, PromptVariant, TaskSpec
from harness.types import EMOTIONS, Sample

_RATED = ("intensity", "quality")


@dataclass(frozen=True)
class SurveyPicture:
    """A picture of a question."""

    path: str
    """Relative to the root of the data set."""
    digest: str
    """Hex SHA-256 of the file, as `harness.Picture.digest`."""


@dataclass(frozen=True)
class SurveyQuestion:
    """One question of a task about one picture, or about two."""

    id: str
    """32 hex digits."""
    task: str
    sample_id: str
    """May name the label: never for the eyes of raters."""
    pictures: tuple[SurveyPicture, ...]
    """One, or two in the order in which they are shown."""
    kind: Literal["choice", "rating", "pair"]
    options: tuple[str, ...]
    """In the order of the task; for a rating, the levels, weakest first."""
    labels: Literal["none", "letters", "numbers"]
    """What the task shows before each option."""
    low: float
    """For a rating: the value of the weakest level."""
    target: str
    """What is asked about, as `harness.Question.target`."""
    shuffle: bool
    """Whether the order of the options may be permuted."""
    text: str
    """The wording of the task, without the line that lists the options."""
    column: str
    """The question in ratings.csv: emotion, intensity or quality; "" where the answer is no label of a data set."""
    truth: str | float | None
    """The correct answer, where the data set knows it."""
    emotion: str | None

    def value(self, option: str) -> str | float:
        """An option as ratings.csv has it: a level as its number. Raises `ValueError` for what is no option."""
        if option not in self.options:
            raise ValueError(f"{option!r} is no option of {self.task}")
        at = self.options.index(option)
        return self.low + at if self.kind == "rating" else option


@dataclass(frozen=True)
class Survey:
    """The questions of tasks about a data set."""

    data: str
    """Name of the data set."""
    root: Path
    """The folder of the pictures."""
    digest: str
    """Hex digest of names and labels of the data set."""
    samples: tuple[Sample, ...]
    """Those that any question is about."""
    questions: tuple[SurveyQuestion, ...]
    notes: tuple[str, ...]


def survey(tasks: Sequence[str], data: str, *, limit: int | None = None, seed: int = 0) -> Survey:
    """The questions of judge tasks about a data set, with the default wording; labels are not needed, except by pairs.

    `limit` counts pictures, stratified as with `harness run --limit`; where pairs are asked too, they make up half of
    them, and all pairs are made among these pictures. Reads every picture.
    Raises `BadTask` for a generator task, `BadData` where there is nothing to ask.
    """
    specs = [task.spec for task in find_tasks(tasks)]
    for spec in specs:
        if spec.role != "judge":
            raise BadTask(
                f"{spec.name!r} tests a generator: there is nothing that people could be asked.",
                "Ask the tasks that it asks about its images: " + ", ".join(spec.asks) + ".",
            )
    whole = find_data_set(data, Watch())
    folder = whole if limit is None else replace(whole, samples=_first(whole, specs, limit, seed))
    reader = _Reader(folder)
    questions = [q for spec in specs for q in _questions(spec, folder, reader, seed)]
    for spec in specs:
        if not any(q.task == spec.name for q in questions):
            reader.notes.append(f"{spec.name} has nothing to ask about {folder.name}.")
    if not questions:
        raise BadData(
            f"There is nothing to ask about {folder.name}: {' '.join(reader.remarks()) or 'no task fits its labels.'}",
            "Pairs need a column to compare, such as intensity; see `harness show TASK`.",
        )
    shown = {picture.path for question in questions for picture in question.pictures}
    samples = tuple(sample for sample in folder.samples if sample.path in shown)
    notes = (*folder.notes, *reader.remarks())
    return Survey(folder.name, folder.root, folder.digest, samples, tuple(questions), notes)


def shown_file(path: Path, digest: str) -> tuple[bytes, str]:
    """A picture as people see it, and its media type: a PNG, JPEG or WebP without metadata, as for judges.

    Raises `BadData` where the file is not the one with this `digest` any more.
    """
    try:
        data = read_bytes(real_root(path.parent), path.name)
        if hashlib.sha256(data).hexdigest() != digest:
            raise BadData(
                f"{path} is not the picture that it was.", "Put the original back, or make a new study."
            )
        return portable(data, path.name)
    except PictureProblem as e:
        raise BadData(
            f"The picture cannot be shown: {e}.", "Put the original back, or make a new study."
        ) from e


class _Reader:
    """Digests of the pictures that can be shown; what cannot is counted."""

    def __init__(self, folder: DataFolder) -> None:
        self._root, self._known = real_root(folder.root), dict[str, SurveyPicture | None]()
        self.notes: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._example: dict[str, str] = {}

    def picture(self, sample: Sample) -> SurveyPicture | None:
        path = sample.path or ""
        if sample.problem or not path:
            self._leave_out("label", sample.problem or "a sample has no picture")
            return None
        if _undecodable(path) or _undecodable(sample.id):
            self._leave_out("name", f"{path!r} is not in the encoding of this system")
            return None
        if path not in self._known:
            try:
                data = read_bytes(self._root, path)
                portable(data, path)
                self._known[path] = SurveyPicture(path, hashlib.sha256(data).hexdigest())
            except PictureProblem as e:
                self._known[path] = None
                self._leave_out(e.kind, str(e))
        return self._known[path]

    def _leave_out(self, kind: str, example: str) -> None:
        self._left_out[kind] += 1
        self._example.setdefault(kind, example)

    def remarks(self) -> list[str]:
        return self.notes + [
            f"{count} samples are left out: {self._example[kind]}." for kind, count in self._left_out.items()
        ]


def _undecodable(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _first(data: DataFolder, specs: Sequence[TaskSpec], limit: int, seed: int) -> list[Sample]:
    """At most `limit` samples, in the order of the data set."""
    chosen: dict[str, None] = {}
    compared = [spec for spec in specs if spec.pairs is not None]
    room = limit if len(compared) == len(specs) else limit // 2
    for spec in compared:
        for pair in select_pairs(data, spec, None, seed):
            both = dict.fromkeys([pair.weak.id, pair.strong.id])
            if len(chosen | both) <= room:
                chosen |= both
    for sample in limited(data, limit, seed):
        if len(chosen) < limit:
            chosen[sample.id] = None
    return [sample for sample in data.samples if sample.id in chosen]


def _questions(spec: TaskSpec, folder: DataFolder, reader: _Reader, seed: int) -> Iterator[SurveyQuestion]:
    answer = spec.answer
    assert answer is not None, "tasks of a judge have an answer"
    if spec.pairs is not None:
        for pair in select_pairs(folder, spec, None, seed):
            for both, shown in as_samples(pair, spec, seed):
                yield from _question(spec, both, shown, reader, seed)
        return
    for sample in folder.samples:
        if sample.emotion in answer.truth.leave_out:
            continue
        if answer.contrast and truth_of(answer, sample) is None:
            continue  # Which options are shown depends on it.
        yield from _question(spec, sample, (sample,), reader, seed)


def _question(
    spec: TaskSpec, sample: Sample, shown: Sequence[Sample], reader: _Reader, seed: int
) -> Iterator[SurveyQuestion]:
    answer, variant = spec.answer, spec.prompt_variants[0]
    assert answer is not None, "tasks of a judge have an answer"
    pictures = tuple(found for one in shown if (found := reader.picture(one)) is not None)
    if len(pictures) < len(shown):
        return
    truth = truth_of(answer, sample)
    chosen = shown_options(answer, sample.id, seed, truth if answer.contrast else None)
    options = tuple(option for option in answer.options if option in chosen)
    text = _wording(variant, answer, options, sample.emotion)
    determined = [spec.name, text, answer.kind, options, sample.id, [picture.digest for picture in pictures]]
    yield SurveyQuestion(
        hashlib.blake2b(json.dumps(determined).encode(), digest_size=16).hexdigest(),
        spec.name,
        sample.id,
        pictures,
        answer.kind,
        options,
        answer.labels,
        answer.low,
        answer.target,
        answer.shuffle and answer.kind == "choice",
        text,
        _column(answer),
        truth,
        sample.emotion,
    )


def _wording(variant: PromptVariant, answer: Answer, options: tuple[str, ...], emotion: str | None) -> str:
    """What is asked: people see the options as buttons, so a line that lists them is dropped where more is asked."""
    kept = [line for line in variant.text.splitlines() if "{options}" not in line]
    asked = "\n".join(kept) if re.sub(r"\{image\}|\s", "", "".join(kept)) else variant.text
    plain = variant.model_copy(update={"text": asked, "system": ""})
    return "\n".join(
        part.text
        for message in render(plain, answer, options, emotion)
        for part in message.parts
        if part.text
    )


def _column(answer: Answer) -> str:
    field = answer.truth.field
    if answer.kind == "rating" and field in _RATED:
        return field
    if answer.kind == "choice" and field == "emotion" and not answer.contrast and not answer.truth.mapping:
        return field if set(answer.options) <= set(EMOTIONS) else ""
    return ""


def as_json(question: SurveyQuestion) -> str:
    """A question as one line of JSON."""
    return json.dumps(asdict(question), ensure_ascii=False)


def from_json(line: str) -> SurveyQuestion:
    """The question of a line that `as_json` wrote. Raises `ValueError` and its kin for anything else."""
    found = json.loads(line)
    found["pictures"] = tuple(SurveyPicture(**picture) for picture in found["pictures"])
    found["options"] = tuple(found["options"])
    return SurveyQuestion(**found)
