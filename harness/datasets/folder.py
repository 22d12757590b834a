"""Reads a folder as a data set, from a manifest or from subfolders named after emotions."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.datasets.domain import NOTES, domain_of
from harness.datasets.file_names import files_on_disk
from harness.datasets.home import document, imported_notes
from harness.datasets.labels import fold_emotion
from harness.datasets.manifest import MANIFESTS, read_manifest
from harness.datasets.ratings import Answers, Known, read_ratings
from harness.errors import BadData, nearest
from harness.images.formats import PICTURES
from harness.images.unread import unread_name
from harness.json_lines import line_encoder
from harness.types import EMOTIONS, Domain, Sample


@dataclass(frozen=True)
class DataFolder:
    """A data set on disk. Pictures are not opened here; `Sample.path` is relative to `root`."""

    name: str
    root: Path
    samples: list[Sample]
    digest: str
    """Hex digest of names and labels as given (each picture has its own digest)."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the user, such as skipped subfolders."""
    domain: Domain = "shown"
    """Whether labels are about the emotion that pictures show, or the one that they evoke in people."""
    home: Path = Path()
    """The folder of the manifest and ratings.csv: `root`, except for imported data sets that reference external pictures."""

    @cached_property
    def ratings(self) -> Answers:
        """The answers of people to each question, from ratings.csv. Raises `BadData` if it is not a valid table."""
        return read_ratings(self.home, Known.samples(self.samples))


def _check_folder(root: Path) -> None:
    if not root.is_dir():
        raise BadData(
            f"The data folder {str(root)!r} does not exist."
            if not root.exists()
            else f"{str(root)!r} is not a folder.",
            "Give a folder, or a name from `harness list data`.",
        )


def read_folder(root: Path, name: str | None = None) -> DataFolder:
    """Read a data folder. Raises `BadData` if it contains no usable sample."""
    root = Path(root)
    notes: list[str] = []
    try:
        _check_folder(root)
        manifest = next((root / m for m in MANIFESTS if (root / m).is_file()), None)
        if manifest is not None:
            rows = read_manifest(manifest, notes)
        else:
            rows, notes = _class_samples(root)
    except OSError as e:
        raise BadData(
            f"The data folder {str(root)!r} cannot be read: {e.strerror}: {e.filename}.",
            f"Let its owner run `chmod -R a+rX {root}`, or use a copy of your own.",
        ) from e
    if not rows:
        raise BadData(
            f"The data folder {str(root)!r} contains {_unlabelled_content(root)}."
            + "".join(f" {n}" for n in notes),
            "A data set needs a manifest.csv with a column `image`, or subfolders named after emotions: "
            + ", ".join(EMOTIONS)
            + ".",
        )
    if all(s.problem for s in rows):
        raise BadData(
            f"No sample of {str(root)!r} can be used: {rows[0].id}: {rows[0].problem}.",
            "Valid labels: " + ", ".join(EMOTIONS) + "; map others to these in a copy of the manifest."
            if all(s.emotion is None for s in rows)
            else 'Fix the rows of the manifest. A cell that contains the separator needs quotes: "3,5".',
        )
    metadata = document(root)
    pictures = Path(metadata.get("root") or root)
    # Not of the files found: the same manifest has the same digest on every file system.
    digest = _digest(rows)
    if manifest is not None:
        rows = _located(rows, pictures, notes)
    name = name or root.resolve().name
    domain = domain_of(name, rows)
    notes += [*imported_notes(metadata), *([NOTES[domain]] if domain in NOTES else [])]
    return DataFolder(name, pictures, rows, digest, notes, domain, root)


def _located(samples: list[Sample], root: Path, notes: list[str]) -> list[Sample]:
    """The samples with the names of their files, where they differ only in Unicode form, case or by backslashes."""
    files = files_on_disk(root)
    renamed: list[str] = []
    for at, sample in enumerate(samples):
        if sample.problem or not sample.path:
            continue
        found = files.find(sample.path)
        if len(found) > 1:
            problem = f"{sample.path!r} does not exist, but several files with nearly this name do: "
            samples[at] = replace(sample, problem=problem + ", ".join(map(repr, found[:3])))
        elif found and found[0] != sample.path:
            renamed.append(f"{sample.path!r} is {found[0]!r}")
            samples[at] = replace(sample, path=found[0])
    if renamed:
        notes.append(
            f"{len(renamed)} names of the manifest differ from their files in Unicode form, in case or by backslashes; "
            f"the files were found: {renamed[0]}."
        )
    return samples


_ROW = line_encoder(ascii_only=True, compact=False)


def _digest(samples: Iterable[Sample]) -> str:
    digest = hashlib.sha256()
    for s in samples:
        row = [s.id, str(s.path), s.emotion, s.intensity, s.quality, sorted(s.attributes.items()), s.problem]
        digest.update(_ROW(row).encode())
    return digest.hexdigest()


def _visible(folder: str | Path) -> list[os.DirEntry[str]]:
    return sorted((e for e in os.scandir(folder) if not e.name.startswith(".")), key=lambda e: e.name)


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in PICTURES


def _unread_note(files: Sequence[str], where: str) -> list[str]:
    """The remark on pictures in a format that is not read, if there are any."""
    unread = [f for f in files if unread_name(f)]
    first = f"such as {unread[0]!r}: {unread_name(unread[0])}." if unread else ""
    return [f"{len(unread)} pictures {where} were skipped, {first}"] if unread else []


def _unlabelled_content(root: Path) -> str:
    names = [e.name for e in _visible(root) if not e.is_dir()]
    pictures = sum(_is_picture(name) or bool(unread_name(name)) for name in names)
    return f"{pictures} pictures without labels" if pictures else "no samples"


def _class_samples(root: Path) -> tuple[list[Sample], list[str]]:
    """Samples of a folder whose subfolders are named after emotions, and notes on skipped entries."""
    samples, notes = [], []
    top = _visible(root)
    loose = [e.name for e in top if not e.is_dir() and _is_picture(e.name)]
    if loose:
        notes.append(
            f"{len(loose)} pictures outside the subfolders have no label and were skipped, such as {loose[0]!r}."
        )
    notes += _unread_note([e.name for e in top if not e.is_dir()], "outside the subfolders")
    for folder in (e for e in top if e.is_dir()):
        emotion = fold_emotion(folder.name)
        files = [e.name for e in _visible(folder.path)]
        pictures = [f for f in files if _is_picture(f)]
        unread = [f for f in files if unread_name(f)]
        others = [f for f in files if not _is_picture(f) and not unread_name(f)]
        if emotion is not None and others:
            notes.append(
                f"{len(others)} entries of {folder.name!r} are not pictures in a known format and were skipped, "
                f"such as {others[0]!r}."
            )
        if emotion is not None:
            notes += _unread_note(unread, f"of {folder.name!r}")
        if emotion is None:
            pictures += unread
            if pictures:
                guess = nearest(folder.name, EMOTIONS)
                notes.append(
                    f"The subfolder {folder.name!r} ({len(pictures)} pictures) is not named after one of the six "
                    "emotions and was skipped" + (f"; did you mean {guess!r}?" if guess else ".")
                )
            continue
        samples += [
            Sample(
                f"{folder.name}/{os.path.splitext(f)[0]}", os.path.join(folder.name, f), sys.intern(emotion)
            )
            for f in pictures
        ]
    return _unique(samples), notes


def _unique(samples: list[Sample]) -> list[Sample]:
    """Keep the extension in the id of pictures that differ only by extension."""
    seen: dict[str, int] = {}
    for s in samples:
        seen[s.id] = seen.get(s.id, 0) + 1
    return [s if seen[s.id] == 1 else Sample(str(s.path), s.path, s.emotion) for s in samples]
