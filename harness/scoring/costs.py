"""Sums of what answering and generating used: tokens, cost, seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def reply_cost(record: Mapping[str, Any]) -> float | None:
    """What a stored reply cost, in the unit of the prices that were given; None if it does not say."""
    extra = record.get("extra")
    for holder in (record, extra):
        usage = holder.get("usage") if isinstance(holder, Mapping) else None
        cost = usage.get("cost") if isinstance(usage, Mapping) else None
        if isinstance(cost, (int, float)) and not isinstance(cost, bool):
            return float(cost)
    return None


def add_up(total: dict[str, float], part: Mapping[str, Any] | None) -> None:
    """Add the numbers of `part` to those of `total`, key by key."""
    if isinstance(part, Mapping):  # plugins may store anything under "usage"
        for key, value in part.items():
            if isinstance(value, (int, float)):
                total[key] = total.get(key, 0) + value


def totals(parts: Iterable[Mapping[str, Any] | None], digits: int) -> dict[str, float]:
    """Sums over `parts`, rounded, in order of their keys."""
    total: dict[str, float] = {}
    for part in parts:
        add_up(total, part)
    return {key: round(value, digits) for key, value in sorted(total.items())}
