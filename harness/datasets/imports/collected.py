"""Collects the answers of people about pictures from exported files, and makes samples of what most of them say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from sys import intern
from urllib.parse import unquote

from harness.datasets.imports.base import ImportOptions, Record
from harness.datasets.imports.categories import Categories, Row
from harness.datasets.imports.cells import MAX_TEXT, slug
from harness.datasets.imports.memo_bench import scaled
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.table import number
from harness.errors import BadData

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "emotion": ("emotion", "label", "expression", "category", "choice", "feeling"),
    "intensity": ("intensity", "strength"),
    "quality": ("quality", "mos"),
    "valence": ("valence", "pleasure"),
    "arousal": ("arousal",),
    "dominance": ("dominance",),
}
"""Question -> the names by which it is found."""
NUMERIC = tuple(name for name in QUESTIONS if name != "emotion")
MAX_QUESTIONS = 200
"""Maximum number of questions: each becomes a column."""
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the names of uploaded files."""


def question_of(name: str, given: Mapping[str, str]) -> str:
    """The question that a name stands for: as the user says, or one that is known, or the name itself."""
    folded = slug(name)
    for question, theirs in given.items():
        if slug(theirs) == folded and question in QUESTIONS:
            return question
    return next((q for q, names in QUESTIONS.items() if folded in names and q not in given), folded)


def file_of(address: str) -> str:
    """The path of a file in an address such as https://host/faces/a.png?key, or /data/local-files/?d=faces/a.png."""
    address = address.strip()
    if "?d=" in address:
        address = address.partition("?d=")[2].partition("&")[0]
    elif "://" in address or address.startswith("/data/"):
        address = re.split(r"[?#]", address.partition("://")[2] or address)[0]
    else:
        return address
    return unquote(address).lstrip("/")


@dataclass(slots=True)
class _Rated:
    """The answers about one picture."""

    rows: dict[str, None] = field(default_factory=dict)
    """File and line of its rows; none if a row is about several pictures."""
    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Rater and question -> answer."""
    attributes: dict[str, str] = field(default_factory=dict)


class Collected:
    """Pictures with the answers about them. Equal texts are shared to save memory."""

    def __init__(self, source: Source, options: ImportOptions, report: Report) -> None:
        self.index = PictureIndex(source.files)
        if not self.index.paths:
            raise BadData(
                f"{source.name!r} contains no pictures.",
                "Give a folder with the exported file and the pictures; addresses in it are never fetched.",
            )
        self._options, self._report = options, report
        self._categories = Categories(options, report)
        self._rated: dict[str, _Rated] = {}
        self._questions: set[str] = set(QUESTIONS)

    def picture(self, name: str, file: str, line: int) -> str | None:
        """The picture that a row names; or None, with the row in the report."""
        wanted = file_of(name)
        found = self.index.find(wanted) if wanted else []
        if not found and wanted:
            folder, slash, last = wanted.rpartition("/")
            found = self.index.find(folder + slash + _UPLOADED.sub("", last, count=1))
        if len(found) == 1:
            return found[0]
        reason = "several pictures" if found else "no picture" if wanted else "no image name"
        self._report.leave_out(file, line, name, reason, ", ".join(found[:3]))
        return None

    def add(
        self, path: str, where: str, rater: str, question: str, answer: str, *, own_row: bool = True
    ) -> str:
        """Add one answer; why it is not used, or "". `own_row`: whether the row is about this picture alone."""
        if not answer:
            return "no answer"
        if not rater or not question:
            return "no rater" if not rater else "no question"
        if question not in self._questions:
            if len(self._questions) >= MAX_QUESTIONS:
                return "too many questions"
            self._questions.add(question)
        if question in NUMERIC:
            value, problem = scaled(answer, question, self._options, self._report, where.rpartition(":")[0])
            if value is None:
                return problem
            answer = f"{value:.10g}"
        rated = self._rated.setdefault(path, _Rated())
        key = (intern(rater[:MAX_TEXT]), intern(question))
        if key in rated.answers:
            return "the rater answered before"
        rated.answers[key] = intern(answer[:MAX_TEXT])
        if own_row:
            rated.rows[where] = None
        return ""

    def describe(self, path: str, attributes: Mapping[str, str]) -> None:
        """Add attributes to a picture that has answers."""
        if path in self._rated:
            self._rated[path].attributes = {**attributes, **self._rated[path].attributes}

    def records(self) -> Iterator[Record]:
        """The pictures with answers, in the order of the first ones; others go to the report."""
        for path, rated in self._rated.items():
            record = self._record(path, rated)
            if record is not None:
                yield record
        for path in self.index.unreferenced():
            if path in self._rated:
                continue
            self._report.leave_out("pictures", "", path, "no row")

    def _record(self, path: str, rated: _Rated) -> Record | None:
        by_question: dict[str, list[str]] = {}
        for (_, question), answer in rated.answers.items():
            by_question.setdefault(question, []).append(answer)
        rows = tuple(rated.rows)
        file, _, line = rows[0].rpartition(":") if rows else ("pictures", "", "")
        category = self._majority(by_question.get("emotion", ()), Row(file, line, path, "emotion"))
        emotion, used = self._categories.emotion_of_rows(category, rows, path, "emotion")
        if not used:
            return None
        means = {
            q: sum(map(float, by_question[q])) / len(by_question[q]) for q in NUMERIC if q in by_question
        }
        columns = {q: f"{means[q]:.10g}" for q in means if q not in ("intensity", "quality")}
        for question in by_question.keys() - set(QUESTIONS):
            columns |= self._other(question, by_question[question])
        return Record(
            path,
            rows[0] if rows else path,
            emotion=emotion,
            label=category,
            intensity=means.get("intensity"),
            quality=means.get("quality"),
            attributes={**rated.attributes, "category": category, **dict(sorted(columns.items()))},
            ratings=tuple((rater, q, self._said(q, answer)) for (rater, q), answer in rated.answers.items()),
            other_rows=rows[1:],
        )

    def _said(self, question: str, answer: str) -> str:
        return self._categories.name(answer) if question == "emotion" else answer

    def _majority(self, answers: list[str] | tuple[str, ...], row: Row) -> str:
        """The category that most people name, "" if several lead."""
        counts = Counter(map(self._categories.name, answers))
        top = [name for name, count in counts.items() if count == max(counts.values())]
        if len(top) > 1:
            self._report.use_partly(row.file, row.line, row.image, "tie", ", ".join(sorted(top)), "emotion")
        if len(top) != 1:
            return ""
        return Counter(a for a in answers if self._categories.name(a) == top[0]).most_common(1)[0][0]

    @staticmethod
    def _other(question: str, answers: list[str]) -> dict[str, str]:
        """The column of a question that memobench does not know: the mean of numbers, or what most people say."""
        numbers = [number(answer) for answer in answers]
        values = [value for value in numbers if value is not None]
        if len(values) == len(answers):
            return {f"score_{question}": f"{sum(values) / len(values):.6g}"}
        (top, count), *others = [*Counter(answers).most_common(2), ("", 0)][:2]
        return {f"answer_{question}": top} if count > others[0][1] else {}
