"""Imports the MEMO-Bench release (arXiv 2411.11235): pictures and two tables of ratings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.names import NameParser
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import find_file, open_table
from harness.datasets.table import Row, Table, decimal_comma_note, number
from harness.errors import BadData

EMOTION, QUALITY = "annotation_emo.csv", "annotation_quality.csv"
V = TypeVar("V")


@dataclass(frozen=True)
class Annotation(Generic[V]):
    """The value of one row for one picture."""

    row: Row
    image: str
    value: V


@dataclass(frozen=True)
class EmotionScore:
    """An emotion with its score, and the release's original label."""

    emotion: str
    score: float | None
    label: str = field(compare=False)


class MemoBench(Importer):
    """`dataset/`, `annotation_emo.csv` (Image, Score, Distortions), `annotation_quality.csv` (Image, Quality).

    Despite its name, the column `Distortions` contains the emotion. The release does not specify the meaning of
    its labels or the range of its scales.
    """

    name = "memo-bench"
    summary = "the release of MEMO-Bench: dataset/, annotation_emo.csv, annotation_quality.csv"
    domain = "shown"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        emotion_file, quality_file = find_file(source, EMOTION), find_file(source, QUALITY)
        if emotion_file is None:
            tables = [p for p in source.files if p.casefold().endswith(".csv")][:5]
            raise BadData(
                f"{source.name!r} is not a release of MEMO-Bench: it contains no {EMOTION}.",
                f"Its tables are: {', '.join(tables) or 'none'}. Give the folder or zip that contains {EMOTION}, "
                f"{QUALITY} and dataset/.",
            )
        root = str(PurePosixPath(emotion_file).parent)
        index = PictureIndex(_pictures(source, "" if root == "." else root + "/"))
        if not index.paths:
            raise BadData(
                f"{source.name!r} contains no pictures next to {emotion_file}.",
                "The release has them in dataset/: unpack it completely.",
            )
        labels = LabelParser(options)
        emotions = _emotions(open_table(source, emotion_file), index, labels, options, report)
        qualities: dict[str, Annotation[float]] = {}
        if quality_file is None:
            report.note(f"There is no {QUALITY}: no picture has a quality.")
        elif not source.files[quality_file]:
            report.note(f"{quality_file} is empty: no picture has a quality.")
        else:
            qualities = _qualities(open_table(source, quality_file), index, options, report)
        for path in index.unreferenced():
            report.leave_out("pictures", "", path, "no row")
        yield from _joined(index, emotions, qualities, NameParser(options.pattern(), options.label), report)


def _pictures(source: Source, root: str) -> list[str]:
    """The pictures of the release: those below dataset/, if it exists."""
    below = [p for p in source.files if p.startswith(root)]
    inside = [p for p in below if p[len(root) :].casefold().startswith("dataset/")]
    return inside or below


def _joined(
    index: PictureIndex,
    emotions: dict[str, Annotation[EmotionScore]],
    qualities: dict[str, Annotation[float]],
    names: NameParser,
    report: Report,
) -> Iterator[Record]:
    for path in index.paths:
        emotion_row, quality_row = emotions.get(path), qualities.get(path)
        rows = [
            f"{annotation.row.file}:{annotation.row.line}"
            for annotation in (emotion_row, quality_row)
            if annotation is not None
        ]
        if not rows:
            continue
        emotion = emotion_row.value.emotion if emotion_row else None
        if emotion_row is None:
            report.note("Some pictures have a quality but no emotion: only their quality is evaluated.")
        yield Record(
            path,
            rows[0],
            other_rows=tuple(rows[1:]),
            emotion=emotion,
            label=emotion_row.value.label if emotion_row else "",
            intensity=emotion_row.value.score if emotion_row else None,
            quality=quality_row.value if quality_row else None,
            attributes=names.parse(path, emotion),
        )
    names.finish(report)


def _emotions(
    table: Table, index: PictureIndex, labels: LabelParser, options: ImportOptions, report: Report
) -> dict[str, Annotation[EmotionScore]]:
    at_label, at_score = table.column("Distortions", "Distortion", "Emotion", "Label"), table.column("Score")

    def value(row: Row, image: str) -> EmotionScore | None:
        emotion, problem = labels.parse(row.cells[at_label])
        if emotion is None:
            report.leave_out(row.file, row.line, image, problem, row.cells[at_label], table.columns[at_label])
            return None
        score = _score(row, at_score, table, "intensity", image, options, report)
        return EmotionScore(emotion, score, row.cells[at_label])

    return _annotations(table, index, value, report)


def _qualities(
    table: Table, index: PictureIndex, options: ImportOptions, report: Report
) -> dict[str, Annotation[float]]:
    at = table.column("Quality", "Score", "MOS")

    def value(row: Row, image: str) -> float | None:
        found, problem = scaled(row.cells[at], "quality", options, report, row.file)
        if found is None:
            report.leave_out(row.file, row.line, image, problem, row.cells[at], table.columns[at])
        return found

    return _annotations(table, index, value, report)


def _score(
    row: Row, at: int, table: Table, column: str, image: str, options: ImportOptions, report: Report
) -> float | None:
    found, problem = scaled(row.cells[at], column, options, report, row.file)
    if found is None:
        report.use_partly(row.file, row.line, image, problem, row.cells[at], table.columns[at])
    return found


def scaled(
    text: str, column: str, options: ImportOptions, report: Report, file: str
) -> tuple[float | None, str]:
    """A number on the column's scale and ""; or None and the reason."""
    if not text:
        return None, "no number"
    found = number(text)
    if found is None:
        return None, "not a number"
    if "," in text:
        report.note(decimal_comma_note(file, column))
    ends = options.scales.get(column)
    if ends and not ends[0] <= found <= ends[1]:
        return None, "outside the scale"
    return found, ""


def _annotations(
    table: Table, index: PictureIndex, value: Callable[[Row, str], V | None], report: Report
) -> dict[str, Annotation[V]]:
    """Picture -> its annotation. Duplicate rows count once; pictures with contradicting rows are skipped."""
    at = table.column("Image", "Images", "Filename", "Name")
    for note in table.notes:
        report.note(note)
    found: dict[str, Annotation[V]] = {}
    conflicting: set[str] = set()
    for row in table.rows():
        report.rows[row.file] += 1
        if row.problem:
            report.leave_out(
                row.file, row.line, row.cells[at] if at < len(row.cells) else "", "broken row", row.problem
            )
            continue
        path = _picture(row, row.cells[at], index, report)
        if path is None:
            continue
        parsed = value(row, path)
        if parsed is None:
            continue
        first = found.setdefault(path, Annotation(row, row.cells[at], parsed))
        if first.row is row:
            continue
        if first.value == parsed and path not in conflicting:
            report.leave_out(row.file, row.line, path, "duplicate", f"of line {first.row.line}")
            continue
        if path not in conflicting:
            conflicting.add(path)
            report.leave_out(row.file, first.row.line, path, "conflict", f"line {row.line} disagrees")
        report.leave_out(row.file, row.line, path, "conflict", f"line {first.row.line} disagrees")
    for path in conflicting:
        del found[path]
    return found


def _picture(row: Row, image: str, index: PictureIndex, report: Report) -> str | None:
    """The picture of a row; or None, with an entry in the report."""
    if not image:
        report.leave_out(row.file, row.line, "", "no image name")
        return None
    found = index.find(image)
    if len(found) == 1:
        return found[0]
    if found:
        report.leave_out(row.file, row.line, image, "several pictures", ", ".join(found[:3]))
    else:
        report.leave_out(row.file, row.line, image, "no picture")
    return None
