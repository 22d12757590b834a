"""Imports RAF-DB, basic emotions (Li, Deng and Du, 2017): a list of pictures with one label code each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.class_folders import SPLITS, by_folder
from harness.datasets.imports.listed import Line, Listing
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex, is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import find_file, read_fields
from harness.errors import BadData

LISTS = ("list_patition_label.txt", "list_partition_label.txt")
CODES = {"1": "surprise", "2": "fear", "3": "disgust", "4": "happy", "5": "sad", "6": "angry", "7": "neutral"}
_PEOPLE = (
    ("gender", {"0": "male", "1": "female"}),
    ("race", {"0": "Caucasian", "1": "African-American", "2": "Asian"}),
    ("age", {"0": "0-3", "1": "4-19", "2": "20-39", "3": "40-69", "4": "70+"}),
)
"""The last three lines of `Annotation/manual/*_manu_attri.txt`, as documented by the data set; other codes are unsure."""


class RafDb(Importer):
    """`EmoLabel/list_patition_label.txt` (`train_00001.jpg 5`) and `Image/aligned/`, or folders named 1 to 7.

    If `Annotation/manual/` exists, gender, race and age, as judged by annotators, become columns.
    """

    name = "raf-db"
    summary = "RAF-DB, basic emotions: EmoLabel/list_patition_label.txt and Image/aligned/"
    default_name = "rafdb"
    label = "perceived"
    domain = "shown"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        path = find_file(source, LISTS[0]) or find_file(source, LISTS[1])
        labels = LabelParser(options)
        if path is not None:
            yield from with_name_columns(_listed(source, path, labels, report), options, report)
        elif any(is_picture(p) and PurePosixPath(p).parent.name in CODES for p in source.files):
            yield from with_name_columns(by_folder(source, labels, report, CODES), options, report)
        else:
            raise BadData(
                f"{source.name!r} is not RAF-DB: it contains no {LISTS[0]}.",
                "Give the folder basic/, with EmoLabel/ and Image/ unpacked.",
            )


def _listed(source: Source, path: str, labels: LabelParser, report: Report) -> Iterator[Record]:
    pictures = [p for p in source.files if is_picture(p)]
    aligned = [p for p in pictures if "aligned" in p.casefold()]
    if aligned and len(aligned) < len(pictures):
        report.note(f"{len(pictures) - len(aligned)} pictures that are not aligned were skipped.")
    listing = Listing(PictureIndex(aligned or pictures), labels, report)
    people = {
        PurePosixPath(p).name.casefold(): p for p in source.files if p.casefold().endswith("_manu_attri.txt")
    }
    for line, cells in read_fields(source, path):
        report.rows[path] += 1
        if len(cells) < 2:
            report.leave_out(path, line, cells[0], "broken row", "expected a name and a number")
            continue
        stem = PurePosixPath(cells[0]).stem
        name = f"{stem}_aligned" if aligned else stem
        columns = {"split": SPLITS.get(stem.partition("_")[0].casefold(), "")}
        attributes = people.get(f"{stem}_manu_attri.txt".casefold())
        if attributes:
            columns |= _person(source, attributes)
        listing.add(Line(path, line, name, CODES.get(cells[-1], cells[-1])), columns)
    yield from listing.records()


def _person(source: Source, path: str) -> dict[str, str]:
    """Gender, race and age as judged by annotators."""
    lines = [cells[0] for _, cells in read_fields(source, path)]
    if len(lines) != 8:
        return {}
    return {
        column: meaning.get(code, "unsure")
        for (column, meaning), code in zip(_PEOPLE, lines[5:], strict=True)
    }
