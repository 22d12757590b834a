"""JSON as servers send it: numbers of any size, and counts that may be none."""

from __future__ import annotations

import json
from typing import Any

LARGEST = 1e15
"""Counts above it are faults."""
_DIGITS = 300


def parse(text: str) -> Any:
    """The value of a JSON text, with endless numbers for those of hundreds of digits. Raises `ValueError`, `RecursionError`."""
    return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS else float("-inf" if digits[0] == "-" else "inf")


def count(value: object) -> float | None:
    """A number of tokens or of something else; None for what is none, such as NaN, -1 or true."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LARGEST:
        return value
    return None
