"""Packs the answers of a page into a number of bytes: what does not fit is shortened, and the page says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.report.answers import Answers
from harness.report.payload import Codes, Column, Numbers, Packer, shortened

MAX_LABEL = 400
"""Characters of a label, option, reason or attribute."""
MANY = 1000
"""An attribute with more distinct values than this is left out first."""
_TRIAL, _BEST = 6, 9
"""Levels of gzip, to find what fits and for the page."""
_WHOLE = ("reply", "asked", "prompt", "refusal")
"""Texts that are as long as space allows; others are labels."""


@dataclass(frozen=True)
class Packed:
    """What the page holds of the answers."""

    data: bytes
    notes: list[str]
    """What is left out or shortened to keep the page small."""


@dataclass(frozen=True)
class _Limits:
    """How much of the answers is packed."""

    text: int | None = None
    """Characters of a reply or prompt; None for all."""
    right: int | None = None
    """Characters of a reply that was read as the right answer: these are looked at least."""
    decimals: int = 3
    """Of probabilities; 0 leaves them out."""
    many: bool = True
    """Whether attributes with many values are kept."""


def _steps() -> Iterator[_Limits]:
    """What is packed, less and less."""
    limits = _Limits()
    yield limits
    for change in (
        {"text": 4000}, {"decimals": 2}, {"text": 1000}, {"right": 120}, {"many": False}, {"text": 300},
        {"right": 40}, {"decimals": 0}, {"text": 100}, {"right": 0}, {"text": 40},
    ):  # fmt: skip
        limits = replace(limits, **change)
        yield limits


def pack(answers: Answers, links: Sequence[str], meta: Mapping[str, Any], limit: int) -> Packed:
    """Pack tables into at most `limit` bytes, as far as shortening texts and probabilities can do it."""
    rows, samples = _labels_cut(answers.columns()), _labels_cut(answers.sample_columns())
    packer, notes = Packer(), list[str]()
    for limits in _steps():
        packer, notes = Packer(), []
        packer.add_table("rows", _rows(rows, limits, notes))
        packer.add_table("samples", _samples(samples, limits, notes))
        packer.add_table("pictures", {"link": Codes(links)})
        if len(packer.packed(meta, _TRIAL)) <= limit:
            break
    return Packed(packer.packed(meta, _BEST), notes)


def _labels_cut(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {
        name: column.cut(MAX_LABEL)
        if isinstance(column, Codes) and name not in (*_WHOLE, "shown")
        else column
        for name, column in columns.items()
    }


def _rows(columns: Mapping[str, Column], limits: _Limits, notes: list[str]) -> dict[str, Column]:
    found = _texts_cut(columns, limits, notes)
    reply, state = columns["reply"], columns["state"]
    assert isinstance(reply, Codes)
    assert isinstance(state, Codes)
    if limits.right is not None and limits.text is not None:
        least = min(limits.right, limits.text)
        cut = [
            shortened(text, least if right == "right" else limits.text)
            for text, right in zip(reply, state, strict=True)
        ]
        found["reply"] = Codes(cut)
        notes.append(f"Replies that were read as right are shortened to {least:,} characters.")
    scores = [name for name in columns if name.startswith("score_")]
    for name in scores:
        column = columns[name]
        assert isinstance(column, Numbers)
        if limits.decimals == 0:
            del found[name]
        else:
            found[name] = Numbers(column.values, 10**-limits.decimals)
    if scores and limits.decimals < 3:
        notes.append("Probabilities have two decimals." if limits.decimals else "Probabilities are left out.")
    return found


def _samples(columns: Mapping[str, Column], limits: _Limits, notes: list[str]) -> dict[str, Column]:
    found = _texts_cut(columns, limits, [])
    many = [
        name
        for name, column in columns.items()
        if name.startswith("a:") and isinstance(column, Codes) and len(column.values) > MANY
    ]
    if limits.many or not many:
        return found
    for name in many:
        del found[name]
    notes.append(f"Columns with many values are left out: {', '.join(name[2:] for name in many)}.")
    return found


def _texts_cut(columns: Mapping[str, Column], limits: _Limits, notes: list[str]) -> dict[str, Column]:
    found = dict(columns)
    if limits.text is None:
        return found
    longest = 0
    for name in _WHOLE:
        column = columns.get(name)
        if isinstance(column, Codes):
            longest = max(longest, max(map(len, column.values), default=0))
            found[name] = column.cut(limits.text)
    if longest > limits.text:
        notes.append(f"Replies and prompts are shortened to {limits.text:,} characters.")
    return found
