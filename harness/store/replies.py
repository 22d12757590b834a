"""The two kinds of line in `replies.jsonl`: what a judge replied, and what became of an image request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.numbers import usable
from harness.store.files import read_lines
from harness.store.runfolder import REPLIES

JUDGE, GENERATOR = "judge", "generator"


def role_of(record: Mapping[str, Any]) -> str:
    """Who replied: `JUDGE` or `GENERATOR`."""
    # Folders written before replies had a role: only those of generators have an outcome.
    return record.get("role") or (GENERATOR if "outcome" in record else JUDGE)


def judge_replies(folder: Path) -> Iterator[dict[str, Any]]:
    """The judges' replies of a run folder, in the order in which they came."""
    return (usable(record) for record in read_lines(folder / REPLIES) if role_of(record) == JUDGE)


def image_replies(folder: Path) -> Iterator[dict[str, Any]]:
    """The generator's replies of a run folder, in the order in which they came."""
    # All of them have an outcome, which judges' replies seldom mention: most lines need no parsing.
    found = read_lines(folder / REPLIES, containing=b'"outcome"')
    return (usable(record) for record in found if role_of(record) == GENERATOR)
