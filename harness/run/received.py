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

_ENGINE = "a fault of the judge or its engine"
_PLAIN = frozenset({str, float, int, bool, type(None)})
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
    if type(value) in _PLAIN:
        return value
    if type(value) is dict or isinstance(value, Mapping):
        return {
            k if type(k) is str else json_value(k): v if type(v) in _PLAIN else json_value(v)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [json_value(v) for v in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, type) or not callable(getattr(value, "tolist", None)):
        return value
    found = value.tolist()
    return json_value(found) if isinstance(found, list) else found


MOST_SERVED, LONGEST_SERVED = 10, 200
"""Entries of what a server says it served, and characters of each key and value."""


def served_record(served: object) -> dict[str, str] | None:
    """What a server says it served, in order of its keys; None if it says nothing.

    Raises `TypeError` or `ValueError`, with what is wrong, for anything but a few short texts.
    """
    if served is None:
        return None
    if not isinstance(served, Mapping):
        raise TypeError(f"served is {type(served).__name__}")
    if len(served) > MOST_SERVED:
        raise ValueError(f"served has {len(served)} entries, and at most {MOST_SERVED} are stored")
    for key, value in served.items():
        for part in (key, value):
            if not isinstance(part, str):
                raise TypeError(f"served holds {type(part).__name__}, and only texts are stored")
            if len(part) > LONGEST_SERVED:
                raise ValueError(f"served holds a text of more than {LONGEST_SERVED} characters")
    return {str.__str__(key): str.__str__(served[key]) for key in sorted(served)} or None


def judge_fields(reply: JudgeReply) -> tuple[dict[str, Any], str]:
    """The fields of a reply that are set, as JSON values, and what is wrong with them ("" if nothing is)."""
    fields: dict[str, Any] = {}
    for name, kinds in _KINDS.items():
        given = getattr(reply, name)
        if given is None:
            continue
        try:
            value = json_value(given)
        except Exception as e:  # it may hold objects of any kind
            return {}, f"{name} cannot be read: {type(e).__name__}: {e}"
        if not isinstance(value, kinds):
            return {}, f"{name} is {type(given).__name__}"
        if value or name != "extra":
            fields[name] = value
    try:
        served = served_record(reply.served)
    except Exception as e:  # it may be an object of any kind
        return {}, str(e) if isinstance(e, (TypeError, ValueError)) else f"served cannot be read: {e}"
    if served is not None:
        fields["served"] = served
    rating = fields.get("rating", 0)
    if not _finite(rating):
        return {}, f"rating is {rating}, {_ENGINE}"
    if "scores" in fields:
        scores = fields["scores"] = {
            k: MIN_LOG_PROBABILITY if v == -math.inf else v for k, v in fields["scores"].items()
        }
        for option, value in scores.items():
            if not _finite(value):
                return {}, f"the score of {option!r} is {value}, {_ENGINE}"
    return fields, ""


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
