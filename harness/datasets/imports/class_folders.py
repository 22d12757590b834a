"""Pictures in folders that are named after emotions, below folders named after splits or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.datasets.imports.base import ImportOptions, Kind, LabelReader, Record
from harness.datasets.imports.names import named
from harness.datasets.imports.pictures import is_picture
from harness.datasets.imports.report import Report
from harness.datasets.imports.source import Source
from harness.errors import BadData

_SPLITS = {"train": ("train", "training"), "validation": ("validation", "valid", "val", "dev", "publictest"),
           "test": ("test", "testing", "eval", "privatetest")}  # fmt: skip
SPLITS = {word: split for split, words in _SPLITS.items() for word in words}
"""What folders and columns call the parts of a data set -> train, validation or test."""


class ClassFolders(Kind):
    """`happy/1.png`, `train/happy/1.png`, `happy/person1/1.png`: the folder next to the picture that names an emotion counts."""

    name = "class-folders"
    summary = (
        "pictures in folders named after emotions, at any depth; train, validation and test become a column"
    )

    def read(self, source: Source, options: ImportOptions, report: Report) -> Iterator[Record]:
        yield from named(by_folder(source, LabelReader(options), report), options, report)


def by_folder(
    source: Source, labels: LabelReader, report: Report, words: Mapping[str, str] = {}
) -> Iterator[Record]:
    """The records of pictures in class folders; `words` says what labels a release's own folder names stand for."""
    pictures = [p for p in source.files if is_picture(p)]
    if not pictures:
        raise BadData(
            f"{source.name!r} holds no pictures.", "Give the folder above those named after emotions."
        )
    for path in pictures:
        folders = [f for f in path.split("/")[:-1] if f.casefold() not in SPLITS]
        splits = [SPLITS[f.casefold()] for f in path.split("/")[:-1] if f.casefold() in SPLITS]
        label, emotion, problem = _label([words.get(f.casefold(), f) for f in folders], labels)
        if emotion is None:
            report.leave_out("pictures", "", path, problem, label)
            continue
        yield Record(
            path, path, emotion=emotion, label=label, attributes={"split": splits[0]} if splits else {}
        )


def _label(folders: list[str], labels: LabelReader) -> tuple[str, str | None, str]:
    """The label that a picture's folders give it, what it means, and why it means nothing."""
    first = ""
    for folder in reversed(folders):
        emotion, problem = labels.read(folder)
        if emotion is not None or problem not in ("unknown label", "no label"):
            return folder, emotion, problem
        first = first or folder
    return first, None, "unknown label" if first else "no label"
