"""Makes samples of labelled regions and tags of pictures, for formats of annotation tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from sys import intern
from typing import Any, NamedTuple

from harness.datasets.imports.base import Importer, ImportOptions, Record
from harness.datasets.imports.categories import Categories
from harness.datasets.imports.cells import cell, slug
from harness.datasets.imports.collected import file_of
from harness.datasets.imports.memo_bench import scaled
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData

NUMBERS = ("intensity", "quality")
MAX_REGIONS, MAX_ATTRIBUTES = 1000, 50
"""Maximum number of regions of a picture, and of attributes of a region."""


class Labelled(NamedTuple):
    """One region or tag of a picture."""

    file: str
    line: int
    label: str
    box: str
    """x, y, width, height; "" for the whole picture."""
    attributes: Mapping[str, Any]


class RegionImporter(Importer):
    """A kind whose labels were given by annotators, unless the user says that they were asked for."""

    def complete(self, source: Source, options: ImportOptions) -> ImportOptions:
        return super().complete(source, replace(options, label=options.label or "perceived"))


class Regions:
    """Collects the regions of each picture; a picture whose regions differ in their label has none."""

    def __init__(self, source: Source, options: ImportOptions, report: Report) -> None:
        self._index = PictureIndex(source.files)
        if not self._index.paths:
            raise BadData(f"{source.name!r} contains no pictures.", "Put the pictures next to the labels.")
        self._options, self._report = options, report
        self._categories = Categories(options, report)
        self._found: dict[str, list[Labelled]] = {}

    def picture(self, name: str) -> str | None:
        """The picture of a name; or None, with an entry in the report."""
        wanted = file_of(name)
        found = self._index.find(wanted) if wanted else []
        if len(found) == 1:
            return found[0]
        reason = "several pictures" if found else "no picture" if wanted else "no image name"
        self._report.leave_out("pictures", "", name, reason, ", ".join(found[:3]))
        return None

    def add(self, path: str, region: Labelled) -> None:
        """Add a region to its picture. The same one again, as overlapping exports have it, counts once."""
        regions = self._found.setdefault(path, [])
        if len(regions) >= MAX_REGIONS:
            self._report.leave_out(region.file, region.line, path, "too many regions")
            return
        attributes = {
            intern(cell(k)[:60]): cell(v) for k, v in list(region.attributes.items())[:MAX_ATTRIBUTES]
        }
        kept = region._replace(
            label=intern(region.label), attributes={k: intern(v) for k, v in attributes.items() if v}
        )
        if any(kept[2:] == other[2:] for other in regions):
            self._report.leave_out(region.file, region.line, path, "duplicate")
            return
        regions.append(kept)

    def records(self) -> Iterator[Record]:
        """The pictures with one label, in the order of their first region; others go to the report."""
        for path, regions in self._found.items():
            labels = dict.fromkeys(self._categories.name(region.label) for region in regions)
            if len(labels) > 1:
                for region in regions:
                    self._report.leave_out(region.file, region.line, path, "two labels", region.label)
                continue
            record = self._record(path, regions)
            if record is not None:
                yield record
        unreferenced = set(self._index.unreferenced())
        for path in self._index.paths:
            if path not in self._found:
                reason = "no row" if path in unreferenced else "no annotations"
                self._report.leave_out("pictures", "", path, reason)

    def _record(self, path: str, regions: list[Labelled]) -> Record | None:
        rows = [f"{region.file}:{region.line}" for region in regions]
        label = regions[0].label
        emotion, used = self._categories.emotion_of_rows(label, rows, path, "category")
        if not used:
            return None
        numbers = {name: self._mean(path, regions, name) for name in NUMBERS}
        boxes = [region.box for region in regions if region.box]
        columns = {
            "category": label,
            "regions": str(len(boxes)) if boxes else "",
            "box": boxes[0] if len(boxes) == 1 else "",
        }
        for region in regions:
            for name, value in region.attributes.items():
                if slug(name) and slug(name) not in NUMBERS:
                    columns.setdefault(f"answer_{slug(name)}", value)
        return Record(
            path,
            rows[0],
            emotion=emotion,
            label=label,
            intensity=numbers["intensity"],
            quality=numbers["quality"],
            attributes=columns,
            other_rows=tuple(rows[1:]),
        )

    def _mean(self, path: str, regions: list[Labelled], column: str) -> float | None:
        """The mean of an attribute of the regions; what is no number goes to the report."""
        values = []
        for region in regions:
            for name, text in region.attributes.items():
                if slug(name) != column:
                    continue
                value, problem = scaled(text, column, self._options, self._report, region.file)
                if value is None:
                    self._report.use_partly(region.file, region.line, path, problem, text, column)
                else:
                    values.append(value)
        return sum(values) / len(values) if values else None
