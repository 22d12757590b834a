"""Result of parsing a reply: an answer with the rule that found it, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
PROSE = "prose"
"""The rule of an answer that was understood from a sentence. Every other answer is declared."""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """An answer that the reply commits to.

    `value` is one of the options, or a rating on the scale; `how` names the rule that found it: "prose" where a sentence
    had to be understood, else the form in which the answer is declared ("letter", "word", "number", "json field", ...).
    """

    value: T
    how: str


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A reply without a usable answer; `reason` is short enough for a table cell."""

    reason: str
