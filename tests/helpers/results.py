"""Reads metric values and replies from run folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def value(entry: dict[str, Any], name: str, **group: str) -> float:
    """The value of the only metric with this name and group in a task's entry."""
    (found,) = [m for m in entry["metrics"] if m["name"] == name and m["group"] == group]
    return float(found["value"])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def replies(folder: str) -> dict[str, dict[str, Any]]:
    """The stored replies by id."""
    rows = lines(Path(folder, "replies.jsonl"))
    assert len({r["id"] for r in rows}) == len(rows), "no request is answered twice"
    return {r["id"]: r for r in rows}
