"""Result of parsing a reply: an answer with the rule that found it, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """An answer that the reply commits to.

    `value` is one of the options, or a rating on the scale; `how` names the rule that found it
    ("letter", "word", "synonym", "number", "json field", ...).
    """

    value: T
    how: str


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A reply without a usable answer; `reason` is short enough for a table cell."""

    reason: str
