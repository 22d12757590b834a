"""A run folder in memory, compact: a benchmark may have very many samples."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from harness.scoring.served import ServedCounts
from harness.store.files import read_lines
from harness.store.replies import JUDGE_KEYS, judge_replies, latest_image_replies
from harness.store.runfolder import SAMPLES

SAMPLE_KEYS = frozenset({"id", "data", "emotion", "intensity", "quality", "attributes", "shown"})
"""What every line of `samples.jsonl` has."""


class StoredSample(NamedTuple):
    """One line of `samples.jsonl`. Equal values are shared between samples."""

    number: int
    """0, 1, 2, ... in the order of the file."""
    id: str
    picture: int
    """Hash of the picture's digest."""
    emotion: str | None
    intensity: float | None
    quality: float | None
    attributes: Mapping[str, str]
    shown: Mapping[str, tuple[str, ...]]
    """Question -> options in the order shown, for questions that are choices."""
    tasks: tuple[str, ...]
    """Generator runs: the tasks that asked for this portrait."""
    pair: tuple[int, ...] = ()
    """Questions about two pictures: the hash of each one's digest."""
    question: str = ""
    """Of a sample for one of several emotions: the question that asks about each of them. "" for others."""

    @property
    def pictures(self) -> tuple[int, ...]:
        """The hashes of the digests of what is shown."""
        return self.pair or (self.picture,)


@dataclass
class StoredRun:
    """Samples by data set and id; replies are streamed from the file."""

    path: Path
    samples: dict[str, dict[str, StoredSample]] = field(default_factory=dict)
    count: int = 0
    """How many lines were read; numbers are below it."""
    served: ServedCounts = field(default_factory=ServedCounts)
    """What servers said they served, of the replies that were scored so far."""

    @cached_property
    def images(self) -> dict[str, dict[str, Any]]:
        """Image request id -> reply of the generator."""
        return latest_image_replies(self.path)

    def outcome(self, sample: StoredSample) -> str:
        """What became of the request for a portrait."""
        reply = self.images.get(sample.id)
        return str(reply["outcome"]) if reply else "error"

    def replies(self) -> Iterable[tuple[dict[str, Any], StoredSample]]:
        """The judges' replies to pictures as they are now, with their samples."""
        for reply in judge_replies(self.path, JUDGE_KEYS):
            sample = self.samples.get(reply["data"], {}).get(reply["sample_id"])
            if sample is not None and sample.picture == hash(reply["picture"]):
                yield reply, sample

    def everything(self) -> Iterable[StoredSample]:
        """All samples of all data sets."""
        for samples in self.samples.values():
            yield from samples.values()


def read_stored(path: Path, selected: Mapping[str, Collection[str]] | None = None) -> StoredRun:
    """Read the samples, or those `selected` (data set -> ids). If one is duplicated, its last line counts."""
    stored, shared = StoredRun(path), _Shared()
    for line in read_lines(path / SAMPLES, needs=SAMPLE_KEYS):
        if selected is not None and line["id"] not in selected.get(line["data"], ()):
            continue
        stored.samples.setdefault(line["data"], {})[line["id"]] = shared.sample(line, stored.count)
        stored.count += 1
    return stored


MAX_SHARED = 100_000
"""Equal values are shared among this many: where nearly all differ, remembering more would cost more than it saves."""


class _Shared:
    """Makes samples that share their equal values."""

    def __init__(self) -> None:
        self._numbers: dict[float, float] = {}
        self._attributes: dict[Any, dict[str, str]] = {}
        self._shown: dict[Any, dict[str, tuple[str, ...]]] = {}
        self._orders: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._tasks: dict[tuple[str, ...], tuple[str, ...]] = {}

    def sample(self, line: Mapping[str, Any], number: int) -> StoredSample:
        """One line of `samples.jsonl`, the `number`th."""
        emotion, tasks = line["emotion"], tuple(line.get("tasks", ()))
        pictures = line.get("pictures")
        return StoredSample(
            number,
            line["id"],
            hash(line.get("digest")),
            None if emotion is None else intern(emotion),
            self._number(line["intensity"]),
            self._number(line["quality"]),
            self._attributes_of(line["attributes"]),
            self._shown_of(line["shown"]),
            self._tasks.setdefault(tasks, tasks),
            tuple([hash(picture["digest"]) for picture in pictures]) if pictures else (),
            intern(line.get("question", "")),
        )

    def _number(self, value: float | None) -> float | None:
        if value is None:
            return None
        known = self._numbers
        return known.setdefault(value, value) if len(known) < MAX_SHARED else known.get(value, value)

    def _attributes_of(self, given: Mapping[str, str]) -> dict[str, str]:
        key = tuple(given.items())
        found = self._attributes.get(key)
        if found is None:
            found = {intern(k): intern(v) for k, v in given.items()}
            if len(self._attributes) < MAX_SHARED:
                self._attributes[key] = found
        return found

    def _shown_of(self, given: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        key = tuple([(question, *order) for question, order in given.items()])
        found = self._shown.get(key)
        if found is None:
            found = {intern(question): self._order(tuple(order)) for question, order in given.items()}
            if len(self._shown) < MAX_SHARED:
                self._shown[key] = found
        return found

    def _order(self, given: tuple[str, ...]) -> tuple[str, ...]:
        return self._orders.setdefault(given, tuple(map(intern, given)))
