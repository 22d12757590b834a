"""Imports EmoSet-118K (Yang et al., 2023, arXiv 2307.07961): pictures with the emotion of eight that they evoke."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.categories import Categories, Row
from harness.datasets.imports.cells import cell
from harness.datasets.imports.class_folders import SPLITS
from harness.datasets.imports.json_records import Entry, json_entries
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import find_file
from harness.errors import BadData

LISTS = ("train.json", "val.json", "test.json")
ATTRIBUTES = ("brightness", "colorfulness", "scene", "facial_expression", "human_action", "object")
MAX_ANNOTATION = 2**20


class EmoSet(Importer):
    """`train.json`, `val.json` and `test.json` (emotion, id, picture, annotation), `image/` and `annotation/`.

    The eight emotions are the category. The attributes of a picture become columns; several objects are joined.
    """

    name = "emoset"
    summary = "EmoSet-118K: train.json, val.json, test.json, image/ and annotation/; eight evoked emotions"
    label = "perceived"
    domain = "evoked"
    domain_column = True

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        lists = [path for path in (find_file(source, name) for name in LISTS) if path is not None]
        if not lists:
            raise BadData(
                f"{source.name!r} is not EmoSet: it contains none of {', '.join(LISTS)}.",
                "Give the folder that contains them, image/ and annotation/.",
            )
        yield from with_name_columns(_records(lists, source, options, report), options, report)


def _records(lists: list[str], source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
    categories = Categories(options, report)
    listed: dict[str, str] = {}
    for path in lists:
        root = posixpath.dirname(path)
        stem = posixpath.basename(path).casefold().removesuffix(".json")
        for entry in json_entries(source, path, report):
            report.rows[path] += 1
            found = _row(entry, root, source, report)
            if found is None:
                continue
            emotion_name, sample, image, annotation = found
            where = f"{path}:{entry.line}"
            first = listed.setdefault(image, where)
            if first != where:
                report.leave_out(path, entry.line, image, "duplicate", f"of {first}")
                continue
            emotion, used = categories.emotion(emotion_name, Row(path, entry.line, image, "emotion"))
            if used:
                attributes = _attributes(annotation, source, Row(path, entry.line, image), report)
                yield Record(
                    image,
                    where,
                    sample,
                    emotion,
                    emotion_name,
                    attributes={"category": emotion_name, "split": SPLITS.get(stem, stem), **attributes},
                )
    for image in source.files:
        if is_picture(image) and image not in listed:
            report.leave_out("pictures", "", image, "no row")


def _row(entry: Entry, root: str, source: Source, report: Report) -> tuple[str, str, str, str] | None:
    """The emotion, id, picture and annotation of an entry; or None, with the entry in the report."""
    value = entry.value
    if not (isinstance(value, list) and len(value) >= 3 and all(isinstance(part, str) for part in value)):
        report.leave_out(entry.file, entry.line, "", "broken row", cell(value)[:100])
        return None
    emotion, sample, image, *more = value
    emotion, place = cell(emotion), posixpath.normpath(posixpath.join(root, image.replace("\\", "/")))
    if place not in source.files:
        reason = "no picture" if image else "no image name"
        report.leave_out(entry.file, entry.line, cell(image), reason, source.refused.get(place, ""))
        return None
    if not emotion:
        report.leave_out(entry.file, entry.line, place, "no label")
        return None
    annotation = (
        posixpath.normpath(posixpath.join(root, more[0].replace("\\", "/"))) if more and more[0] else ""
    )
    return emotion, cell(sample), place, annotation


def _attributes(path: str, source: Source, row: Row, report: Report) -> dict[str, str]:
    """The attributes in the annotation of a picture; what is wrong with it goes to the report."""
    if path not in source.files:
        report.use_partly(row.file, row.line, row.image, "no annotation", path, "annotation")
        return {}
    found, problem = _annotation(path, source)
    if problem:
        report.use_partly(
            row.file, row.line, row.image, "broken annotation", f"{path}: {problem}", "annotation"
        )
    values = {name: found[name] for name in ATTRIBUTES if name in found}
    return {k: "; ".join(map(cell, v)) if isinstance(v, list) else cell(v) for k, v in values.items()}


def _annotation(path: str, source: Source) -> tuple[Mapping[str, Any], str]:
    if source.files[path] > MAX_ANNOTATION:
        return {}, "too large"
    try:
        found = json.loads(source.read(path))
    except (ValueError, RecursionError, OSError) as e:
        return {}, str(e)
    return (found, "") if isinstance(found, dict) else ({}, "not an object")
