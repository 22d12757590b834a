"""The two kinds of line in `replies.jsonl`: what a judge replied, and what became of an image request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from harness.errors import RunMismatch
from harness.numbers import usable
from harness.store.files import read_lines
from harness.store.runfolder import REPLIES

JUDGE, GENERATOR = "judge", "generator"
JUDGE_KEYS = frozenset({"id", "task", "by", "data", "sample_id", "wording", "repeat", "picture"})
IMAGE_KEYS = frozenset({"id", "outcome"})
"""What every reply of each kind has."""


def role_of(record: Mapping[str, Any]) -> str:
    """Who replied: `JUDGE` or `GENERATOR`."""
    # Folders written before replies had a role: only those of generators have an outcome.
    return record.get("role") or (GENERATOR if "outcome" in record else JUDGE)


def judge_replies(folder: Path, needs: Set[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """The judges' replies of a run folder, in the order in which they came.

    Raises `RunMismatch` where one has not the keys `needs`: `JUDGE_KEYS`, or some of them.
    """
    found = read_lines(folder / REPLIES)
    return (usable(_with(record, needs, folder)) for record in found if role_of(record) == JUDGE)


def image_replies(folder: Path, needs: Set[str] = IMAGE_KEYS) -> Iterator[dict[str, Any]]:
    """The generator's replies of a run folder, in the order in which they came."""
    # All of them have an outcome, which judges' replies seldom mention: most lines need no parsing.
    found = read_lines(folder / REPLIES, containing=b'"outcome"')
    return (usable(_with(record, needs, folder)) for record in found if role_of(record) == GENERATOR)


def latest_image_replies(folder: Path) -> dict[str, dict[str, Any]]:
    """The last reply to each image request: an image that was lost is generated again."""
    return {reply["id"]: reply for reply in image_replies(folder)}


def _with(record: dict[str, Any], keys: Set[str], folder: Path) -> dict[str, Any]:
    if not record.keys() >= keys:
        missing = [key for key in keys if key not in record]
        raise RunMismatch(
            f"{folder / REPLIES}: the reply {record['id']!r} has no {min(missing)!r}.",
            f"See `harness verify {folder}`: remove that line, then run again.",
        )
    return record
