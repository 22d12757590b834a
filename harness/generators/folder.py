"""The generator `folder:PATH`: scores existing images as if they had just been generated."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from harness.components.generator import Generator
from harness.components.options import HarnessOptions, option
from harness.datasets import fold_emotion, read_folder
from harness.datasets.manifest import MANIFESTS
from harness.datasets.pattern import NamePattern
from harness.datasets.ratings import FILE as RATINGS
from harness.datasets.ratings import Known, read_ratings
from harness.errors import BadData, BadOption
from harness.images.decoding import PictureProblem, decode, read_bytes, real_root
from harness.images.formats import PICTURES
from harness.images.unread import unread_name
from harness.types import EMOTIONS, ImageReply, ImageRequest, ReplyError, Sample

_SHOWN = 5
FILE, SOURCE_ID = "file", "source_id"
"""Attributes of a request: its image file, and the id of its sample in the folder."""


class FolderGenerator(Generator):
    """A folder of existing images, for example from a closed service. Labels come from a manifest, subfolders or file names."""

    class Options(HarnessOptions):
        ref: str = option(..., "the folder")
        pattern: str = option(
            "",
            "pattern of the file names, such as '{emotion}_{intensity}_{prompt_id}_{index}.png'; "
            "other names in braces become columns",
        )

    def own_portraits(self) -> Sequence[Sample]:
        """The images with their requested emotion. Raises `BadData` if no image has a label."""
        return self._samples_and_notes[0]

    def own_ratings(self) -> Path | None:
        path = self._root / RATINGS
        return path if path.is_file() else None

    def notes(self) -> Sequence[str]:
        samples, notes = self._samples_and_notes
        return [*notes, *read_ratings(self._root, Known.samples(samples)).remarks()]

    def identity(self) -> Mapping[str, str]:
        """A digest of the files' names, sizes, modification times and labels."""
        digest = hashlib.sha256()
        for sample in self.own_portraits():
            size, time = (0, 0) if sample.problem else _size_and_time(self._root / str(sample.path))
            row = (
                sample.id,
                sample.path,
                sample.emotion,
                sample.intensity,
                sorted(sample.attributes.items()),
            )
            digest.update(repr((row, size, time)).encode())
        return {"files": digest.hexdigest()}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        """Return the images; a missing or broken file fails only its own request."""
        for request in batch:
            file = request.attributes[FILE]
            try:
                image = decode(read_bytes(real_root(self._root), file, allow_outside=True), file).image
            except PictureProblem as problem:
                error = ReplyError("picture", f"the picture cannot be read: {problem}", retryable=True)
                yield ImageReply(request.id, outcome="error", error=error)
            else:
                yield ImageReply(request.id, image, extra={FILE: file})

    @cached_property
    def _root(self) -> Path:
        return Path(os.path.expanduser(self.options.ref))

    @cached_property
    def _samples_and_notes(self) -> tuple[list[Sample], list[str]]:
        if not self.options.pattern:
            try:
                folder = read_folder(self._root)
            except BadData as e:
                e.hint += " Or describe the file names: -o pattern='{emotion}_{index}'."
                raise
            return [_with_file(s, str(s.path)) for s in folder.samples if s.path], list(folder.notes)
        if any((self._root / m).is_file() for m in MANIFESTS):
            raise BadOption(
                f"{self.options.ref!r} has a manifest, which already labels each picture.",
                "Omit -o pattern, or remove the manifest.",
            )
        if not self._root.is_dir():
            raise BadData(
                f"The folder {self.options.ref!r} does not exist.", "Give the folder with the pictures."
            )
        return _match_files(self._root, self.options.pattern)


def _size_and_time(file: Path) -> tuple[int, int]:
    """Zeros for a file that is missing: its own request fails."""
    try:
        stat = file.stat()
    except (OSError, ValueError):
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _with_file(sample: Sample, path: str) -> Sample:
    return Sample(
        sample.id,
        path,
        sample.emotion,
        sample.intensity,
        sample.quality,
        {**sample.attributes, FILE: path, SOURCE_ID: sample.id},
        sample.problem,
    )


def _match_files(root: Path, pattern: str) -> tuple[list[Sample], list[str]]:
    names = NamePattern(pattern, needs_emotion=True)
    samples: list[Sample] = []
    unmatched: list[str] = []
    unknown: list[str] = []
    files = list(root.rglob("*"))
    for file in sorted(p for p in files if p.suffix.lower() in PICTURES and p.is_file()):
        path = file.relative_to(root).as_posix()
        found = names.match(path)
        if found is None:
            unmatched.append(path)
            continue
        fields = dict(found)
        emotion = fold_emotion(fields.pop("emotion"))
        if emotion is None:
            unknown.append(path)
            continue
        strength = fields.pop("intensity", None)
        samples.append(
            Sample(
                file.relative_to(root).with_suffix("").as_posix(),
                path,
                emotion,
                None if strength is None or emotion == "neutral" else float(strength),
                None,
                {**fields, FILE: path, SOURCE_ID: file.relative_to(root).with_suffix("").as_posix()},
            )
        )
    if not samples:
        shown = ", ".join((unmatched + unknown)[:_SHOWN]) or "none"
        raise BadData(
            f"The pattern {pattern!r} matches none of the pictures in {str(root)!r}: {shown}.",
            f"Emotions are {', '.join(EMOTIONS)} and their synonyms.",
        )
    notes = [
        f"skipped because {what}: {len(skipped)} of {len(samples) + len(unmatched) + len(unknown)} pictures, "
        f"such as {', '.join(skipped[:_SHOWN])}"
        for skipped, what in (
            (unmatched, "the pattern does not match"),
            (unknown, "the name contains no known emotion"),
        )
        if skipped
    ]
    unread = sorted(p.relative_to(root).as_posix() for p in files if unread_name(p.name))
    if unread:
        notes.append(f"skipped: {len(unread)} pictures, such as {unread[0]}: {unread_name(unread[0])}")
    return samples, notes
