"""A run folder in memory, compact: a benchmark may have very many samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any

from harness.store.files import read_lines
from harness.store.runfolder import REPLIES, SAMPLES


@dataclass(frozen=True, slots=True)
class StoredSample:
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


@dataclass
class Stored:
    """Samples by data set and id, draws by request id; replies are streamed from the file."""

    path: Path
    samples: dict[str, dict[str, StoredSample]] = field(default_factory=dict)
    draws: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Image request id -> reply of the generator."""
    count: int = 0
    """How many lines were read; numbers are below it."""

    def replies(self) -> Iterable[tuple[dict[str, Any], StoredSample]]:
        """The judges' replies to pictures as they are now, with their samples."""
        for reply in read_lines(self.path / REPLIES):
            if "outcome" not in reply:
                sample = self.samples.get(reply["data"], {}).get(reply["sample_id"])
                if sample is not None and sample.picture == hash(reply["picture"]):
                    yield reply, sample

    def everything(self) -> Iterable[StoredSample]:
        """All samples of all data sets."""
        for samples in self.samples.values():
            yield from samples.values()


def read_stored(path: Path) -> Stored:
    """Read samples and draws. Of a sample that stands there twice, the last line counts."""
    stored = Stored(path)
    shared: dict[Any, Any] = {}
    for line in read_lines(path / SAMPLES):
        stored.samples.setdefault(line["data"], {})[line["id"]] = _sample(line, stored.count, shared)
        stored.count += 1
    for reply in read_lines(path / REPLIES, holding=b'"outcome"'):
        if "outcome" in reply:
            stored.draws[reply["id"]] = reply
    return stored


def _sample(line: Mapping[str, Any], number: int, shared: dict[Any, Any]) -> StoredSample:
    def share(key: Any, value: Any) -> Any:
        return shared.setdefault(key, value)

    def text(value: str | None) -> str | None:
        return None if value is None else intern(value)

    attributes = {intern(k): intern(v) for k, v in line["attributes"].items()}
    shown = {intern(q): share(("shown", *o), tuple(map(intern, o))) for q, o in line["shown"].items()}
    tasks = tuple(line.get("tasks", ()))
    return StoredSample(
        number, line["id"], hash(line.get("digest")), text(line["emotion"]),
        share(line["intensity"], line["intensity"]), share(line["quality"], line["quality"]),
        share(("attributes", *sorted(attributes.items())), attributes),
        share(("by question", *shown.items()), shown), share(("tasks", *tasks), tasks),
    )  # fmt: skip
