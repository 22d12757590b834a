"""Sums of what answering and generating used: tokens, cost, seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.numbers import is_amount

_ENDLESS = 1e100


def reply_cost(record: Mapping[str, Any]) -> float | None:
    """What a stored reply cost, in the unit of the prices that were given; None if it does not say."""
    extra = record.get("extra")
    for holder in (record, extra):
        usage = holder.get("usage") if isinstance(holder, Mapping) else None
        cost = usage.get("cost") if isinstance(usage, Mapping) else None
        if is_amount(cost):
            return float(cost)
    return None


def add_up(total: dict[str, float], part: Mapping[str, Any] | None) -> None:
    """Add the numbers of `part` to those of `total`, key by key."""
    if part is not None and isinstance(part, Mapping):  # plugins may store anything under "usage"
        for key, value in part.items():
            # Sums of amounts, which may be larger than one amount, are added up, too.
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _ENDLESS:
                total[key] = total.get(key, 0) + value


def totals(parts: Iterable[Mapping[str, Any] | None], digits: int) -> dict[str, float]:
    """Sums over `parts`, rounded, in order of their keys."""
    total: dict[str, float] = {}
    for part in parts:
        add_up(total, part)
    return {key: round(value, digits) for key, value in sorted(total.items())}
