"""Replies that give each option a score or a probability: the unique maximum is the answer."""

from __future__ import annotations

from collections.abc import Mapping

from harness.parsing.lexicon import Tag
from harness.parsing.prose.events import Event, Kind, Strength
from harness.parsing.prose.tokens import Item
from harness.parsing.vocabulary import Value

_BETWEEN = frozenset(":=|(-~,")
_QUIET = (Tag.PUNCT, Tag.NEWLINE, Tag.FILLER, Tag.JOIN, Tag.TOPIC, Tag.OTHER_KEY, Tag.MINOR)


def top(scores: Mapping[Value, float], how: str) -> Event:
    """The event of a distribution: its unique highest option, or a tie."""
    best = max(scores.values())
    leaders = [value for value, score in scores.items() if score == best]
    if len(leaders) == 1:
        return Event(Kind.COMMIT, Strength.FINAL, leaders[0], how, field=True)
    return Event(Kind.OPEN, Strength.FINAL, reason="several options tie for the top score", field=True)


def scored(items: list[Item]) -> Event | None:
    """The event of a text that consists mainly of two or more options with numbers; None for any other text."""
    mentions = [index for index, item in enumerate(items) if item.tag is Tag.MENTION]
    if len(mentions) < 2 or not any(item.tag is Tag.NUMBER for item in items):
        return None
    other = sum(1 for item in items if item.tag not in _QUIET and item.tag not in (Tag.MENTION, Tag.NUMBER))
    if other > len(mentions):
        return None
    for direction in (1, -1):
        scores = {items[index].value: _number(items, index, direction) for index in mentions}
        known = {value: score for value, score in scores.items() if score is not None}
        if len(known) == len(scores) == len(mentions) and len(known) >= 2:
            return top(known, "score")
    return None


def _number(items: list[Item], index: int, direction: int) -> float | None:
    """The number next to a mention, allowing a bracket or colon between them."""
    index += direction
    while 0 <= index < len(items):
        item = items[index]
        if item.tag is Tag.NUMBER:
            return float(item.raw)
        percent = direction < 0 and item.text in ("%", "chance", "probability", "of", "likely")
        if not percent and not (item.tag is Tag.PUNCT and item.text in _BETWEEN):
            return None
        index += direction
    return None
