"""Imports MLLMVisualEmotion (Su et al., 2025): questions about FaceEmotion (shown) and Emotion6 (evoked)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record, StoredReply
from harness.datasets.imports.categories import Categories, Row
from harness.datasets.imports.cells import cell, numeric
from harness.datasets.imports.json_records import Entry, json_entries
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex, is_picture
from harness.datasets.imports.questions import distribution, find_picture, score_columns, stem
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData, RequestError

SETS = {"emotion6": "evoked", "faceemotion": "shown"}
"""Folder of a set -> whose emotion it is."""
DATASET = "emotion_dataset.json"
FIXED = ("label", "experiment_setup", "idx", "query", "answer")
"""Members of a question that do not name its picture."""
DIMENSIONS = ("valence", "arousal", "dominance", "intensity")
_QUESTIONS = re.compile(r"(?:images_)?(.+)_questions\.json", re.IGNORECASE)
_RESULTS = re.compile(r"(?:images_)?(.+)_results\.json", re.IGNORECASE)
REPLIES = ("model_output", "AI_answer")
"""Members of a result with the reply of a model; the second is what its authors read from the first."""
_NO_MODEL = frozenset(
    {*SETS, "processed", "data", "datasets", "out", "output", "outputs", "result", "results"}
)
"""Names of folders that are no names of models."""


class MllmVisualEmotion(Importer):
    """`processed/` of Emotion6 or FaceEmotion: `emotion_dataset.json`, `images_*_questions.json` and `imgs/`.

    Each entry is a sample; those about one picture share a `subject`. The label of a picture stands in the first of
    its samples, so that it counts once. The two sets have different domains, and are imported one at a time. Outputs of
    models, `MODEL/Emotion6/images_*_results.json`, become stored replies.
    """

    name = "mllmvisualemotion"
    summary = "MLLMVisualEmotion: the folder Emotion6 (evoked) or FaceEmotion (shown), with processed/"
    label = "perceived"
    domain_column = True

    def complete(self, source: Source, options: ImportOptions) -> ImportOptions:
        _lists(source, source.files)
        given = PurePosixPath(source.name)
        folders = (given, given.with_suffix(""), *(PurePosixPath(path).parent for path in source.files))
        found = list(dict.fromkeys(name for folder in dict.fromkeys(folders) for name in _sets(folder)))
        if len(found) > 1 and options.domain is not None:
            found = [name for name in found if SETS[name] == options.domain]
        if len(found) > 1:
            raise RequestError(
                f"{source.name!r} contains Emotion6 (evoked) and FaceEmotion (shown), which are never pooled.",
                "Give the folder of one of them, such as datasets/Emotion6, or add --domain evoked (Emotion6) or "
                "--domain shown (FaceEmotion).",
            )
        if not found and options.domain is None:
            raise RequestError(
                f"{source.name!r} does not say whether it is Emotion6 or FaceEmotion.",
                "Give the folder of that name, or add --domain evoked (Emotion6) or --domain shown (FaceEmotion).",
            )
        domain = SETS[found[0]] if found else options.domain
        if options.domain not in (None, domain):
            raise RequestError(
                f"The emotions of this set are {domain}, not {options.domain}.", "Omit --domain."
            )
        return super().complete(source, replace(options, domain=domain))

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        files = _files(source, options)
        index = PictureIndex(files)
        records = _records(_lists(source, files), index, source, options, report)
        yield from with_name_columns(records, options, report)

    def replies(self, source: Source, options: ImportOptions, report: Report) -> Iterator[StoredReply]:
        for path in sorted(_files(source, options)):
            kind = _RESULTS.fullmatch(PurePosixPath(path).name)
            if kind is not None:
                yield from _stored_replies(source, path, kind[1].casefold(), report)


def _sets(folder: PurePosixPath) -> list[str]:
    """The sets that the path of a folder names."""
    parts = {part.casefold() for part in folder.parts}
    return [name for name in SETS if name in parts]


def _files(source: Source, options: ImportOptions) -> Mapping[str, int]:
    """The files that are not of the other set."""
    return {
        path: size
        for path, size in source.files.items()
        if all(SETS[name] == options.domain for name in _sets(PurePosixPath(path).parent))
    }


def _lists(source: Source, files: Iterable[str]) -> list[str]:
    """The files with labels and questions, the labels first. Raises `BadData` if there are none."""
    names = {path: PurePosixPath(path).name for path in files}
    paths = (p for p, name in names.items() if name.casefold() == DATASET or _QUESTIONS.fullmatch(name))
    found = sorted(paths, key=lambda p: (names[p].casefold() != DATASET, p))
    if not found:
        raise BadData(
            f"{source.name!r} is not MLLMVisualEmotion: it contains neither {DATASET} nor images_*_questions.json.",
            "Give the folder that contains processed/.",
        )
    return found


def _stored_replies(source: Source, path: str, kind: str, report: Report) -> Iterator[StoredReply]:
    """The replies of one model to the questions of one kind."""
    folders = [part for part in PurePosixPath(path).parts[:-1] if part.casefold() not in _NO_MODEL]
    model = folders[-1] if folders else ""
    line = 0
    for entry in json_entries(source, path, report):
        if entry.key not in (
            "",
            "samples",
        ):  # Statistics, and the samples whose answer its authors could not read.
            continue
        line += 1
        report.rows[path] += 1
        value = entry.value
        if not isinstance(value, dict):
            report.leave_out(path, line, "", "broken row", cell(value)[:100])
            continue
        number = cell(value.get("idx"))
        reply = next((value[name] for name in REPLIES if isinstance(value.get(name), str)), "")
        if not (number and reply):
            reason = "no reply" if number else "no number of its question"
            report.leave_out(path, line, _image(value), reason, number)
            continue
        yield StoredReply(model, f"{kind}-{number}", reply, f"{path}:{line}")


def _records(
    paths: list[str], index: PictureIndex, source: Source, options: ImportOptions, report: Report
) -> Iterator[Record]:
    entries = _Entries(index, options, report)
    for path in paths:
        kind = _QUESTIONS.fullmatch(PurePosixPath(path).name)
        for entry in json_entries(source, path, report):
            report.rows[path] += 1
            record = entries.record(entry, report.rows[path], kind[1].casefold() if kind else "")
            if record is not None:
                yield record
    for image in index.unreferenced():
        report.leave_out("pictures", "", image, "no row")


class _Entries:
    """Turns entries into samples."""

    def __init__(self, index: PictureIndex, options: ImportOptions, report: Report) -> None:
        self._index, self._report = index, report
        self._categories = Categories(options, report)
        self._described: set[str] = set()

    def record(self, entry: Entry, line: int, kind: str) -> Record | None:
        """The sample of an entry, for a kind of question; or None, with the entry in the report."""
        value = entry.value
        if not isinstance(value, dict):
            self._report.leave_out(entry.file, line, "", "broken row", cell(value)[:100])
            return None
        image, reason, detail = find_picture(self._index, _image(value))
        if not reason and kind and not (cell(value.get("query")) and cell(value.get("answer"))):
            reason, detail = ("no answer" if cell(value.get("query")) else "no question"), ""
        if reason:
            self._report.leave_out(entry.file, line, _image(value), reason, detail)
            return None
        columns = {
            "subject": stem(image),
            "question_type": kind,
            "question": cell(value.get("query")),
            "answer": cell(value.get("answer")),
            "experiment_setup": cell(value.get("experiment_setup")),
        }
        where = f"{entry.file}:{line}"
        sample = f"{kind}-{cell(value.get('idx')) or cell(entry.key) or line}" if kind else stem(image)
        if image in self._described:
            return Record(image, where, sample, attributes=columns)
        shares = distribution(value.get("label"))
        top = [name for name, share in shares.items() if share == max(shares.values())]
        category = (top[0] if len(top) == 1 else "") if shares else cell(value.get("label"))
        emotion, used = self._categories.emotion(category, Row(entry.file, line, image, "label"))
        if not used:
            return None
        self._described.add(image)
        labels = {
            "category": category,
            **score_columns(shares),
            **self._numbers(value, Row(entry.file, line, image)),
        }
        return Record(image, where, sample, emotion, category, attributes={**labels, **columns})

    def _numbers(self, value: Mapping[str, Any], row: Row) -> dict[str, str]:
        found = {}
        for name in DIMENSIONS:
            number = numeric(value.get(name))
            if number is not None:
                found[name if name != "intensity" else "score_intensity"] = f"{number:.10g}"
            elif cell(value.get(name)):
                self._report.use_partly(
                    row.file, row.line, row.image, "not a number", cell(value[name]), name
                )
        return found


def _image(entry: Mapping[str, Any]) -> str:
    """The picture of an entry: the first other member that names one."""
    values = (cell(v) for k, v in entry.items() if k not in FIXED and isinstance(v, str))
    return next((value for value in values if is_picture(value)), "")
