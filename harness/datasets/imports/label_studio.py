"""Imports what people labelled in Label Studio, from its exports as JSON, JSON-MIN and CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.cells import cell
from harness.datasets.imports.collected import QUESTIONS, Collected, question_of
from harness.datasets.imports.json_records import json_entries
from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.table import folded
from harness.errors import BadData

PICTURES = ("image", "img", "picture", "photo", "face", "image_url", "url")
OWN = (
    "id",
    "annotation_id",
    "annotator",
    "created_at",
    "updated_at",
    "lead_time",
    "completed_by",
    "agreement",
)
"""Columns of JSON-MIN and CSV that hold no answer."""
SHAPES = ("rectanglelabels", "polygonlabels", "ellipselabels", "brushlabels", "keypointlabels", "labels")
"""Types of results that label regions."""


class LabelStudio(Importer):
    """An export of Label Studio next to the pictures; `from_name` of a control is the question.

    The label of a picture is what most people chose; intensity and quality are means. `--column` names the questions.
    """

    name = "label-studio"
    summary = "an export of Label Studio (JSON, JSON-MIN or CSV) and the pictures; answers of several people"
    label = "perceived"
    takes_columns = ("image", "rater", *QUESTIONS)

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        path = _export(source)
        answers = Collected(source, options, report)
        if path.casefold().endswith(".json"):
            for entry in json_entries(source, path, report):
                report.rows[path] += 1
                if isinstance(entry.value, dict):
                    _Task(path, report.rows[path], entry.value, answers, options, report).add()
                else:
                    report.leave_out(path, report.rows[path], "", "broken row", "not an object")
        else:
            table = open_table(source, path)
            for row in usable_rows(table, report):
                cells = dict(zip(table.columns, row.cells, strict=False))
                _Task(path, row.line, cells, answers, options, report).add_single()
        yield from with_name_columns(answers.records(), options, report)


def _export(source: Source) -> str:
    """The exported file: the only JSON file, or else the only CSV file."""
    for suffix in (".json", ".csv"):
        found = [p for p in source.files if PurePosixPath(p).suffix.casefold() == suffix]
        if len(found) > 1:
            raise BadData(
                f"{source.name!r} contains several {suffix} files: {', '.join(found[:3])}.",
                "Keep only the export that should be imported.",
            )
        if found:
            return found[0]
    raise BadData(
        f"{source.name!r} contains no export of Label Studio: neither a JSON nor a CSV file.",
        "Export the project as JSON, and put the file next to the pictures.",
    )


class _Task:
    """One task with its annotations; or one annotation, in JSON-MIN and CSV."""

    def __init__(
        self,
        file: str,
        line: int,
        task: Mapping[str, Any],
        answers: Collected,
        options: ImportOptions,
        report: Report,
    ) -> None:
        self._file, self._line, self._task = file, line, task
        self._answers, self._given, self._report = answers, options.columns, report
        self._used = False
        self._problems: list[tuple[str, str, str]] = []
        """Reason, detail and question of what is not used."""

    def add(self) -> None:
        data = self._task.get("data")
        annotations = self._task.get("annotations", self._task.get("completions"))
        if not isinstance(data, dict) or not isinstance(annotations, list):
            self.add_single()
            return
        path = self._picture(data)
        if path is None:
            return
        for annotation in annotations:
            if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
                self._problems.append(("broken annotation", cell(annotation)[:100], ""))
            elif annotation.get("was_cancelled") is True or annotation.get("skipped") is True:
                self._problems.append(("skipped by the annotator", _person(annotation), ""))
            else:
                self._add_annotation(path, annotation)
        self._answers.describe(path, {k: cell(v) for k, v in data.items() if not isinstance(v, (dict, list))})
        self._finish(path, "no annotations")

    def add_single(self) -> None:
        """Add a flat row: one annotation with a column for each question."""
        path = self._picture(self._task)
        if path is None:
            return
        theirs = self._given.get("rater", "annotator")
        rater = next((cell(v) for k, v in self._task.items() if folded(k) == folded(theirs)), "") or _person(
            self._task
        )
        image = self._picture_key(self._task)
        for key, value in self._task.items():
            if folded(key) not in OWN and key != image and folded(key) != folded(theirs):
                self._add(path, rater, key, _choices(value))
        self._finish(path, "no answers")

    def _picture_key(self, data: Mapping[str, Any]) -> str:
        names = (self._given["image"],) if "image" in self._given else PICTURES
        keys = {folded(key): key for key in data}
        found = next((keys[folded(name)] for name in names if folded(name) in keys), "")
        return found or next((k for k, v in data.items() if isinstance(v, str) and is_picture(v)), "")

    def _picture(self, data: Mapping[str, Any]) -> str | None:
        return self._answers.picture(cell(data.get(self._picture_key(data))), self._file, self._line)

    def _add_annotation(self, path: str, annotation: Mapping[str, Any]) -> None:
        """Add the answers of one annotation; regions of a picture count once for each label."""
        answers: dict[str, dict[str, None]] = {}
        for result in annotation["result"]:
            value = result.get("value") if isinstance(result, dict) else None
            kind = cell(result.get("type")) if isinstance(result, dict) else ""
            if not isinstance(value, dict) or not kind:
                self._problems.append(("broken annotation", cell(result)[:100], ""))
                continue
            name = cell(result.get("from_name"))
            found = _choices(value.get(kind, value.get("choices")))
            if kind in ("textarea", "relation"):
                self._problems.append(("free text", kind, name))
            elif not found:
                self._problems.append(("broken annotation", f"{kind} without its value", name))
            answers.setdefault(name, {}).update(
                dict.fromkeys(found if kind not in ("textarea", "relation") else ())
            )
        for name, given in answers.items():
            self._add(path, _person(annotation), name, list(given))

    def _add(self, path: str, rater: str, name: str, answers: list[str]) -> None:
        """Add the answer to one question; several emotions are none."""
        if not answers:
            return
        question = question_of(name, self._given)
        problem = "two labels" if question == "emotion" and len(answers) > 1 else ""
        answer = "; ".join(answers)
        problem = problem or self._answers.add(path, f"{self._file}:{self._line}", rater, question, answer)
        self._used = self._used or not problem
        if problem:
            self._problems.append((problem, f"{rater}: {answer}", name))

    def _finish(self, path: str, nothing: str) -> None:
        """Account for the row: not used if no answer is, else partly for what is not."""
        if self._used:
            for reason, detail, question in self._problems:
                self._report.use_partly(self._file, self._line, path, reason, detail, question)
            return
        reason, detail, question = self._problems[0] if self._problems else (nothing, "", "")
        self._report.leave_out(self._file, self._line, path, reason, detail, question)


def _person(annotation: Mapping[str, Any]) -> str:
    """Who made an annotation: an id, or the address in an object."""
    who = annotation.get("completed_by", annotation.get("annotator"))
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return cell(who)


def _choices(value: Any, depth: int = 0) -> list[str]:
    """The answers in a value: text, a number, or a list of choices, also in the text of an object as in CSV."""
    if depth > 3:
        return []
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [cell(value)]
    if isinstance(value, dict):
        value = next((value[k] for k in ("choices", "rating", "number", *SHAPES) if k in value), None)
    if isinstance(value, list):
        return list(dict.fromkeys(answer for part in value for answer in _choices(part, depth + 1)))
    text = cell(value)
    return [text] if text else []
