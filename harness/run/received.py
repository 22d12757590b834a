"""What components give back: their errors apart from our own, and what is in their replies as JSON values."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, TypeVar

from harness.types import JudgeReply

MIN_LOG_PROBABILITY = -9999.0
"""Replaces minus infinity in stored replies, since JSON has none."""

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "scores": dict, "rating": (int, float), "finish_reason": str, "refusal": str, "usage": dict,
    "timings": dict, "extra": dict,
}  # fmt: skip

R = TypeVar("R")


def replies_of(start: Callable[[], Iterable[R]], raised: list[BaseException]) -> Generator[R, None, None]:
    """The replies of a component, from `start`. What the component raises ends them and is put into `raised`.

    What the code that takes the replies raises does not pass through here: it is never taken for the component's
    error, nor replaced by what the component raises while it is closed.
    """
    try:
        yield from start()
    except (Exception, SystemExit) as e:  # a component may fail in any way
        raised.append(e)


def json_value(value: Any) -> Any:
    """The value with scalars and arrays of numpy, torch and the like replaced, at any depth; others stay as they are."""
    if value is None or type(value) in (float, str, int, bool):
        return value
    if isinstance(value, Mapping):
        return {json_value(k): json_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(v) for v in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, type) or not callable(getattr(value, "tolist", None)):
        return value
    found = value.tolist()
    return json_value(found) if isinstance(found, list) else found


def judge_fields(reply: JudgeReply) -> tuple[dict[str, Any], str]:
    """The fields of a reply that are set, as JSON values, and what is wrong with them ("" if nothing is)."""
    try:
        given = {name: getattr(reply, name) for name in _KINDS}
        fields = {name: json_value(value) for name, value in given.items() if value is not None}
    except Exception as e:  # values may be objects of any kind
        return {}, f"its values cannot be read: {type(e).__name__}: {e}"
    for name, value in fields.items():
        if not isinstance(value, _KINDS[name]):
            return {}, f"{name} is {type(given[name]).__name__}"
    if "scores" in fields:
        fields["scores"] = {
            k: MIN_LOG_PROBABILITY if v == -math.inf else v for k, v in fields["scores"].items()
        }
    for name, value in (("rating", fields.get("rating")), *fields.get("scores", {}).items()):
        if isinstance(value, float) and not math.isfinite(value):
            what = "rating" if name == "rating" else f"the score of {name!r}"
            return {}, f"{what} is {value}, a fault of the judge or its engine"
    if not fields.get("extra", True):
        del fields["extra"]
    return fields, ""
