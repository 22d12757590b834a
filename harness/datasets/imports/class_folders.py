"""Imports pictures from folders named after emotions, with optional split folders above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.datasets.imports.base import Importer, ImportOptions, LabelParser, Record
from harness.datasets.imports.names import with_name_columns
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData
from harness.images.unread import unread_name

_SPLITS = {"train": ("train", "training"), "validation": ("validation", "valid", "val", "dev", "publictest"),
           "test": ("test", "testing", "eval", "privatetest")}  # fmt: skip
SPLITS = {word: split for split, words in _SPLITS.items() for word in words}
"""Name of a split in folders and columns -> train, validation or test."""


class ClassFolders(Importer):
    """`happy/1.png`, `train/happy/1.png`, `happy/person1/1.png`: the innermost folder that names an emotion counts."""

    name = "class-folders"
    summary = (
        "pictures in folders named after emotions, at any depth; train, validation and test become a column"
    )

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        yield from with_name_columns(by_folder(source, LabelParser(options), report), options, report)


def by_folder(
    source: Source, labels: LabelParser, report: Report, names: Mapping[str, str] = {}
) -> Iterator[Record]:
    """The records of pictures in class folders; `names` maps a release's folder names to labels."""
    pictures = [p for p in source.files if is_picture(p)]
    if not pictures:
        unread = next((f" {path}: {why}." for path, why in source.refused.items() if unread_name(path)), "")
        raise BadData(
            f"{source.name!r} contains no pictures.{unread}",
            "Give the folder above those named after emotions.",
        )
    for path in pictures:
        folders = [f for f in path.split("/")[:-1] if f.casefold() not in SPLITS]
        splits = [SPLITS[f.casefold()] for f in path.split("/")[:-1] if f.casefold() in SPLITS]
        label, emotion, problem = _label([names.get(f.casefold(), f) for f in folders], labels)
        if emotion is None:
            report.leave_out("pictures", "", path, problem, label)
            continue
        yield Record(
            path, path, emotion=emotion, label=label, attributes={"split": splits[0]} if splits else {}
        )


def _label(folders: list[str], labels: LabelParser) -> tuple[str, str | None, str]:
    """The label from a picture's folders, its emotion, and the reason if there is none."""
    first = ""
    for folder in reversed(folders):
        emotion, problem = labels.parse(folder)
        if emotion is not None or problem not in ("unknown label", "no label"):
            return folder, emotion, problem
        first = first or folder
    return first, None, "unknown label" if first else "no label"
