"""Imports FER+ (Barsoum et al., 2016, arXiv 1608.01041): the pictures of FER2013 with ten votes each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.class_folders import SPLITS
from harness.datasets.imports.fer2013 import picture, picture_name, pixel_tables
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import needed_file, open_table
from harness.datasets.table import Row, Table
from harness.errors import BadData

VOTES = "fer2013new.csv"
TAGGED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
NOT_TAGGED = {"unknown": "unknown emotion", "nf": "not a face"}
MOST_VOTES = 100
"""Upper bound for plausible votes per row; there are ten."""


class FerPlus(Importer):
    """`fer2013new.csv` next to `fer2013.csv` (rows in the same order), or next to the pictures extracted from it.

    The label is the tag with the most votes. Ties, "unknown" and "not a face" give no label.
    """

    name = "ferplus"
    summary = "FER+: fer2013new.csv (votes of ten taggers) next to fer2013.csv"
    label = "perceived"
    domain = "shown"

    def embeds(self, source: Source) -> bool:
        return bool(pixel_tables(source))

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        remedy = "It is part of the FER+ repository; fer2013.csv, with the pictures, is part of FER2013."
        path = needed_file(source, VOTES, "FER+", remedy)
        votes = _Votes(open_table(source, path), options, report)
        pixels = pixel_tables(source)
        if len(pixels) > 1:
            raise BadData(
                f"{source.name!r} contains {len(pixels)} tables with pixels: {pixels[0].path}, {pixels[1].path}.",
                "Keep only the table whose rows match the votes.",
            )
        records = _with_pixels(votes, pixels[0], report) if pixels else _with_pictures(votes, source, report)
        report.note(
            "FER+ gives only the number of votes per emotion, not who voted: the raters vote-1 to vote-10 are not persons."
        )
        yield from with_name_columns(records, options, report)


class _Votes:
    """Parses rows of votes."""

    def __init__(self, table: Table, options: ImportOptions, report: Report) -> None:
        self.table, self._report, self._labels = table, report, LabelParser(options)
        self._at = {name: table.column(name) for name in (*TAGGED, *NOT_TAGGED)}
        self.at_name = table.column("Image name", "Image")
        self.at_usage = table.column("Usage")

    def record(self, row: Row, path: str, data: bytes | None) -> Record | None:
        """The record for a row of votes; or None, with a row in the report."""
        cells = {name: row.cells[at] or "0" for name, at in self._at.items()}
        label, problem, detail = _top_label(cells)
        emotion = None
        if not problem:
            emotion, problem = self._labels.parse(label)
        if emotion is None:
            self._report.leave_out(row.file, row.line, path, problem, detail)
            return None
        votes = {name: int(cell) for name, cell in cells.items()}
        split = SPLITS.get(row.cells[self.at_usage].casefold(), "")
        return Record(
            path,
            f"{row.file}:{row.line}",
            emotion=emotion,
            label=label,
            data=data,
            attributes={"split": split, **self._columns(votes)},
            ratings=self._ratings(votes, path),
        )

    def _emotion_name(self, tag: str) -> str:
        return (None if tag in NOT_TAGGED else self._labels.parse(tag)[0]) or tag

    def _columns(self, votes: Mapping[str, int]) -> dict[str, str]:
        """The distribution of votes, one column per emotion, under our emotion names."""
        counts: dict[str, int] = {}
        for tag, count in votes.items():
            column = f"votes_{self._emotion_name(tag)}"
            counts[column] = counts.get(column, 0) + count
        return {column: str(count) for column, count in counts.items()}

    def _ratings(self, votes: Mapping[str, int], path: str) -> tuple[tuple[str, str, str], ...]:
        """The individual votes, shuffled: in column order, vote-1 would nearly always be neutral."""
        chosen = [self._emotion_name(tag) for tag in TAGGED for _ in range(votes[tag])]
        random.Random(path).shuffle(chosen)
        return tuple((f"vote-{i}", "emotion", value) for i, value in enumerate(chosen, 1))


def _top_label(cells: Mapping[str, str]) -> tuple[str, str, str]:
    """The label with the most votes, the reason if there is none, and the detail for the report."""
    if not all(cell.isdecimal() and len(cell) < 4 for cell in cells.values()):
        return "", "broken votes", ", ".join(cells.values())
    votes = {name: int(cell) for name, cell in cells.items()}
    summary = ", ".join(f"{name} {count}" for name, count in votes.items() if count)
    most = max(votes.values())
    if not 0 < sum(votes.values()) <= MOST_VOTES:
        return "", "broken votes" if most else "no votes", summary
    leading = [name for name, count in votes.items() if count == most]
    if len(leading) > 1:
        return "", "tie", summary
    return leading[0], NOT_TAGGED.get(leading[0], ""), leading[0]


def _with_pixels(votes: _Votes, pixels: Table, report: Report) -> Iterator[Record]:
    at_pixels = pixels.column("pixels")
    at_usage = pixels.column("Usage") if pixels.has("Usage") else None
    for row, pixel_row in zip_longest(votes.table.rows(), pixels.rows()):
        if row is None or pixel_row is None:
            raise BadData(
                f"{votes.table.path} and {pixels.path} have different numbers of rows.",
                "Both must have the same rows in the same order: use complete files.",
            )
        report.rows[row.file] += 1
        path = picture_name(report.rows[row.file] - 1)
        if row.problem or pixel_row.problem:
            report.leave_out(
                row.file,
                row.line,
                path,
                "broken row",
                row.problem or f"{pixel_row.file}: {pixel_row.problem}",
            )
            continue
        if (
            at_usage is not None
            and row.cells[votes.at_usage].casefold() != pixel_row.cells[at_usage].casefold()
        ):
            raise BadData(
                f"Line {row.line} of {votes.table.path} describes a different picture than line {pixel_row.line} of {pixels.path}: "
                "their Usage differs.",
                "Both must have the same rows in the same order: use the files as published.",
            )
        data = picture(pixel_row.cells[at_pixels])
        if data is None:
            report.leave_out(
                row.file, row.line, path, "broken pixels", f"{pixel_row.file}, line {pixel_row.line}"
            )
            continue
        record = votes.record(row, path, data)
        if record is not None:
            yield record


def _with_pictures(votes: _Votes, source: Source, report: Report) -> Iterator[Record]:
    index = PictureIndex(source.files)
    if not index.paths:
        raise BadData(
            f"{source.name!r} contains the votes of FER+ but no pictures.",
            "Add fer2013.csv (from FER2013), or the folders FER2013Train, FER2013Valid, FER2013Test.",
        )
    for row in votes.table.rows():
        report.rows[row.file] += 1
        if row.problem:
            report.leave_out(row.file, row.line, "", "broken row", row.problem)
            continue
        name = row.cells[votes.at_name]
        found = index.find(name) if name else []
        if len(found) != 1:
            reason = "several pictures" if found else "no picture" if name else "no image name"
            report.leave_out(row.file, row.line, name, reason, ", ".join(found[:3]))
            continue
        record = votes.record(row, found[0], None)
        if record is not None:
            yield record
