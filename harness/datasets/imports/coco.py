"""Imports labels in the COCO format: images, annotations and categories in one JSON file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from harness.datasets.imports.base import ImportOptions, Record
from harness.datasets.imports.cells import cell
from harness.datasets.imports.json_records import json_entries
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.regions import Labelled, RegionImporter, Regions
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData

LISTS = ("images", "annotations", "categories")
MAX_CATEGORIES = 100_000


class Coco(RegionImporter):
    """A JSON file with `images`, `annotations` and `categories`: the category of the regions of a picture is its label.

    A picture whose regions have different categories has no label. Attributes of an annotation, as CVAT exports
    them, may hold the intensity and the quality.
    """

    name = "coco"
    summary = (
        "labels in the COCO format: a JSON file with images, annotations and categories, and the pictures"
    )

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        paths = [p for p in source.files if PurePosixPath(p).suffix.casefold() == ".json"]
        if not paths:
            raise BadData(
                f"{source.name!r} contains no JSON file.", "Give the folder with the labels and the pictures."
            )
        regions = Regions(source, options, report)
        for path in paths:
            _File(path, source, regions, report).read()
        yield from with_name_columns(regions.records(), options, report)


class _File:
    """One file; its three lists may come in any order, so the annotations are read last."""

    def __init__(self, path: str, source: Source, regions: Regions, report: Report) -> None:
        self._path, self._source, self._regions, self._report = path, source, regions, report
        self._categories: dict[str, str] = {}
        self._pictures: dict[str, str] = {}
        """Id -> path."""
        self._without: dict[str, None] = {}
        """Ids of images whose file is missing, already in the report."""

    def read(self) -> None:
        present = set()
        for entry in json_entries(self._source, self._path, self._report):
            present.add(entry.key)
            if (
                entry.key == "categories"
                and isinstance(entry.value, dict)
                and len(self._categories) < MAX_CATEGORIES
            ):
                self._categories[cell(entry.value.get("id"))] = cell(entry.value.get("name"))
            elif entry.key == "images":
                self._image(entry.value, entry.line)
        missing = [name for name in LISTS if name not in present]
        if missing:
            raise BadData(
                f"{self._path} is not in the COCO format: it has no entries in {missing[0]!r}.",
                "It should have the lists images, annotations and categories.",
            )
        for entry in json_entries(self._source, self._path, self._report):
            if entry.key == "annotations":
                self._annotation(entry.value, entry.line)

    def _image(self, value: Any, line: int) -> None:
        name = cell(value.get("file_name")) if isinstance(value, dict) else ""
        number = cell(value.get("id")) if isinstance(value, dict) else ""
        path = self._regions.picture(name) if number else None
        if path is not None:
            self._pictures[number] = path
            return
        self._without[number] = None
        if not number:
            self._report.leave_out("pictures", line, name, "broken image", cell(value)[:100])

    def _annotation(self, value: Any, line: int) -> None:
        self._report.rows[self._path] += 1
        if not isinstance(value, dict):
            self._report.leave_out(self._path, line, "", "broken row", cell(value)[:100])
            return
        number = cell(value.get("image_id"))
        path = self._pictures.get(number)
        if path is None:
            reason = "no picture" if number in self._without else "unknown image"
            self._report.leave_out(self._path, line, number, reason, "", "image_id")
            return
        category = self._categories.get(cell(value.get("category_id")))
        if not category:
            self._report.leave_out(self._path, line, path, "unknown category", cell(value.get("category_id")))
            return
        box = value.get("bbox")
        attributes = value.get("attributes")
        self._regions.add(
            path,
            Labelled(
                self._path, line, category, _box(box), attributes if isinstance(attributes, Mapping) else {}
            ),
        )


def _box(box: Any) -> str:
    if not isinstance(box, list) or len(box) != 4:
        return ""
    return ",".join(map(cell, box))
