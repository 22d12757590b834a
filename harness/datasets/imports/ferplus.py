"""FER+ (Barsoum et al., 2016, arXiv 1608.01041): the pictures of FER2013 with the votes of ten taggers each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from harness.datasets.imports.base import ImportOptions, Kind, LabelReader, Record
from harness.datasets.imports.class_folders import SPLITS
from harness.datasets.imports.fer2013 import picture, picture_name, pixel_tables
from harness.datasets.imports.names import named
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import Row, Table, find_file, open_table
from harness.errors import BadData

VOTES = "fer2013new.csv"
TAGGED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
NOT_TAGGED = {"unknown": "unknown emotion", "nf": "not a face"}
MOST_VOTES = 100
"""Votes of one row that can be real: there are ten."""


class FerPlus(Kind):
    """`fer2013new.csv` beside `fer2013.csv` (rows in the same order), or beside the pictures that were made of it.

    The label is what most taggers chose. Where two lead, or most chose "unknown" or "not a face", there is none.
    """

    name = "ferplus"
    summary = "FER+: fer2013new.csv (ten taggers' votes) beside fer2013.csv"
    label = "perceived"

    def embeds(self, source: Source) -> bool:
        """The pictures of fer2013.csv stand in it."""
        return bool(pixel_tables(source))

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        path = find_file(source, VOTES)
        if path is None:
            raise BadData(
                f"{source.name!r} is no FER+: it holds no {VOTES}.",
                "It comes from the FER+ repository; fer2013.csv, which has the pictures, from FER2013.",
            )
        votes = _Votes(open_table(source, path), options, report)
        pixels = pixel_tables(source)
        if len(pixels) > 1:
            raise BadData(
                f"{source.name!r} holds {len(pixels)} tables with pixels: {pixels[0].path}, {pixels[1].path}.",
                "Leave the one whose rows are those of the votes.",
            )
        records = (
            _beside_pixels(votes, pixels[0], report) if pixels else _beside_pictures(votes, source, report)
        )
        report.note(
            "FER+ says how many taggers chose an emotion, not who: the raters vote-1 to vote-10 are no persons."
        )
        yield from named(records, options, report)


class _Votes:
    """Reads rows of votes."""

    def __init__(self, table: Table, options: ImportOptions, report: Report) -> None:
        self.table, self._report, self._labels = table, report, LabelReader(options)
        self._at = {name: table.column(name) for name in (*TAGGED, *NOT_TAGGED)}
        self.at_name = table.column("Image name", "Image")
        self.at_usage = table.column("Usage")

    def record(self, row: Row, path: str, data: bytes | None) -> Record | None:
        """What a row's votes say of a picture, or None, noted."""
        cells = {name: row.cells[at] or "0" for name, at in self._at.items()}
        label, problem, detail = _majority(cells)
        emotion = None
        if not problem:
            emotion, problem = self._labels.read(label)
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

    def _called(self, tag: str) -> str:
        return (None if tag in NOT_TAGGED else self._labels.read(tag)[0]) or tag

    def _columns(self, votes: Mapping[str, int]) -> dict[str, str]:
        """The distribution of votes: a column for each emotion, under the name that it has here."""
        counts: dict[str, int] = {}
        for tag, count in votes.items():
            column = f"votes_{self._called(tag)}"
            counts[column] = counts.get(column, 0) + count
        return {column: str(count) for column, count in counts.items()}

    def _ratings(self, votes: Mapping[str, int], path: str) -> tuple[tuple[str, str, str], ...]:
        """The votes, one by one, in an order that says nothing: in that of the columns, vote-1 would be always neutral."""
        chosen = [self._called(tag) for tag in TAGGED for _ in range(votes[tag])]
        random.Random(path).shuffle(chosen)
        return tuple((f"vote-{i}", "emotion", value) for i, value in enumerate(chosen, 1))


def _majority(cells: Mapping[str, str]) -> tuple[str, str, str]:
    """What most taggers chose, or why there is no such label; and what the report shows."""
    if not all(cell.isdecimal() and len(cell) < 4 for cell in cells.values()):
        return "", "broken votes", ", ".join(cells.values())
    votes = {name: int(cell) for name, cell in cells.items()}
    told = ", ".join(f"{name} {count}" for name, count in votes.items() if count)
    most = max(votes.values())
    if not 0 < sum(votes.values()) <= MOST_VOTES:
        return "", "broken votes" if most else "no votes", told
    leading = [name for name, count in votes.items() if count == most]
    if len(leading) > 1:
        return "", "tie", told
    return leading[0], NOT_TAGGED.get(leading[0], ""), leading[0]


def _beside_pixels(votes: _Votes, pixels: Table, report: Report) -> Iterator[Record]:
    at_pixels = pixels.column("pixels")
    at_usage = pixels.column("Usage") if pixels.has("Usage") else None
    for row, shown in zip_longest(votes.table.rows(), pixels.rows()):
        if row is None or shown is None:
            raise BadData(
                f"{votes.table.path} and {pixels.path} have different numbers of rows.",
                "The rows of the one are those of the other, in the same order: give both whole.",
            )
        report.rows[row.file] += 1
        path = picture_name(report.rows[row.file] - 1)
        if row.problem or shown.problem:
            report.leave_out(
                row.file, row.line, path, "broken row", row.problem or f"{shown.file}: {shown.problem}"
            )
            continue
        if at_usage is not None and row.cells[votes.at_usage].casefold() != shown.cells[at_usage].casefold():
            raise BadData(
                f"Line {row.line} of {votes.table.path} is about another picture than line {shown.line} of {pixels.path}: "
                "their Usage differs.",
                "Their rows are in the same order: give both as they were published.",
            )
        data = picture(shown.cells[at_pixels])
        if data is None:
            report.leave_out(row.file, row.line, path, "broken pixels", f"{shown.file}, line {shown.line}")
            continue
        record = votes.record(row, path, data)
        if record is not None:
            yield record


def _beside_pictures(votes: _Votes, source: Source, report: Report) -> Iterator[Record]:
    index = PictureIndex(source.files)
    if not index.paths:
        raise BadData(
            f"{source.name!r} holds the votes of FER+ and no pictures.",
            "Put fer2013.csv (from FER2013) beside it, or the folders FER2013Train, FER2013Valid, FER2013Test.",
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
