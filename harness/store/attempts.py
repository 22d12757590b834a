"""The attempts of a run in its `run.json`: when, how and on what it was asked, where that changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.store.regular import open_to_read

OF_ATTEMPT = ("created", "versions", "hardware", "git", "command")
"""The keys of `run.json` that belong to an attempt; at the top of the document they are those of the first."""
_CHANGES = ("versions", "hardware")
"""An attempt is listed if one of these differs from the attempt before."""


def attempt_of(run: Mapping[str, Any], replies: int) -> dict[str, Any]:
    """The entry of an attempt that began when the folder held so many replies."""
    return {**{key: run[key] for key in OF_ATTEMPT if key in run}, "replies": replies}


def attempts_after(stored: Mapping[str, Any], run: Mapping[str, Any], replies: Path) -> list[dict[str, Any]]:
    """The attempts of a stored run with this one, if it differs from the last."""
    attempts = list(stored.get("attempts") or [attempt_of(stored, 0)])
    if any(attempts[-1].get(key) != run.get(key) for key in _CHANGES):
        attempts.append(attempt_of(run, count_lines(replies)))
    return attempts


def answering_attempts(attempts: list[Mapping[str, Any]], replies: int) -> list[Mapping[str, Any]]:
    """The attempts that stored a reply; `replies`: how many the folder holds now."""
    begins = [int(attempt.get("replies") or 0) for attempt in attempts]
    ends = [*begins[1:], replies]
    return [attempt for attempt, begin, end in zip(attempts, begins, ends, strict=True) if end > begin]


def count_lines(path: Path) -> int:
    """The complete lines of a file; 0 if there is none."""
    try:
        with open_to_read(path) as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except FileNotFoundError:
        return 0
