"""Imports EmoNet-Face (Schuhmann et al., 2025, arXiv 2505.20033): portraits that experts rated on 40 emotions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.categories import Categories
from harness.datasets.imports.cells import cell, literal, numeric, slug
from harness.datasets.imports.listed import usable_rows
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.parquet_rows import embedded_picture, parquet_files, parquet_rows
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import open_table
from harness.datasets.table import Table
from harness.errors import BadData

TABLES = ("binary.csv", "hq.csv")
ANNOTATIONS = ("annotations", "label", "labels", "ratings")
PICTURES = ("image", "path", "img", "picture")
SCALE = (0.0, 7.0)
"""The scale of the intensities in EmoNet-Face HQ."""
MAX_QUESTIONS = 100
"""Maximum number of distinct emotions; there are 40."""
_YES_NO = {"true": 1.0, "false": 0.0}
_TRUE = ("true", "1", "yes")


class EmoNetFace(Importer):
    """Parquet files with pictures and a column of annotations, or `binary.csv` or `hq.csv` next to the pictures.

    Binary has yes and no for single emotions (1 and 0 here), HQ intensities of 40 emotions from 0 to 7. The mean of
    the raters becomes a column `score_EMOTION` each; the emotion with the highest is the category of the picture.
    """

    name = "emonet-face"
    summary = "EmoNet-Face Binary and HQ: Parquet files, or binary.csv or hq.csv and the pictures; 40 emotions, several raters"
    label = "perceived"
    domain = "shown"
    domain_column = True

    def embeds(self, source: Source) -> bool:
        return _has_parquet(source)

    def complete(self, source: Source, options: ImportOptions) -> ImportOptions:
        options = super().complete(source, options)
        return replace(options, scales={"intensity": SCALE, **options.scales})

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        faces = _Faces(options, report)
        paths = [p for p in source.files if PurePosixPath(p).name.casefold() in TABLES]
        if not paths and not _has_parquet(source):
            raise BadData(
                f"{source.name!r} is not EmoNet-Face: it contains neither Parquet files nor {' or '.join(TABLES)}.",
                "Give the folder of the downloaded data set, or the pictures with the table of ratings.",
            )
        if _has_parquet(source):
            for path in paths:
                report.note(f"{path} was not read: the ratings are those of the Parquet files.")
            records = _embedded(source, faces, report)
        else:
            records = _listed([open_table(source, p) for p in paths], source, faces, report)
        yield from with_name_columns(records, options, report)


def _has_parquet(source: Source) -> bool:
    return any(p.casefold().endswith(".parquet") for p in source.files)


@dataclass
class _Ratings:
    """The ratings of one picture."""

    rows: dict[str, None] = field(default_factory=dict)
    values: dict[tuple[str, str], float] = field(default_factory=dict)
    """Rater and emotion -> intensity, or 1 for yes."""
    graded: bool = False
    """Whether there are intensities."""


class _Faces:
    """Reads ratings and makes samples of them."""

    def __init__(self, options: ImportOptions, report: Report) -> None:
        self._scale = options.scales["intensity"]
        self._report, self._categories = report, Categories(options, report)
        self.questions: dict[str, str] = {}
        """Emotion as it is written -> its name in columns."""

    def add(self, ratings: _Ratings, rater: str, emotion: str, value: Any) -> str:
        """Add one rating; why it is not used, or ""."""
        name = emotion.rpartition("|")[2].strip()
        if not rater or not slug(name):
            return "no rater" if not rater else "no label"
        if name not in self.questions and len(self.questions) >= MAX_QUESTIONS:
            return "too many emotions"
        text = str(value).strip().casefold()
        number = _YES_NO.get(text) if text in _YES_NO else numeric(value)
        if number is None:
            return "not a number" if text and value is not None else "no number"
        if text not in _YES_NO and not self._scale[0] <= number <= self._scale[1]:
            return "outside the scale"
        self.questions.setdefault(name, slug(name))
        if (rater, name) in ratings.values:
            return "the rater answered before"
        ratings.values[rater, name] = number
        ratings.graded |= text not in _YES_NO
        return ""

    def record(
        self,
        path: str,
        ratings: _Ratings,
        attributes: Mapping[str, str],
        data: bytes | None,
        sample: str = "",
    ) -> Record | None:
        """The sample of a picture; None if it is not used."""
        where = next(iter(ratings.rows))
        file, _, line = where.rpartition(":")
        given: dict[str, list[float]] = {}
        for (_, name), value in ratings.values.items():
            given.setdefault(name, []).append(value)
        means = {name: sum(values) / len(values) for name, values in given.items()}
        best = max(means.values(), default=0.0)
        top = [name for name, mean in means.items() if mean == best > 0 and (ratings.graded or mean >= 0.5)]
        if len(top) > 1:
            self._report.use_partly(file, line, path, "tie", ", ".join(top[:5]), "emotion")
        category = top[0] if len(top) == 1 else ""
        emotion, used = self._categories.emotion_of_rows(category, tuple(ratings.rows), path, "emotion")
        if not used:
            return None
        scores = {f"score_{self.questions[name]}": f"{mean:.6g}" for name, mean in sorted(means.items())}
        return Record(
            path,
            where,
            sample,
            emotion,
            category,
            means[category] if category and ratings.graded else None,
            None,
            {**attributes, "category": category, **scores},
            data,
            tuple((rater, self.questions[name], f"{v:g}") for (rater, name), v in ratings.values.items()),
            tuple(ratings.rows)[1:],
        )


def _listed(tables: list[Table], source: Source, faces: _Faces, report: Report) -> Iterator[Record]:
    """The pictures rated in tables, in the order of the tables."""
    index = PictureIndex(source.files)
    rated: dict[str, _Ratings] = {}
    for table in tables:
        image, rater = table.column("path", "image"), table.column("annotator", "rater")
        human = table.column("human") if table.has("human") else None
        single = None if table.has("annotations") else (table.column("emotion"), table.column("value"))
        for row in usable_rows(table, report):
            found = index.find(row.cells[image]) if row.cells[image] else []
            if len(found) != 1:
                reason = (
                    "several pictures" if found else "no picture" if row.cells[image] else "no image name"
                )
                report.leave_out(row.file, row.line, row.cells[image], reason, ", ".join(found[:3]))
                continue
            if human is not None and row.cells[human].casefold() not in _TRUE:
                report.leave_out(row.file, row.line, found[0], "not rated by a person", row.cells[rater])
                continue
            where = f"{row.file}:{row.line}"
            ratings = rated.setdefault(found[0], _Ratings())
            if single is not None:
                emotion, value = row.cells[single[0]], row.cells[single[1]]
                problem = faces.add(ratings, row.cells[rater], emotion, value)
                detail = f"{emotion}: {value}"
            else:
                problem, detail = _add_all(
                    faces, ratings, row.cells[table.column("annotations")], row.cells[rater], where, report
                )
            if problem:
                report.leave_out(row.file, row.line, found[0], problem, detail)
            else:
                ratings.rows[where] = None
    for path, ratings in rated.items():
        record = faces.record(path, ratings, {}, None) if ratings.values else None
        if record is not None:
            yield record
    for path in index.unreferenced():
        report.leave_out("pictures", "", path, "no row")


def _add_all(
    faces: _Faces, ratings: _Ratings, annotations: Any, rater: str, where: str, report: Report
) -> tuple[str, str]:
    """Add every rating of a cell. The reason why none could be used and its detail, or two empty texts."""
    try:
        found = list(
            _single_ratings(literal(annotations) if isinstance(annotations, str) else annotations, rater)
        )
    except ValueError as e:
        return "broken annotations", str(e)
    file, _, line = where.rpartition(":")
    used = False
    for person, emotion, value in found:
        problem = faces.add(ratings, person, emotion, value)
        used = used or not problem
        if problem:
            report.use_partly(file, line, "", problem, f"{person}, {emotion}: {cell(value)}", "annotations")
    return ("", "") if used else ("no annotations", "")


def _single_ratings(value: Any, rater: str) -> Iterator[tuple[str, str, Any]]:
    """Rater, emotion and value of annotations: {rater: {emotion: value}}, lists of them, or lists of single ratings.

    Raises `ValueError` for anything else.
    """
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _single_ratings(part, rater)
    elif isinstance(value, dict) and {"emotion", "value"} <= value.keys():
        yield cell(value.get("annotator", value.get("rater", rater))), cell(value["emotion"]), value["value"]
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, dict):
                yield from _single_ratings(part, cell(key))
            elif part is not None:
                yield rater, cell(key), part
    elif value is not None:
        raise ValueError("neither lists nor dicts of ratings")


def _embedded(source: Source, faces: _Faces, report: Report) -> Iterator[Record]:
    """The pictures of Parquet files."""
    for path in parquet_files(source):
        for row in parquet_rows(source, path, report):
            line = report.rows[path]
            image = _column(path, row, PICTURES, "picture")
            column = _column(path, row, ANNOTATIONS, "annotations")
            name = row[image].get("path") if isinstance(row[image], dict) else None
            place, data = embedded_picture(row[image], path, line, source)
            if data is None and place not in source.files:
                report.leave_out(path, line, place, "no picture")
                continue
            ratings = _Ratings({f"{path}:{line}": None})
            problem, detail = _add_all(faces, ratings, row[column], "", f"{path}:{line}", report)
            if problem:
                report.leave_out(path, line, place, problem, detail, column)
                continue
            attributes = dict(_attributes({k: v for k, v in row.items() if k not in (image, column)}))
            sample = PurePosixPath(name).stem if isinstance(name, str) and name.isprintable() else ""
            record = faces.record(place, ratings, attributes, data, sample)
            if record is not None:
                yield record


def _column(path: str, row: Mapping[str, Any], names: tuple[str, ...], what: str) -> str:
    folded = {name.casefold(): name for name in row}
    for name in names:
        if name in folded:
            return folded[name]
    raise BadData(
        f"{path} is not EmoNet-Face: it has no column of {what} ({', '.join(names)}).",
        f"Its columns are: {', '.join(row)}.",
    )


def _attributes(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for column, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{column}_{name}", cell(part)) for name, part in value.items())
        elif not isinstance(value, (list, bytes)):
            yield column, cell(value)
