"""Imports KDEF (Lundqvist, Flykt and Oehman, 1998): file names encode session, sex, person, emotion and angle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData

EMOTIONS = {
    "AF": "fear",
    "AN": "angry",
    "DI": "disgust",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}
ANGLES = {"FL": "full left", "HL": "half left", "S": "straight", "HR": "half right", "FR": "full right"}
_NAME = re.compile(r"([AB])([FM])(\d\d)(AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)", re.IGNORECASE)


class Kdef(Importer):
    """`AF01/AF01ANS.JPG`: session A, female, person 01, angry, straight. The emotion code `AF` (afraid) is read as fear."""

    name = "kdef"
    summary = "KDEF: pictures named like AF01ANS.JPG; subject, gender, angle and session become columns"
    label = "intended"
    domain = "shown"

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        yield from with_name_columns(_records(source, LabelParser(options), report), options, report)


def _records(source: Source, labels: LabelParser, report: Report) -> Iterator[Record]:
    known = False
    for path in source.files:
        if not is_picture(path):
            continue
        found = _NAME.fullmatch(PurePosixPath(path).stem)
        if found is None:
            report.leave_out("pictures", "", path, "unrecognized name", "expected a name like AF01ANS")
            continue
        known = True
        session, sex, person, emotion_code, angle = (part.upper() for part in found.groups())
        label = EMOTIONS[emotion_code]
        emotion, problem = labels.parse(label)
        if emotion is None:
            report.leave_out("pictures", "", path, problem, label)
            continue
        yield Record(
            path,
            path,
            emotion=emotion,
            label=label,
            attributes={
                "subject": sex + person,
                "gender": {"F": "female", "M": "male"}[sex],
                "angle": ANGLES[angle],
                "session": session,
            },
        )
    if not known:
        raise BadData(
            f"{source.name!r} is not KDEF: no picture in it is named like AF01ANS.JPG.",
            "Give the unpacked folder KDEF.",
        )
