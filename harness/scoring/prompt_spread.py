"""How much a metric value depends on the prompt variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def add_spread(entries: Sequence[dict[str, Any]]) -> None:
    """Give each entry of a task and data set that were asked in several wordings the spread over these."""
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in entries:
        if entry["wording"] is not None:
            alike.setdefault((entry["task"], entry["data"]["name"]), []).append(entry)
    for group in alike.values():
        spread = _spread(group)
        for entry in group:
            entry["wordings"] = spread


def _spread(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The primary figure of each wording; the least, the greatest, and their standard deviation (n - 1)."""
    main = {e["wording"]: next(m for m in e["metrics"] if m["primary"]) for e in entries}
    values = {variant: figure["value"] for variant, figure in main.items()}
    found = [v for v in values.values() if v is not None]
    return {
        "metric": next(iter(main.values()))["name"],
        "values": values,
        "min": min(found, default=None),
        "max": max(found, default=None),
        "sd": float(np.std(found, ddof=1)) if len(found) > 1 else None,
    }
