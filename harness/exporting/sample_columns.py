"""The rows of a run as records and as flat columns: the same fields under the same names in every format."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.errors import RunMismatch
from harness.exporting.samples import SampleRow
from harness.scoring.run_record import RunRecord, answer_of
from harness.store.files import read_lines
from harness.store.replies import judge_replies
from harness.store.runfolder import GENERATE_ONLY, SAMPLES, intact, read_run

Kind = Literal["text", "texts", "number", "count"]
Cell = str | float | int | list[str] | None

FIXED: Mapping[str, Kind] = {
    "task": "text",
    "data": "text",
    "question": "text",
    "model": "text",
    "judge": "text",
    "prompt_variant": "text",
    "repeat": "count",
    "sample": "text",
    "order": "text",
    "emotion": "text",
    "intensity": "number",
    "quality": "number",
    "truth": "text",
    "truth_number": "number",
    "answer": "text",
    "answer_number": "number",
    "state": "text",
    "error": "number",
    "how": "text",
    "read_as": "text",
    "reason": "text",
    "shown": "texts",
    "reply": "text",
    "refusal": "text",
    "answer_mode": "text",
    "outcome": "text",
    "picture": "text",
    "second_picture": "text",
    "digest": "text",
    "failure.kind": "text",
    "failure.message": "text",
}
"""The columns that every run has. Truth and answer are texts; those of ratings are also numbers."""
GROUPS: Mapping[str, Kind] = {"score": "number", "usage": "number", "timing": "number", "attribute": "text"}
"""Columns GROUP.NAME for each name that the run has: options, what replies say that they used, columns of the data."""
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class SampleColumns:
    """Which columns the rows of a run have. A text that does not exist is "", a number None."""

    score: tuple[str, ...] = ()
    """The options that have probabilities."""
    usage: tuple[str, ...] = ()
    timing: tuple[str, ...] = ()
    attribute: tuple[str, ...] = ()
    thought: bool = False
    """Whether a reply has a thought: a column of its own."""

    @classmethod
    def of_run(cls, run: Path) -> SampleColumns:
        """The columns of a run, from what was asked, its samples and what its replies report. Parses no reply."""
        with intact(run):
            document = read_run(run)
            if document["request"]["role"] == GENERATE_ONLY:
                return cls()
            record = RunRecord.parse(document)
            options: set[str] = set()
            for modes in record.answer_modes.values():
                asked = [
                    name
                    for name, mode in modes.items()
                    if mode in ("logprobs", "reasoned") and name in record.questions
                ]
                options.update(
                    option for name in asked for option in answer_of(record.questions[name]).options
                )
            attributes: dict[str, None] = {}
            for line in read_lines(run / SAMPLES):
                if record.selected is None or line["id"] in record.selected.get(line["data"], ()):
                    attributes |= dict.fromkeys(line["attributes"])
            usage: set[str] = set()
            timing: set[str] = set()
            thought = False
            for reply in judge_replies(run):
                usage.update(_numbers(reply.get("usage")))
                timing.update(_numbers(reply.get("timings")))
                thought = thought or bool(reply.get("thought"))
        # Options are shuffled and replies come in any order; the columns of the data have one of their own.
        return cls(
            tuple(sorted(options)), tuple(sorted(usage)), tuple(sorted(timing)), tuple(attributes), thought
        )

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Column -> kind of its cells, in order."""
        more = {f"{g}.{name}": kind for g, kind in GROUPS.items() for name in getattr(self, g)}
        thought: dict[str, Kind] = {"thought": "text"} if self.thought else {}
        return {_utf8(name): kind for name, kind in {**FIXED, **thought, **more}.items()}

    @cached_property
    def _names(self) -> dict[str, dict[str, Cell]]:
        """For each group its names, with what stands where a row has no value."""
        return {
            group: dict.fromkeys(getattr(self, group), "" if kind == "text" else None)
            for group, kind in GROUPS.items()
        }

    def cells(self, row: SampleRow) -> list[Cell]:
        """The cells of a row, in the order of `kinds`."""
        fixed = _fixed(row)
        cells: list[Cell] = [fixed[name] for name in FIXED] + ([_utf8(row.thought)] if self.thought else [])
        for group, values in _groups(row).items():
            names = self._names[group]
            if not values.keys() <= names.keys():
                new = sorted(values.keys() - names.keys())[0]
                raise RunMismatch(
                    f"The run was written to while it was read: {group} {new!r} is new.",
                    "Export it once the run is over.",
                )
            cells += [values.get(name, missing) for name, missing in names.items()]
        return cells

    def record(self, row: SampleRow) -> dict[str, Any]:
        """The row as JSON values: GROUP.NAME is nested. Groups without any column are left out."""
        record: dict[str, Any] = {}
        nested: dict[str, dict[str, Cell]] = {group: {} for group in self._nested}
        for (group, name), cell in zip(self._paths, self.cells(row), strict=True):
            (nested[group] if group else record)[name] = cell
        return record | nested

    @cached_property
    def _paths(self) -> list[tuple[str, str]]:
        """For each column the object that it is in ("" for none), and its name there."""
        split = (name.partition(".") for name in self.kinds)
        return [(before, after) if dot else ("", before) for before, dot, after in split]

    @cached_property
    def _nested(self) -> list[str]:
        return [group for group in dict.fromkeys(group for group, _ in self._paths) if group]


def _fixed(row: SampleRow) -> dict[str, Cell]:
    kind, message = row.failure or ("", "")
    return {
        "task": row.task,
        "data": _utf8(row.data),
        "question": row.question,
        "model": _utf8(row.model),
        "judge": _utf8(row.judge),
        "prompt_variant": row.prompt_variant,
        "repeat": row.repeat,
        "sample": _utf8(row.sample),
        "order": row.order,
        "emotion": row.emotion or "",
        "intensity": row.intensity,
        "quality": row.quality,
        "truth": _as_text(row.truth),
        "truth_number": row.truth if isinstance(row.truth, float) else None,
        "answer": _as_text(row.answer),
        "answer_number": row.answer if isinstance(row.answer, float) else None,
        "state": row.state,
        "error": row.error,
        "how": row.how,
        "read_as": row.read_as,
        "reason": _utf8(row.reason),
        "shown": [_utf8(option) for option in row.shown],
        "reply": _utf8(row.reply),
        "refusal": _utf8(row.refusal),
        "answer_mode": row.answer_mode,
        "outcome": row.outcome,
        "picture": _utf8(row.picture),
        "second_picture": _utf8(row.second_picture),
        "digest": row.digest,
        "failure.kind": _utf8(kind),
        "failure.message": _utf8(message),
    }


def _groups(row: SampleRow) -> dict[str, dict[str, Any]]:
    return {
        "score": dict(row.scores or {}),
        "usage": _numbers(row.usage),
        "timing": _numbers(row.timings),
        "attribute": {name: _utf8(value) for name, value in row.attributes.items()},
    }


def _numbers(values: Any) -> dict[str, float]:
    """The numbers of what a reply used: plugins may store anything else, which no sum counts either."""
    if not isinstance(values, Mapping):
        return {}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def _as_text(value: str | float | None) -> str:
    if value is None:
        return ""
    return _utf8(value) if isinstance(value, str) else f"{value:.10g}"


def _utf8(text: str) -> str:
    """Text that can be encoded: a lone surrogate becomes the replacement character."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
