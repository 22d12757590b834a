"""Imports CK+ (Lucey et al., 2010): frame sequences from a neutral face to the peak, with one label per sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.class_folders import by_folder
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.datasets.imports.table import read_fields
from harness.datasets.table import number
from harness.errors import BadData

CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_FRAME = re.compile(r"(S\d+)_(\d+)_(\d+)", re.IGNORECASE)
_LABEL = re.compile(r"(S\d+)_(\d+)_\d+_emotion\.txt", re.IGNORECASE)


class CkPlus(Importer):
    """`cohn-kanade-images/S005/001/S005_001_00000011.png` and `Emotion/S005/001/S005_001_00000011_emotion.txt`.

    A sequence's label refers to its last frame, the peak: only that frame is imported. In copies with class folders
    (three frames near each peak), all frames are imported. The person becomes the column `subject`.
    """

    name = "ck+"
    summary = "CK+: cohn-kanade-images/ and Emotion/; the last frame of each labelled sequence"
    default_name = "ckplus"
    label = "perceived"
    domain = "shown"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        labels = LabelParser(options)
        files = [p for p in source.files if _LABEL.fullmatch(PurePosixPath(p).name)]
        if files:
            yield from with_name_columns(_peaks(source, files, labels, report), options, report)
            return
        pictures = [p for p in source.files if is_picture(p)]
        if not any(_FRAME.match(PurePosixPath(p).name) for p in pictures):
            raise BadData(
                f"{source.name!r} is not CK+: it contains no *_emotion.txt and no pictures like S005_001_00000011.png.",
                "Give the folder that contains cohn-kanade-images/ and Emotion/.",
            )
        for record in with_name_columns(by_folder(source, labels, report), options, report):
            found = _FRAME.match(PurePosixPath(record.path).name)
            yield replace(record, attributes={**record.attributes, **_columns(found)}) if found else record


def _columns(frame: re.Match[str]) -> dict[str, str]:
    return {"subject": frame[1].upper(), "sequence": frame[2], "frame": str(int(frame[3]))}


def _peaks(source: Source, files: list[str], labels: LabelParser, report: Report) -> Iterator[Record]:
    last = _last_frames(source, report)
    labelled = set()
    for path in files:
        report.rows["Emotion"] += 1
        found = _LABEL.fullmatch(PurePosixPath(path).name)
        assert found is not None
        sequence = (found[1].upper(), found[2])
        frame = last.get(sequence)
        label = _label(source, path)
        if sequence in labelled:
            report.leave_out("Emotion", "", path, "duplicate", "a sequence has one label")
            continue
        labelled.add(sequence)
        if frame is None:
            report.leave_out("Emotion", "", path, "no picture", "the sequence has no frames")
            continue
        emotion, problem = labels.parse(label)
        if emotion is None:
            report.leave_out("Emotion", "", path, problem, label)
            continue
        match = _FRAME.match(PurePosixPath(frame).name)
        assert match is not None
        yield Record(frame, path, emotion=emotion, label=label, attributes=_columns(match))
    for sequence, frame in last.items():
        if sequence not in labelled:
            report.leave_out("pictures", "", frame, "sequence without a label")


def _last_frames(source: Source, report: Report) -> dict[tuple[str, str], str]:
    """(Subject, sequence) -> the picture of the last frame; earlier frames are counted in a note."""
    last: dict[tuple[str, str], tuple[int, str]] = {}
    before = 0
    for path in source.files:
        found = _FRAME.match(PurePosixPath(path).name) if is_picture(path) else None
        if found is None:
            continue
        sequence, frame = (found[1].upper(), found[2]), (int(found[3]), path)
        before += sequence in last
        last[sequence] = max(last.get(sequence, frame), frame)
    if before:
        report.note(
            f"{before} frames before the peaks were skipped: labels refer to the last frame of a sequence."
        )
    return {sequence: path for sequence, (_, path) in last.items()}


def _label(source: Source, path: str) -> str:
    """The label of an emotion file, which contains a number such as 3.0000000e+00."""
    text = next((cells[0] for _, cells in read_fields(source, path)), "")
    code = number(text)
    return CODES[int(code)] if code is not None and code in range(len(CODES)) else text
