"""What metrics of plugins add to a task's results, in fields of their own."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from harness.components.failures import is_interrupt, message_of
from harness.components.metric import Metric, Scores

MOST_CHARACTERS = 100_000
"""Of one metric's fields, as JSON."""


def extension_of(name: str, metric: Metric, scores: Scores) -> tuple[dict[str, Any] | None, str]:
    """The fields that a metric adds, as JSON values; and a warning where they cannot be stored."""
    if type(metric).extension is Metric.extension:
        return None, ""
    try:
        found = metric.extension(scores)
        if found is None:
            return None, ""
        if not isinstance(found, BaseModel):
            return None, f"{name}: extension() returned {type(found).__name__}, not a pydantic model"
        fields: dict[str, Any] = found.model_dump(mode="json")
        size = len(json.dumps(fields, allow_nan=False))
    except BaseException as e:  # it is a plugin's code
        if is_interrupt(e):
            raise
        return None, f"{name}: extension() raised {type(e).__name__}: {message_of(e)}"
    if size > MOST_CHARACTERS:
        return None, f"{name}: extension() has {size:,} characters, and {MOST_CHARACTERS:,} are kept at most"
    return fields, ""
