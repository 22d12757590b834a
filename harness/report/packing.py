"""Packs the answers of a page into a number of bytes: what does not fit is shortened, and the page says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.answers import Answers
from harness.report.payload import Codes, Column, Numbers, Packer

MAX_LABEL = 400
"""Characters of a label, option, reason or attribute."""
MANY = 1000
"""An attribute with more distinct values than this is left out first."""
_WHOLE = ("reply", "asked", "prompt", "refusal")
"""Texts that are as long as space allows; others are labels."""


@dataclass(frozen=True)
class Packed:
    """What the page holds of the answers."""

    data: bytes
    notes: list[str]
    """What is left out or shortened to keep the page small."""


Tables = dict[str, dict[str, Column]]


def pack(answers: Answers, links: Sequence[str], meta: Mapping[str, Any], limit: int) -> Packed:
    """Pack tables into at most `limit` bytes, as far as shortening texts and probabilities can do it."""
    tables: Tables = {
        "rows": _labels_cut(answers.columns()),
        "samples": _labels_cut(answers.sample_columns()),
        "pictures": {"link": Codes(links)},
    }
    data, notes = _packed(tables, meta), list[str]()
    for reduce in _reductions():
        if len(data) <= limit:
            break
        note = reduce(tables)
        if note:
            # A later, shorter cut replaces the note of an earlier one.
            notes = [old for old in notes if old.split(" ")[0] != note.split(" ")[0]] + [note]
            data = _packed(tables, meta)
    return Packed(data, notes)


def _packed(tables: Tables, meta: Mapping[str, Any]) -> bytes:
    packer = Packer()
    for name, columns in tables.items():
        packer.add_table(name, columns)
    return packer.packed(meta)


def _labels_cut(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {
        name: column.cut(MAX_LABEL)
        if isinstance(column, Codes) and name not in (*_WHOLE, "shown")
        else column
        for name, column in columns.items()
    }


def _reductions() -> Iterator[Callable[[Tables], str]]:
    """What is done to make the page smaller, one after another; each returns what it did."""
    yield lambda tables: _cut(tables, 4000)
    yield _coarser
    yield lambda tables: _cut(tables, 1000)
    yield _without_long_attributes
    yield lambda tables: _cut(tables, 300)
    yield _without_scores
    yield lambda tables: _cut(tables, 100)
    yield lambda tables: _cut(tables, 40)


def _cut(tables: Tables, limit: int) -> str:
    longest = 0
    for table in tables.values():
        for name in _WHOLE:
            column = table.get(name)
            if isinstance(column, Codes):
                longest = max(longest, max(map(len, column.values), default=0))
                table[name] = column.cut(limit)
    return f"Replies and prompts are shortened to {limit:,} characters." if longest > limit else ""


def _coarser(tables: Tables) -> str:
    found = [column for name, column in tables["rows"].items() if name.startswith("score_")]
    for column in found:
        assert isinstance(column, Numbers)
        column.scale = 0.01
    return "Probabilities have two decimals." if found else ""


def _without_scores(tables: Tables) -> str:
    found = [name for name in tables["rows"] if name.startswith("score_")]
    for name in found:
        del tables["rows"][name]
    return "Probabilities are left out." if found else ""


def _without_long_attributes(tables: Tables) -> str:
    samples = tables["samples"]
    found = [
        name
        for name, c in samples.items()
        if name.startswith("a:") and isinstance(c, Codes) and len(c.values) > MANY
    ]
    for name in found:
        del samples[name]
    return (
        f"Columns of the data with many values are left out: {', '.join(name[2:] for name in found)}."
        if found
        else ""
    )
