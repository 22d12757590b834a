"""The release of MEMO-Bench (arXiv 2411.11235): pictures and two tables of ratings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from harness.datasets.imports.base import ImportOptions, Kind, LabelReader, Record
from harness.datasets.imports.names import NameReader
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import Row, Table, find_file, number, open_table
from harness.errors import BadData

EMOTION, QUALITY = "annotation_emo.csv", "annotation_quality.csv"
V = TypeVar("V")


@dataclass(frozen=True)
class Annotation(Generic[V]):
    """What one row says of one picture."""

    row: Row
    image: str
    value: V


@dataclass(frozen=True)
class Felt:
    """An emotion with its degree, and the word that the release has for it."""

    emotion: str
    score: float | None
    label: str = field(compare=False)


class MemoBench(Kind):
    """`dataset/`, `annotation_emo.csv` (Image, Score, Distortions), `annotation_quality.csv` (Image, Quality).

    In spite of its name the column `Distortions` holds the emotion. The release says neither what its labels are
    nor where its scales end.
    """

    name = "memo-bench"
    summary = "the release of MEMO-Bench: dataset/, annotation_emo.csv, annotation_quality.csv"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        emotion_file, quality_file = find_file(source, EMOTION), find_file(source, QUALITY)
        if emotion_file is None:
            tables = [p for p in source.files if p.casefold().endswith(".csv")][:5]
            raise BadData(
                f"{source.name!r} is no release of MEMO-Bench: it holds no {EMOTION}.",
                f"Its tables are: {', '.join(tables) or 'none'}. Give the folder or zip that holds {EMOTION}, "
                f"{QUALITY} and dataset/.",
            )
        root = str(PurePosixPath(emotion_file).parent)
        index = PictureIndex(_pictures(source, "" if root == "." else root + "/"))
        if not index.paths:
            raise BadData(
                f"{source.name!r} holds no pictures beside {emotion_file}.",
                "The release has them in dataset/: unpack it whole.",
            )
        labels = LabelReader(options)
        emotions = _emotions(open_table(source, emotion_file), index, labels, options, report)
        qualities: dict[str, Annotation[float]] = {}
        if quality_file is None:
            report.note(f"There is no {QUALITY}: no picture has a quality.")
        elif not source.files[quality_file]:
            report.note(f"{quality_file} is empty: no picture has a quality.")
        else:
            qualities = _qualities(open_table(source, quality_file), index, options, report)
        for path in index.never_meant():
            report.leave_out("pictures", "", path, "no row")
        yield from _joined(index, emotions, qualities, NameReader(options.pattern(), options.label), report)


def _pictures(source: Source, root: str) -> list[str]:
    """The pictures of the release: those below dataset/ where it has one."""
    below = [p for p in source.files if p.startswith(root)]
    inside = [p for p in below if p[len(root) :].casefold().startswith("dataset/")]
    return inside or below


def _joined(
    index: PictureIndex,
    emotions: dict[str, Annotation[Felt]],
    qualities: dict[str, Annotation[float]],
    names: NameReader,
    report: Report,
) -> Iterator[Record]:
    for path in index.paths:
        felt, rated = emotions.get(path), qualities.get(path)
        rows = [f"{said.row.file}:{said.row.line}" for said in (felt, rated) if said is not None]
        if not rows:
            continue
        emotion = felt.value.emotion if felt else None
        if felt is None:
            report.note(
                "Some pictures have a quality and no emotion: they are asked only about their quality."
            )
        yield Record(
            path,
            rows[0],
            further=tuple(rows[1:]),
            emotion=emotion,
            label=felt.value.label if felt else "",
            intensity=felt.value.score if felt else None,
            quality=rated.value if rated else None,
            attributes=names.read(path, emotion),
        )
    names.finish(report)


def _emotions(
    table: Table, index: PictureIndex, labels: LabelReader, options: ImportOptions, report: Report
) -> dict[str, Annotation[Felt]]:
    at_label, at_score = table.column("Distortions", "Distortion", "Emotion", "Label"), table.column("Score")

    def value(row: Row, image: str) -> Felt | None:
        emotion, problem = labels.read(row.cells[at_label])
        if emotion is None:
            report.leave_out(row.file, row.line, image, problem, row.cells[at_label], table.columns[at_label])
            return None
        score = _score(row, at_score, table, "intensity", image, options, report)
        return Felt(emotion, score, row.cells[at_label])

    return _annotations(table, index, value, report)


def _qualities(
    table: Table, index: PictureIndex, options: ImportOptions, report: Report
) -> dict[str, Annotation[float]]:
    at = table.column("Quality", "Score", "MOS")

    def value(row: Row, image: str) -> float | None:
        found, problem = scaled(row.cells[at], "quality", options)
        if found is None:
            report.leave_out(row.file, row.line, image, problem, row.cells[at], table.columns[at])
        return found

    return _annotations(table, index, value, report)


def _score(
    row: Row, at: int, table: Table, column: str, image: str, options: ImportOptions, report: Report
) -> float | None:
    found, problem = scaled(row.cells[at], column, options)
    if found is None:
        report.use_partly(row.file, row.line, image, problem, row.cells[at], table.columns[at])
    return found


def scaled(text: str, column: str, options: ImportOptions) -> tuple[float | None, str]:
    """A number on the column's scale and an empty string; or None, and why."""
    if not text:
        return None, "no number"
    found = number(text)
    if found is None:
        return None, "not a number"
    ends = options.scales.get(column)
    if ends and not ends[0] <= found <= ends[1]:
        return None, "outside the scale"
    return found, ""


def _annotations(
    table: Table, index: PictureIndex, value: Callable[[Row, str], V | None], report: Report
) -> dict[str, Annotation[V]]:
    """What each picture's row says. Rows that say the same count once; those that contradict count not at all."""
    at = table.column("Image", "Images", "Filename", "Name")
    for note in table.notes:
        report.note(note)
    found: dict[str, Annotation[V]] = {}
    disputed: set[str] = set()
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
        said = value(row, path)
        if said is None:
            continue
        first = found.setdefault(path, Annotation(row, row.cells[at], said))
        if first.row is row:
            continue
        if first.value == said and path not in disputed:
            report.leave_out(row.file, row.line, path, "duplicate", f"of line {first.row.line}")
            continue
        if path not in disputed:
            disputed.add(path)
            report.leave_out(row.file, first.row.line, path, "conflict", f"line {row.line} says otherwise")
        report.leave_out(row.file, row.line, path, "conflict", f"line {first.row.line} says otherwise")
    for path in disputed:
        del found[path]
    return found


def _picture(row: Row, image: str, index: PictureIndex, report: Report) -> str | None:
    """The picture that a row is about, or None, noted."""
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
