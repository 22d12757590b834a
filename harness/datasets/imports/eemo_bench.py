"""Imports EEmo-Bench (arXiv 2504.16405): questions about the emotions that a picture, or each of a pair, evokes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.categories import Categories, Row
from harness.datasets.imports.cells import cell, literal
from harness.datasets.imports.json_records import json_entries
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.questions import distribution, find_picture, options_of, score_columns, stem
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.table import number
from harness.errors import BadData

SINGLE = ("image_url", "image_name", "image")
PAIR = ("image1_url", "image2_url")
COLUMNS = {
    "question": "question",
    "correct_answer": "answer",
    "question_type": "question_type",
    "perceptual_dimension": "perceptual_dimension",
    "question_concern": "question_concern",
}
DIMENSIONS = ("valence", "arousal", "dominance")
CHOSEN = ("yes-or-no", "what/how")
"""Types of questions whose answer is one of the options."""
MAX_LABEL = 5000
_RANKING = re.compile(r"ranking\s*:\s*(\{[^{}]*\})", re.IGNORECASE)
_CATEGORY = re.compile(r"category\s*:([^:]*?)\s*(?:valence|arousal|dominance|$)", re.IGNORECASE)
_DIMENSION = re.compile(r"(valence|arousal|dominance)\s*:\s*([-+.,\d]+)", re.IGNORECASE)


class EEmoBench(Importer):
    """JSON lists of questions with `image_url`, or with `image1_url` and `image2_url`, and the pictures.

    Each question is a sample; those about one picture share a `subject`. What a label says about the picture itself
    (category, ranking, valence, arousal, dominance) stands in the first of its samples, so that it counts once. For
    pairs, the columns end in _1 and _2.
    """

    name = "eemo-bench"
    summary = "EEmo-Bench single and pair: JSON lists of questions and the pictures; evoked emotions, rankings, valence and arousal"
    label = "perceived"
    domain = "evoked"
    domain_column = True

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        paths = [p for p in source.files if PurePosixPath(p).suffix.casefold() == ".json"]
        if not paths:
            raise BadData(
                f"{source.name!r} is not EEmo-Bench: it contains no JSON file.",
                "Give the folder with the list of questions and the pictures.",
            )
        index = PictureIndex(source.files)
        if not index.paths:
            raise BadData(
                f"{source.name!r} contains no pictures.", "Put the pictures next to the list of questions."
            )
        questions = _Questions(index, options, report)
        yield from with_name_columns(_records(paths, questions, index, source, report), options, report)


def _records(
    paths: list[str], questions: _Questions, index: PictureIndex, source: Source, report: Report
) -> Iterator[Record]:
    for path in paths:
        for entry in json_entries(source, path, report):
            report.rows[path] += 1
            record = questions.record(path, report.rows[path], entry.value)
            if record is not None:
                yield record
    for image in index.unreferenced():
        report.leave_out("pictures", "", image, "no row")


class _Questions:
    """Turns entries into samples."""

    def __init__(self, index: PictureIndex, options: ImportOptions, report: Report) -> None:
        self._index, self._report = index, report
        self._categories = Categories(options, report)
        self._described: set[str] = set()
        """Pictures whose own labels stand in a sample."""

    def record(self, file: str, line: int, entry: Any) -> Record | None:
        """The sample of an entry; or None, with the entry in the report."""
        pair = isinstance(entry, dict) and PAIR[0] in entry
        keys = PAIR if pair else tuple(k for k in SINGLE if isinstance(entry, dict) and k in entry)[:1]
        if not keys:
            self._report.leave_out(file, line, "", "broken row", cell(entry)[:100])
            return None
        images = []
        for key in keys:
            image, reason, detail = find_picture(self._index, cell(entry.get(key)))
            if reason:
                self._report.leave_out(file, line, cell(entry.get(key)), reason, detail, key)
                return None
            images.append(image)
        columns = self._question(entry, Row(file, line, images[0]))
        if columns is None:
            return None
        columns["subject"] = stem(images[0])
        sample = f"{'pair' if pair else 'single'}-{cell(entry.get('id')) or line}"
        where = f"{file}:{line}"
        if pair:
            for at, image in enumerate(images, 1):
                text = entry.get(f"image{at}_label")
                columns |= {f"{k}_{at}": v for k, v in self._label(text, Row(file, line, image)).items()}
            return Record(images[0], where, sample, attributes=columns, other_pictures={"image_2": images[1]})
        if images[0] in self._described:
            return Record(images[0], where, sample, attributes=columns)
        label = self._label(entry.get("image_label", entry.get("label")), Row(file, line, images[0]))
        category = label.get("category", "")
        emotion, used = self._categories.emotion(category, Row(file, line, images[0], "image_label"))
        if not used:
            return None
        self._described.add(images[0])
        return Record(images[0], where, sample, emotion, category, attributes={**label, **columns})

    def _question(self, entry: Mapping[str, Any], row: Row) -> dict[str, str] | None:
        """The columns of the question; None if its options cannot be read, with the entry in the report."""
        columns = {ours: cell(entry.get(theirs)) for theirs, ours in COLUMNS.items()}
        options, names, problem = options_of(entry.get("options"))
        if problem:
            self._report.leave_out(row.file, row.line, row.image, "broken options", problem, "options")
            return None
        if columns["question_type"].casefold() in CHOSEN and columns["answer"] not in names:
            reason = "the answer is no option" if columns["answer"] else "no answer"
            self._report.leave_out(row.file, row.line, row.image, reason, columns["answer"], "correct_answer")
            return None
        return {**columns, "options": options}

    def _label(self, text: Any, row: Row) -> dict[str, str]:
        """The columns of what a label says about a picture; what cannot be read goes to the report."""
        given = cell(text)[:MAX_LABEL]
        if not given:
            return {}
        columns: dict[str, str] = {}
        ranking, category = _RANKING.search(given), _CATEGORY.search(given)
        try:
            columns |= score_columns(distribution(literal(ranking[1]))) if ranking else {}
        except ValueError as e:
            self._report.use_partly(row.file, row.line, row.image, "broken ranking", str(e), "label")
        columns["category"] = category[1].strip() if category else ""
        for name, value in _DIMENSION.findall(given):
            found = number(value.rstrip(".,"))
            if found is None:
                self._report.use_partly(row.file, row.line, row.image, "not a number", value, name.casefold())
            else:
                columns[name.casefold()] = f"{found:.10g}"
        if not any(columns.values()):
            self._report.use_partly(row.file, row.line, row.image, "broken label", given[:100], "label")
        return columns
