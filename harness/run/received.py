"""What components give back: their errors apart from our own, and what is in their replies as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from harness.components.failures import is_interrupt, message_of
from harness.errors import PluginError
from harness.numbers import amounts, described, is_amount, is_number, storable
from harness.run.watch import Watch
from harness.types import ImageReply, JudgeReply, ReplyError

MIN_LOG_PROBABILITY = -9999.0
"""Replaces minus infinity in stored replies, since JSON has none."""

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "text": str, "scores": dict, "rating": (int, float), "finish_reason": str, "refusal": str, "usage": dict,
    "timings": dict, "extra": dict, "thought": str,
}  # fmt: skip

_ENGINE = "a fault of the judge or its engine"
LONGEST_THOUGHT = 20_000
"""Characters of a thought that are stored: its beginning and its end."""
_PLAIN = frozenset({str, float, int, bool, type(None)})
R = TypeVar("R", JudgeReply, ImageReply)
_A: Mapping[type, str] = {JudgeReply: "a JudgeReply", ImageReply: "an ImageReply"}


def identified(reply: object, expected: type[R]) -> tuple[str, ReplyError | None, R] | str:
    """The id of a reply, its error and the reply; or what is wrong with it, since a component may give any object."""
    try:
        if not isinstance(reply, expected):
            return f"it yielded {type(reply).__name__} instead of {_A[expected]}"
        if type(reply) is not expected:  # A subclass may compute a field, and fail.
            reply = expected(**{name: getattr(reply, name) for name in expected.__dataclass_fields__})
        given, error = reply.id, reply.error
        if not isinstance(given, str):
            return f"it answered {type(given).__name__}, which was not requested"
        return str.__str__(given), None if error is None else as_error(error), reply
    except BaseException as e:
        if is_interrupt(e):
            raise
        return f"its reply cannot be read: {type(e).__name__}: {message_of(e)}"


def as_error(error: Any) -> ReplyError:
    """The error of a reply as a record of texts, whatever a component put there."""
    if isinstance(error, ReplyError):
        kind, message, hint = (message_of(value or "") for value in (error.kind, error.message, error.hint))
        return ReplyError(kind, message, error.retryable is not False, hint)
    return ReplyError("error", message_of(error))


MOST_UNASKED, SHOWN_FAULTS = 1000, 100
"""Replies in one attempt that nobody asked for, and how many of them are described."""


class Unasked:
    """Replies that nobody asked for. A component that yields them without end is stopped."""

    def __init__(self, by: str, faults: list[str]) -> None:
        """`faults` receives a line for each."""
        self._by, self._faults, self._count = by, faults, 0

    def add(self, fault: str) -> None:
        """Count one. Raises `PluginError` where there are too many."""
        self._count += 1
        if self._count <= SHOWN_FAULTS:
            self._faults.append(fault)
        if self._count >= MOST_UNASKED:
            raise PluginError(
                f"Stopped: {self._by} gave {self._count} replies that nobody asked for; the last: {fault}.",
                "Report it to the plugin's authors. What was answered is kept.",
            )


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
MOST_NAMED = 20
"""Names of numbers that are reported as left out."""


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


def judge_fields(reply: JudgeReply, left_out: set[str] | None = None) -> tuple[dict[str, Any], str]:
    """The fields of a reply that are set, as JSON values, and what is wrong with them ("" if nothing is).

    A rating or a score that is no usable number is wrong. In `usage`, `timings` and `extra` such a number is left out, and
    its name is added to `left_out`: it is no reason to lose an answer.
    """
    fields: dict[str, Any] = {}
    for name, kinds in _KINDS.items():
        given = getattr(reply, name)
        if given is None:
            continue
        try:
            value = given if type(given) in _PLAIN else json_value(given)
            if name in ("usage", "timings", "extra"):
                value = used_numbers(name, value, left_out)
        except Exception as e:  # it may hold objects of any kind
            if name == "extra" and isinstance(e, RecursionError):
                _leave_out("extra", left_out)
                continue
            return {}, f"{name} cannot be read: {type(e).__name__}: {e}"
        if not isinstance(value, kinds) or isinstance(value, bool):
            return {}, f"{name} is {type(given).__name__}"
        if name == "thought":
            value = bounded_thought(value) if isinstance(value, str) else value
        if value or name not in ("extra", "thought"):
            fields[name] = value
    try:
        served = served_record(reply.served)
    except Exception as e:  # it may be an object of any kind
        return {}, str(e) if isinstance(e, (TypeError, ValueError)) else f"served cannot be read: {e}"
    if served is not None:
        fields["served"] = served
    return fields, _answer_problem(fields)


def bounded_thought(thought: str) -> str:
    """A thought without its middle, if it is longer than what is stored."""
    if len(thought) <= LONGEST_THOUGHT:
        return thought
    half = LONGEST_THOUGHT // 2 - 4
    return f"{thought[:half]} [...] {thought[-half:]}"


def used_numbers(name: str, value: Any, left_out: set[str] | None = None) -> Any:
    """The `usage`, `timings` or `extra` of a reply as JSON values without numbers that cannot be stored or added up.

    Their names are added to `left_out`. `value` has the values of `json_value`; one that is no table is returned as it is.
    """
    if not isinstance(value, dict):
        return value
    if name != "extra":
        for key, number in value.items():
            if number is not None and not (isinstance(key, str) and is_amount(number)):
                _leave_out(f"{name}.{key}", left_out)
        return amounts(value)
    kept = {}
    for key, part in value.items():
        inner = used_numbers(key, part, left_out) if key in ("usage", "timings") else part
        kept[key] = storable(inner)
        if kept[key] != inner:
            _leave_out(f"{name}.{key}", left_out)
    return kept


def _leave_out(name: str, left_out: set[str] | None) -> None:
    if left_out is not None and len(left_out) < MOST_NAMED:
        left_out.add(name[:LONGEST_SERVED])


def note_left_out(watch: Watch, by: str, left_out: set[str]) -> None:
    """Say once which values of a component's replies are not stored."""
    if left_out:
        names = ", ".join(sorted(left_out))
        watch.note(f"{by}: values of {names} are not stored: they are no amounts, or no numbers of JSON.")


def _answer_problem(fields: dict[str, Any]) -> str:
    """What is wrong with the rating and the scores; minus infinity among the scores is replaced."""
    rating = fields.get("rating")
    if rating is not None and not is_number(rating):
        return f"rating is {described(rating)}, {_ENGINE}"
    if "scores" in fields:
        scores = fields["scores"] = {
            k: MIN_LOG_PROBABILITY if v == -math.inf else v for k, v in fields["scores"].items()
        }
        for option, value in scores.items():
            if value is not None and not is_number(value):
                return f"the score of {option!r} is {described(value)}, {_ENGINE}"
    return ""
