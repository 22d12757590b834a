"""Joins the files of a run folder into rows: one for each question that should have been answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.components.metric import Floats, Scores
from harness.reading import Reading, rates_unlabelled, read_reply, truth_of
from harness.store.files import read_lines
from harness.store.runfolder import REPLIES, SAMPLES
from harness.taskspec import Answer
from harness.types import EMOTIONS

_CLUSTERS = ("subject", "prompt_id")
_MAX_GROUPS = 50


@dataclass
class Stored:
    """A run folder in memory: samples by id, draws and replies by what they answer."""

    samples: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """(data, sample id) -> record; the last one written counts."""
    draws: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Image request id -> reply of the generator."""
    path: Path = Path()

    def replies(self) -> Iterable[dict[str, Any]]:
        """The judges' replies to pictures as they are now; one for each request, the first counts."""
        for reply in read_lines(self.path / REPLIES):
            if "outcome" not in reply:
                sample = self.samples.get((reply["data"], reply["sample_id"]))
                if sample is not None and sample.get("digest") == reply["picture"]:
                    yield reply


def read_stored(path: Path) -> Stored:
    """Read samples and draws; replies are streamed when they are scored."""
    stored = Stored(path=path)
    for sample in read_lines(path / SAMPLES):
        stored.samples[sample["data"], sample["id"]] = sample
    for reply in read_lines(path / REPLIES):
        if "outcome" in reply:
            stored.draws[reply["id"]] = reply
    return stored


@dataclass
class Rows:
    """The answers to one question by one judge, ready to be scored. Parallel lists, one entry a row."""

    answer: Answer
    truths: list[str | float | None] = field(default_factory=list)
    readings: list[float] = field(default_factory=list)
    """Code of the option read, or the rating; NaN where the reply could not be read."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)
    """Why a reply could not be read; empty where it could, None where there is no reply."""
    repeats: list[int] = field(default_factory=list)

    def add(
        self, sample: dict[str, Any], truth: str | float | None, reading: Reading, repeat: int = 0
    ) -> None:
        """Add one answered question."""
        self._append(sample, truth, reading.value, reading.reason, repeat)

    def add_missed(self, sample: dict[str, Any], truth: str | float) -> None:
        """Add a portrait that the generator did not deliver: it cannot show what was asked."""
        self._append(sample, truth, None, None, 0)

    def _append(
        self,
        sample: dict[str, Any],
        truth: str | float | None,
        value: str | float | None,
        reason: str | None,
        repeat: int,
    ) -> None:
        if value is None:
            code = float("nan")
        else:
            code = float(self.answer.options.index(value)) if isinstance(value, str) else float(value)
        self.samples.append(sample)
        self.truths.append(truth)
        self.readings.append(code)
        self.reasons.append("" if value is not None else reason)
        self.repeats.append(repeat)

    @property
    def answered(self) -> int:
        """How many rows have a reply, readable or not."""
        return sum(r is not None for r in self.reasons)

    @property
    def unparsed(self) -> dict[str, int]:
        """Reason -> count of the replies that could not be read."""
        counts = Counter(r for r in self.reasons if r)
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def select(self, chosen: Iterable[int]) -> Rows:
        """The rows of these numbers, in this order."""
        chosen = list(chosen)
        return Rows(self.answer, *([column[i] for i in chosen] for column in  # type: ignore[arg-type]
                                   (self.truths, self.readings, self.samples, self.reasons, self.repeats)))  # fmt: skip

    def sorted(self) -> Rows:
        """The same rows in an order that does not depend on when they were answered."""
        return self.select(
            sorted(range(len(self.samples)), key=lambda i: (self.samples[i]["id"], self.repeats[i]))
        )

    def scores(self, cluster: str) -> Scores:
        """The arrays that metrics take. `cluster` names the column that is resampled ("" for the default)."""
        answer = self.answer
        if answer.kind == "choice":
            truth = np.array([float(answer.options.index(str(t))) for t in self.truths])
        else:
            truth = np.array([np.nan if t is None else float(t) for t in self.truths])
        emotions = [EMOTIONS.index(s["emotion"]) if s["emotion"] in EMOTIONS else -1 for s in self.samples]
        column = cluster or next(
            (c for c in _CLUSTERS if any(s["attributes"].get(c) for s in self.samples)), ""
        )
        units = codes(s["attributes"].get(column) or s["id"] for s in self.samples)
        return Scores(
            kind=answer.kind, truth=_floats(truth), read=_floats(np.array(self.readings)), cluster=units,
            emotion=np.array(emotions, np.int64), options=answer.options, emotions=EMOTIONS, low=answer.low,
            high=answer.low + len(answer.options) - 1)  # fmt: skip

    def groups(self, columns: Sequence[str]) -> list[tuple[dict[str, str], npt.NDArray[np.bool_]]]:
        """A mask for each value of each column that the data have; columns with very many values are left out."""
        found = []
        for column in columns:
            values = [_value(s, column) for s in self.samples]
            distinct = sorted({v for v in values if v is not None}, key=_order)
            if 0 < len(distinct) <= _MAX_GROUPS:
                found += [({column: v}, np.array([x == v for x in values])) for v in distinct]
        return found


def _floats(values: npt.NDArray[Any]) -> Floats:
    return values.astype(np.float64).reshape(-1)


def codes(values: Iterable[Hashable]) -> npt.NDArray[np.int64]:
    """Whole numbers from 0 for distinct values, in order of appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(v, len(numbers)) for v in values], np.int64)


def _value(sample: Mapping[str, Any], column: str) -> str | None:
    value = (
        sample[column] if column in ("emotion", "intensity", "quality") else sample["attributes"].get(column)
    )
    if value is None or value == "":
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def _order(value: str) -> tuple[int, float, str]:
    if value in EMOTIONS:
        return (0, EMOTIONS.index(value), value)
    try:
        return (1, float(value), value)
    except ValueError:
        return (2, 0.0, value)


Key = tuple[str, str, str, str]
"""Question, judge, data, wording."""


def collect(stored: Stored, asked: Mapping[Key, tuple[Answer, str]]) -> dict[Key, Rows]:
    """Read every reply once. `asked` maps each key to its answer and the way to read."""
    rows = {key: Rows(answer) for key, (answer, _) in asked.items()}
    seen: set[int] = set()
    for reply in stored.replies():
        key = (reply["task"], reply["by"], reply["data"], reply["wording"])
        identity = hash((*key, reply["sample_id"], reply["repeat"]))
        if key not in asked or identity in seen:
            continue
        seen.add(identity)
        answer, way = asked[key]
        sample = stored.samples[reply["data"], reply["sample_id"]]
        truth = truth_of(answer, sample)
        if truth is not None or rates_unlabelled(answer, sample):
            shown = sample["shown"].get(reply["task"], answer.options)
            rows[key].add(sample, truth, read_reply(reply, answer, shown, way), reply["repeat"])
    return rows
