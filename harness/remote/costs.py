"""What replies cost by the prices that are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROMPT = ("prompt_tokens", "input_tokens")
REPLY = ("completion_tokens", "output_tokens")


def with_cost(
    usage: Mapping[str, Any] | None, price_input: float | None, price_output: float | None
) -> Mapping[str, Any] | None:
    """The usage of a reply with its `cost`, by prices per million tokens; as it is if it has one, or if none is known.

    Tokens are counted as `prompt_tokens` and `completion_tokens`, or as `input_tokens` and `output_tokens`.
    """
    if usage is None or "cost" in usage or price_input is None or price_output is None:
        return usage
    prompt, reply = _first(usage, PROMPT), _first(usage, REPLY)
    if prompt is None and reply is None:
        return usage
    return {**usage, "cost": ((prompt or 0) * price_input + (reply or 0) * price_output) / 1e6}


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
            return value
    return None
