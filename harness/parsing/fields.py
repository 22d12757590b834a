"""JSON in a reply, strict or lenient: fields with the answer, with reasoning, or with a score per option."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.parsing.clean import key
from harness.parsing.lexicon import declared_words
from harness.parsing.prose.contradictions import agreed
from harness.parsing.prose.events import Event, Kind
from harness.parsing.prose.scores import top
from harness.parsing.vocabulary import Value

_MAX_OBJECTS = 20
_MAX_OBJECT_CHARACTERS = 8_000
_DECODER = json.JSONDecoder()
_PAIR = re.compile(
    r"""["']?([^\W\d][\w \-]{0,40}?)["']?\s*[:=]\s*(?:"([^"\n]{0,2000})"|'([^'\n]{0,2000})'|(-?\d+(?:\.\d+)?%?)|(true|false|null|None|True|False)\b|([^\W\d][\w \-]{0,60}?)\s*(?=[,}\n]))"""
)

# Keys that hold the answer.
_FINAL_KEYS = frozenset(declared_words("final_keys"))
_ANSWER_KEYS = frozenset(declared_words("answer_keys"))
_COMPARING_KEYS = frozenset(declared_words("comparing_keys"))
_PROSE_KEYS = frozenset(declared_words("prose_keys"))
_SKIPPED_KEYS = frozenset(declared_words("skipped_keys"))


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON value and its position in the text."""

    start: int
    end: int
    content: Any


def objects(text: str) -> Iterator[Found]:
    """The JSON objects, and arrays of objects or strings, in reading order."""
    if "{" not in text and "[" not in text:
        return
    position = 0
    for _ in range(_MAX_OBJECTS):
        starts = [at for at in (text.find("{", position), _array_start(text, position)) if at >= 0]
        if not starts:
            return
        start = min(starts)
        found = _decode(text, start)
        if found is None:
            position = start + 1
            continue
        yield found
        position = found.end


def _array_start(text: str, position: int) -> int:
    found = re.compile(r"\[\s*[\{\"]").search(text, position)
    return found.start() if found else -1


def _decode(text: str, start: int) -> Found | None:
    try:
        content, end = _DECODER.raw_decode(text[start : start + _MAX_OBJECT_CHARACTERS])
    except (ValueError, RecursionError):
        return _lenient(text, start) if text[start] == "{" else None
    return Found(start, start + end, content)


def _lenient(text: str, start: int) -> Found | None:
    """An object with single quotes, bare words, trailing commas or a missing end."""
    end = text.find("}", start)
    body = text[start + 1 : min(end if end >= 0 else len(text), start + _MAX_OBJECT_CHARACTERS)]
    pairs: dict[str, Any] = {}
    repeated = False
    for found in _PAIR.finditer(body):
        name = key(found.group(1))
        values = [value for value in found.groups()[1:] if value is not None]
        repeated = repeated or name in pairs
        pairs[name] = values[0]
    if not pairs or repeated:
        return None
    return Found(start, (end + 1) if end >= 0 else len(text), pairs)


def events(
    content: Any, parse_value: Callable[[str], Event | None], parse_prose: Callable[[str], list[Event]]
) -> list[Event]:
    """The events of a JSON value in field order: prose, the answer, prose."""
    if isinstance(content, list):
        return _from_list(content, parse_value, parse_prose)
    if not isinstance(content, dict):
        event = parse_value(_text(content))
        return [event] if event else []
    distribution = _scores(content, parse_value)
    if distribution is not None:
        return [distribution]
    answers: list[tuple[int, Event]] = []
    prose: list[tuple[int, list[Event]]] = []
    answers, prose = _sort_fields(content, parse_value, parse_prose)
    if not answers:
        return [event for _, found in prose for event in found]
    verdict = agreed([event for _, event in answers])
    at = answers[-1][0]
    before = [event for index, found in prose if index < at for event in found]
    after = [event for index, found in prose if index > at for event in found]
    return [*before, verdict, *after]


def _sort_fields(
    content: dict[str, Any],
    parse_value: Callable[[str], Event | None],
    parse_prose: Callable[[str], list[Event]],
) -> tuple[list[tuple[int, Event]], list[tuple[int, list[Event]]]]:
    answers: list[tuple[int, Event]] = []
    others: list[tuple[int, Event]] = []
    prose: list[tuple[int, list[Event]]] = []
    for index, (name, value) in enumerate(content.items()):
        folded = key(str(name)).rstrip("0123456789 ") or key(str(name))
        if folded in _SKIPPED_KEYS:
            continue
        if folded in _PROSE_KEYS:
            if isinstance(value, str):
                prose.append((index, parse_prose(value)))
            continue
        known = (
            folded in _FINAL_KEYS or folded in _ANSWER_KEYS or not _COMPARING_KEYS.isdisjoint(folded.split())
        )
        if isinstance(value, (dict, list)):
            for event in events(value, parse_value, parse_prose):
                if event.field:
                    (answers if known or event.how == "json scores" else others).append((index, event))
            continue
        found = parse_value(_text(value)) if value is not None and not isinstance(value, bool) else None
        if found is not None:
            (answers if known else others).append((index, found))
    return answers or others, prose


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _scores(content: dict[str, Any], parse_value: Callable[[str], Event | None]) -> Event | None:
    """The event of a dictionary from options to numbers or booleans; None for any other dictionary."""
    if len(content) < 2:
        return None
    scores: dict[Value, float] = {}
    for name, value in content.items():
        number = _as_number(value)
        event = parse_value(str(name)) if number is not None else None
        if number is None or event is None or event.kind is not Kind.COMMIT or event.value in scores:
            return None
        scores[event.value] = number
    return top(scores, "json scores")


def _as_number(value: Any) -> float | None:
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d+(?:\.\d+)?\s*%?", value.strip()):
        return float(value.strip().rstrip("% "))
    if value in ("true", "True"):
        return 1.0
    return 0.0 if value in ("false", "False") else None


def _from_list(
    content: list[Any], parse_value: Callable[[str], Event | None], parse_prose: Callable[[str], list[Event]]
) -> list[Event]:
    """The events of a list of answers, or of {label, score} records, where the highest score is the answer."""
    if content and all(isinstance(item, dict) for item in content):
        scores: dict[Value, float] = {}
        for item in content:
            numbers = [
                n
                for n in map(_as_number, (v for v in item.values() if not isinstance(v, str)))
                if n is not None
            ]
            named = [
                event
                for v in item.values()
                if isinstance(v, str)
                if (event := parse_value(v)) and event.kind is Kind.COMMIT
            ]
            if len(named) != 1 or len(numbers) != 1:
                scores.clear()
                break
            scores[named[0].value] = max(numbers[0], scores.get(named[0].value, numbers[0]))
        if scores:
            return [top(scores, "json scores")] if len(scores) > 1 else [named[0]]
    found = [event for item in content for event in events(item, parse_value, parse_prose) if event.field]
    return [agreed(found)] if found else []
