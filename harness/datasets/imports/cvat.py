"""Imports labels of CVAT: tags and boxes in `CVAT for images 1.1` (XML)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.parsers import expat

from harness.datasets.imports.base import ImportOptions, Record
from harness.datasets.imports.cells import MAX_TEXT, cell, numeric
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.regions import Labelled, RegionImporter, Regions
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import MAX_TABLE, Source
from harness.errors import BadData

SHAPES = ("tag", "box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask")
CHUNK = 2**16
MAX_TOKEN = 2**22
"""Maximum bytes between two elements."""
MAX_DEPTH = 64
_AGAIN = "Nothing was imported. Export it again as `CVAT for images 1.1`."


class Cvat(RegionImporter):
    """`annotations.xml` with a tag or boxes for each picture: their label is the label of the picture.

    Attributes named intensity and quality are numbers; others become columns `answer_NAME`.
    """

    name = "cvat"
    summary = "labels of CVAT: annotations.xml of `CVAT for images 1.1`, and the pictures"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        paths = [p for p in source.files if PurePosixPath(p).suffix.casefold() == ".xml"]
        if not paths:
            raise BadData(
                f"{source.name!r} contains no XML file.",
                "Export the task as `CVAT for images 1.1`; for COCO files, use the kind coco.",
            )
        regions = Regions(source, options, report)
        for path in paths:
            _read(path, source, regions, report)
        yield from with_name_columns(regions.records(), options, report)


@dataclass
class _Shape:
    line: int
    label: str
    box: str
    attributes: dict[str, str] = field(default_factory=dict)


class _Reader:
    """Follows the elements of the file; nothing but the current picture is kept."""

    def __init__(self, path: str, regions: Regions, report: Report) -> None:
        self._path, self._regions, self._report = path, regions, report
        self.images = 0
        self._depth = 0
        self._picture: str | None = None
        self._inside = False
        self._shape: _Shape | None = None
        self._attribute: str | None = None
        self._text = ""
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse(self, *_: object) -> None:
        raise BadData(f"{self._path} is refused: it declares a document type.", _AGAIN)

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadData(f"{self._path} is refused: its elements are nested too deeply.", _AGAIN)
        line = self.parser.CurrentLineNumber
        if name == "image":
            self.images += 1
            self._inside = True
            self._picture = self._regions.picture(cell(given.get("name")))
        elif name in SHAPES and self._inside and self._shape is None:
            self._report.rows[self._path] += 1
            self._shape = _Shape(line, cell(given.get("label")), _box(given))
        elif name == "attribute" and self._shape is not None:
            self._attribute, self._text = cell(given.get("name")), ""

    def _characters(self, text: str) -> None:
        if self._attribute is not None and len(self._text) <= MAX_TEXT:
            self._text += text

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "image":
            self._inside, self._picture = False, None
        elif name == "attribute" and self._attribute is not None and self._shape is not None:
            self._shape.attributes[self._attribute] = cell(self._text)
            self._attribute = None
        elif name in SHAPES and self._shape is not None:
            self._finish(self._shape)
            self._shape = None

    def _finish(self, shape: _Shape) -> None:
        if self._picture is None:
            self._report.leave_out(self._path, shape.line, "", "no picture", shape.label)
        elif not shape.label:
            self._report.leave_out(self._path, shape.line, self._picture, "no label")
        else:
            region = Labelled(self._path, shape.line, shape.label, shape.box, shape.attributes)
            self._regions.add(self._picture, region)


def _read(path: str, source: Source, regions: Regions, report: Report) -> None:
    """Read a file piece by piece. Raises `BadData` if it is not XML of CVAT, or not safe."""
    if source.files[path] > MAX_TABLE:
        raise BadData(f"{path} is larger than {MAX_TABLE // 2**30} GiB.", "It is not a file of labels.")
    reader = _Reader(path, regions, report)
    fed = 0
    try:
        with source.open(path) as file:
            while chunk := file.read(CHUNK):
                fed += len(chunk)
                reader.parser.Parse(chunk, False)
                if fed - reader.parser.CurrentByteIndex > MAX_TOKEN:
                    raise BadData(
                        f"{path} is refused: an element is larger than {MAX_TOKEN // 2**20} MiB.", _AGAIN
                    )
            reader.parser.Parse(b"", True)
    except expat.ExpatError as e:
        raise BadData(f"{path}, line {e.lineno}: not valid XML: {expat.ErrorString(e.code)}.", _AGAIN) from e
    except (LookupError, ValueError) as e:
        raise BadData(f"{path} is not text: {e}.", _AGAIN) from e
    if not reader.images:
        raise BadData(f"{path} is not from CVAT: it contains no element <image>.", _AGAIN)


def _box(given: Mapping[str, str]) -> str:
    """x, y, width and height of a box; "" for other shapes."""
    corners = [numeric(given.get(name, "")) for name in ("xtl", "ytl", "xbr", "ybr")]
    left, top, right, bottom = corners
    if left is None or top is None or right is None or bottom is None:
        return ""
    return ",".join(f"{value:.10g}" for value in (left, top, right - left, bottom - top))
