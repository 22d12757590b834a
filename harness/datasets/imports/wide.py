"""Imports wide tables of ratings: results of MTurk, surveys for Prolific, and ratings with a column for each person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.cells import cell, slug
from harness.datasets.imports.collected import QUESTIONS, Collected, file_of, question_of
from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.table import Row, Table, folded
from harness.errors import BadData, RequestError

IMAGES = (
    "image",
    "image_url",
    "picture",
    "photo",
    "file",
    "filename",
    "file_name",
    "stimulus",
    "url",
    "id",
    "sample",
)
RATERS = ("workerid", "worker_id", "prolific_pid", "prolific_id", "participant_id", "rater", "rater_id", "annotator",
          "participant", "respondent_id", "responseid", "response_id", "user")  # fmt: skip
STATUS = ("assignmentstatus", "status")
SUMMARIES = ("mean", "average", "median", "std", "sd", "count", "n", "majority", "total")
"""Columns next to those of people that hold no answers of a person."""
MAX_NAME = 500
"""Maximum characters of a column's name in which a question is looked for."""
REFUSED = ("rejected", "returned", "timed-out", "timed_out", "timed out", "survey preview")
"""States of an answer that its collector did not accept."""
_WORDS = "|".join(word for words in QUESTIONS.values() for word in words)
_LAST = re.compile(rf"(.+?)[\s_.:/\[(-]+({_WORDS})[\])]?", re.IGNORECASE)
_FIRST = re.compile(rf"({_WORDS})[\s_.:/\[(-]+(.+?)[\])]?", re.IGNORECASE)
_PREFIX = re.compile(r"(input|answer)\.", re.IGNORECASE)


class Wide(Importer):
    """One table of ratings next to the pictures, in one of three forms, found by its columns.

    With a picture and a person in each row, the columns are questions; this is how MTurk exports results. With a
    person in each row, the other columns name a picture, and the question; this is how surveys export them. With a
    picture in each row, the other columns name a person. `--column question=emotion` says what is asked where no
    column does.
    """

    name = "wide"
    summary = "a wide table of ratings (MTurk, Prolific, surveys, ratings.csv with a column for each person) and the pictures"
    label = "perceived"
    takes_columns = ("image", "rater", "question", "status", *QUESTIONS)

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        table = open_table(source, _path(source, report))
        answers = Collected(source, options, report)
        _read(_Form(table, options.columns, answers.index), answers, options, report)
        yield from with_name_columns(answers.records(), options, report)


def _path(source: Source, report: Report) -> str:
    """The table: ratings.csv, or the only one besides a manifest."""
    found = [p for p in source.files if PurePosixPath(p).suffix.casefold() in (".csv", ".tsv")]
    named = [p for p in found if PurePosixPath(p).name.casefold() == "ratings.csv"]
    others = [p for p in found if PurePosixPath(p).name.casefold() != "manifest.csv"]
    if len(others) < len(found):
        report.note("manifest.csv was not read: labels are what most people say.")
    if len(named) != 1 and len(others) != 1:
        raise BadData(
            f"{source.name!r} contains {len(others) or 'no'} tables of ratings"
            + (f": {', '.join(others[:3])}." if others else "."),
            "Keep one, or name it ratings.csv." if others else "Put the exported CSV next to the pictures.",
        )
    return named[0] if len(named) == 1 else others[0]


class _Form:
    """The roles of the columns of a table."""

    def __init__(self, table: Table, given: Mapping[str, str], index: PictureIndex) -> None:
        self.table, self.given, self._index = table, given, index
        self.bare = [_PREFIX.sub("", name) for name in table.columns]
        """The names of columns as the requester gave them: MTurk puts Input. and Answer. before them."""
        self.image, self.rater = self._image(), self._role("rater", RATERS)
        self.status = self._role("status", STATUS)
        if self.image is None and self.rater is None:
            raise BadData(
                f"{table.path} has neither a column of pictures nor a column of people.",
                f"Name one: --column image=NAME or --column rater=NAME. Its columns are: {_some(table.columns)}.",
            )

    def _image(self) -> int | None:
        """The column of pictures: the first of the known names whose cells name some."""
        if "image" in self.given:
            return self.table.column(self.given["image"])
        keys = [folded(name) for name in self.bare]
        found = [keys.index(name) for name in IMAGES if name in keys]
        rows = list(islice((row for row in self.table.rows() if not row.problem), 20))
        named = (at for at in found if any(self._index.matching(file_of(row.cells[at])) for row in rows))
        return next(named, next((at for at in found if keys[at] in IMAGES[:2]), None))

    def _role(self, role: str, names: Sequence[str]) -> int | None:
        if role in self.given:
            return self.table.column(self.given[role])
        keys = [folded(name) for name in self.bare]
        return next((keys.index(name) for name in names if name in keys), None)

    def others(self) -> Iterator[tuple[int, str]]:
        """The remaining named columns."""
        for at, name in enumerate(self.table.columns):
            if name and at not in (self.image, self.rater, self.status):
                yield at, name


@dataclass(frozen=True)
class _Asked:
    """What a column is about; what it does not say is in the row."""

    at: int
    question: str
    image: str = ""
    rater: str = ""
    option: str = ""
    """For a column of one option, the option that is chosen if the cell is true."""


def _read(form: _Form, answers: Collected, options: ImportOptions, report: Report) -> None:
    """Read every row; each is used, or has a reason."""
    columns = _columns(form, answers, options, report)
    for row in usable_rows(form.table, report):
        reason = _refusal(row, form)
        if reason:
            report.leave_out(row.file, row.line, "", *reason)
            continue
        path: str | None = ""
        if form.image is not None:
            path = answers.picture(row.cells[form.image], row.file, row.line)
        if path is not None:
            _add_row(row, path, form, columns, answers, report)


def _add_row(
    row: Row, path: str, form: _Form, columns: Sequence[_Asked], answers: Collected, report: Report
) -> None:
    rater = row.cells[form.rater] if form.rater is not None else ""
    used, problems = False, []
    for asked in columns:
        for question, answer in _said(row.cells[asked.at], asked, form.given):
            problem = answers.add(
                path or asked.image,
                f"{row.file}:{row.line}",
                rater or asked.rater,
                question,
                answer,
                own_row=bool(path),
            )
            used = used or not problem
            if problem:
                problems.append((path or asked.image, problem, answer, form.table.columns[asked.at]))
    if not used:
        image, reason, detail, column = problems[0] if problems else (path, "no answers", "", "")
        report.leave_out(row.file, row.line, image, reason, detail, column)
        return
    for image, reason, detail, column in problems:
        report.use_partly(row.file, row.line, image, reason, detail, column)


def _refusal(row: Row, form: _Form) -> tuple[str, str] | None:
    """Why a row holds no answers of a person: it is a second header, or its answers were not accepted."""
    person = row.cells[form.rater] if form.rater is not None else ""
    if person.startswith('{"ImportId"') or (
        person and folded(person) == folded(form.table.columns[form.rater or 0])
    ):
        return "second header", person
    state = row.cells[form.status] if form.status is not None else ""
    return ("not accepted", state) if state.casefold() in REFUSED else None


def _columns(form: _Form, answers: Collected, options: ImportOptions, report: Report) -> list[_Asked]:
    """The columns with answers. Raises `BadData` if there are none, `RequestError` if a question is not known."""
    default = options.columns.get("question", "")
    if default and default not in QUESTIONS:
        raise RequestError(
            f"--column question={default}: {default!r} is not a question.",
            f"Give one of: {', '.join(QUESTIONS)}.",
        )
    if form.image is not None and form.rater is not None:
        found = list(_questions(form))
    elif form.rater is not None:
        found = list(_pictures(form, answers, default))
    else:
        found = [_Asked(at, question, rater=who) for at, who, question in _split(form, default)]
    asked = {a.at for a in found}
    unused = [name for at, name in form.others() if at not in asked]
    if unused:
        report.note(f"Columns without answers were skipped: {_some(unused)}.")
    if not found:
        raise BadData(
            f"{form.table.path} has no column of answers.",
            f"Name them: --column emotion=NAME. Its columns are: {_some(form.table.columns)}.",
        )
    _refuse_unasked([form.table.columns[a.at] for a in found if not a.question])
    return found


def _refuse_unasked(columns: Sequence[str]) -> None:
    if columns:
        raise RequestError(
            f"The column {columns[0]!r} does not say what was asked.",
            f"Say it for all such columns: --column question={'|'.join(list(QUESTIONS)[:3])}.",
        )


def _questions(form: _Form) -> Iterator[_Asked]:
    """The columns of a table with a picture and a person in each row."""
    for at, name in form.others():
        question = question_of(form.bare[at], form.given)
        head, _, option = form.bare[at].partition(".")
        if question in QUESTIONS or slug(form.bare[at]) == "taskanswers":
            yield _Asked(at, question)
        elif option and question_of(head, form.given) in QUESTIONS:
            # A radio button of a form: Answer.emotion.happy is true or false.
            yield _Asked(at, question_of(head, form.given), option=option.rpartition(".")[2])
        elif name.casefold().startswith("answer."):
            yield _Asked(at, question)


def _split(form: _Form, default: str) -> Iterator[tuple[int, str, str]]:
    """Each column with what remains of its name without the question, and the question."""
    for at, name in form.others():
        if folded(form.bare[at]) in SUMMARIES:
            continue
        shown = form.bare[at][:MAX_NAME]
        last, first = _LAST.fullmatch(shown), _FIRST.fullmatch(shown)
        if last:
            yield at, last[1], question_of(last[2], form.given)
        elif first:
            yield at, first[2], question_of(first[1], form.given)
        else:
            yield at, name, default


def _pictures(form: _Form, answers: Collected, default: str) -> Iterator[_Asked]:
    """The columns named after pictures, in a table with a person in each row."""
    for at, name, question in _split(form, default):
        whole = answers.index.matching(form.table.columns[at])
        found = whole or answers.index.matching(name)
        if len(found) == 1:
            yield _Asked(at, default if whole else question, image=found[0])


def _said(text: str, asked: _Asked, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Question and answer of a cell; nothing if it is empty."""
    if asked.option:
        if text.casefold() in ("true", "1", "on", "yes"):
            yield asked.question, asked.option
    elif asked.question == "taskanswers":
        yield from _task_answers(text, given)
    elif text:
        yield asked.question, text


def _task_answers(text: str, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The answers in a cell of Answer.taskAnswers: [{"emotion": {"happy": true}, "intensity": 3}]."""
    try:
        found: Any = json.loads(text) if text else []
    except (ValueError, RecursionError):
        yield "", cell(text)[:100]
        return
    for part in found if isinstance(found, list) else [found]:
        for name, value in part.items() if isinstance(part, dict) else ():
            if isinstance(value, dict):
                chosen = [cell(k) for k, v in value.items() if v is True]
                value = value["label"] if "label" in value else chosen[0] if len(chosen) == 1 else None
            if value is not None and not isinstance(value, (list, dict)):
                yield question_of(name, given), cell(value)


def _some(columns: Sequence[str]) -> str:
    named = [name for name in columns if name]
    return ", ".join(named[:20]) + (f" and {len(named) - 20} more" if len(named) > 20 else "") or "none"
