"""Numbers and values from outside that may be stored, added up and shown: components, servers and stored replies give any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeGuard

LARGEST = 1e15
"""Counts, costs, seconds, scores and ratings above it are faults: below it, sums over all replies of a run stay exact enough
and finite."""
DEEPEST = 50
"""Levels of lists and tables in a stored value."""
_LARGEST_WHOLE = 2**63
"""Whole numbers from here on cannot be read by all programs that read JSON."""


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number of a usable size; True and False are none."""
    return isinstance(value, (float, int)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def is_amount(value: object) -> TypeGuard[float]:
    """Whether a value is a usable number, not below 0: of tokens, of seconds, of money."""
    return isinstance(value, (float, int)) and not isinstance(value, bool) and 0 <= value <= LARGEST


def amounts(given: object) -> dict[str, float]:
    """The amounts in a table, by their names; whatever else it holds is left out."""
    if not isinstance(given, Mapping):
        return {}
    return {key: value for key, value in given.items() if isinstance(key, str) and is_amount(value)}


def described(value: object) -> str:
    """A number for a message, however long it is."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST_WHOLE:
        return f"a whole number of {value.bit_length()} bits"
    return str(value) if isinstance(value, (int, float)) else type(value).__name__


def storable(value: Any, depth: int = 0) -> Any:
    """A JSON value with None for the numbers that JSON, or a program that reads it, does not have: NaN, infinity, 10**400.

    What is nested deeper than `DEEPEST` becomes None, too. Values that are no JSON stay as they are.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int:
        return value if -_LARGEST_WHOLE <= value < _LARGEST_WHOLE else None
    if kind is dict or isinstance(value, Mapping):
        if depth >= DEEPEST:
            return None
        return {storable(key): storable(part, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return None if depth >= DEEPEST else [storable(part, depth + 1) for part in value]
    return value


def _extra(given: Mapping[str, Any]) -> dict[str, Any]:
    extra = {key: storable(value) for key, value in given.items()}
    for name in ("usage", "timings"):
        if name in extra:
            extra[name] = amounts(given[name])
    return extra


def usable(record: dict[str, Any]) -> dict[str, Any]:
    """A stored reply whose numbers can be used: unusable ones of usage and timings are left out, those of `extra` are None.

    A rating or a log-probability that is no usable number is left out as well: the reply then counts as unparsed. The record
    is changed in place; a field that is no table is removed.
    """
    for name in ("usage", "timings"):
        given = record.get(name)
        if given is not None and (type(given) is not dict or not all(map(is_amount, given.values()))):
            record[name] = amounts(given)
    extra = record.get("extra")
    if extra:
        if isinstance(extra, dict):
            record["extra"] = _extra(extra)
        else:
            del record["extra"]
    if record.get("rating") is not None and not is_number(record["rating"]):
        del record["rating"]
    scores = record.get("scores")
    if scores is not None and (type(scores) is not dict or not all(map(is_number, scores.values()))):
        found = {k: v for k, v in scores.items() if is_number(v)} if isinstance(scores, dict) else {}
        record["scores"] = found
    return record
