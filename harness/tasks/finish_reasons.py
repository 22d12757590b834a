"""What the finish reasons of servers and engines mean, in the words of several of them."""

from __future__ import annotations

from typing import Literal

Ending = Literal["cut off", "failed", "filtered"]

_ENDINGS: dict[str, Ending] = {
    "length": "cut off",
    "max_tokens": "cut off",
    "max_output_tokens": "cut off",
    "content_filter": "filtered",
    "error": "failed",
    "failed": "failed",
    "cancelled": "failed",
    "canceled": "failed",
    "abort": "failed",
    "aborted": "failed",
    "insufficient_system_resource": "failed",
}


def ending(reason: object) -> Ending | None:
    """How a reply ended that did not end by itself: at its limit of tokens, by a failure of the server, by a filter."""
    return _ENDINGS.get(reason.lower()) if isinstance(reason, str) else None
