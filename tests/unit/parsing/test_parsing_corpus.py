"""A corpus of replies, written for this project, that the parsers must get right."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.parsing import Parsed, Unparsed, read_choice, read_pair, read_rating

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
POLARITY = ("positive", "neutral", "negative", "surprise")
INTENSITY = ("very weak", "weak", "moderate", "strong", "very strong")
QUALITY = ("bad", "poor", "fair", "good", "excellent")
DECLARED = {"worry": ["fear"], "angry": ["disgust", "contempt"]}

POLES = {
    "positive": ["happy", "happiness", "joy", "joyful"],
    "negative": [
        "sad",
        "sadness",
        "angry",
        "anger",
        "worry",
        "worried",
        "anxious",
        "fear",
        "fearful",
        "disgust",
    ],
}

Parse = Callable[[str], "Parsed[Any] | Unparsed"]
QUESTIONS: dict[str, Parse] = {
    "emotion": lambda text: read_choice(text, EMOTIONS),
    "emotion A-F": lambda text: read_choice(text, EMOTIONS, labels=list("ABCDEF")),
    "emotion 1-6": lambda text: read_choice(text, EMOTIONS, labels=list("123456")),
    "emotion (a)-(f)": lambda text: read_choice(
        text, EMOTIONS, labels=[f"({letter})" for letter in "abcdef"]
    ),
    "emotion, fear declared": lambda text: read_choice(text, EMOTIONS, synonyms=DECLARED),
    "emotion, other order A-F": lambda text: read_choice(
        text, ("sad", "worry", "neutral", "happy", "surprise", "angry"), labels=list("ABCDEF")
    ),
    "polarity, emotions declared": lambda text: read_choice(text, POLARITY, synonyms=POLES),
    "polarity": lambda text: read_choice(text, POLARITY),
    "polarity A-D": lambda text: read_choice(text, POLARITY, labels=list("ABCD")),
    "worry or sad": lambda text: read_choice(text, ("worry", "sad")),
    "worry or sad, A-B": lambda text: read_choice(text, ("worry", "sad"), labels=["A", "B"]),
    "surprise or happy": lambda text: read_choice(text, ("surprise", "happy")),
    "angry or worry": lambda text: read_choice(text, ("angry", "worry")),
    "calm or excited": lambda text: read_choice(text, ("calm", "excited")),
    "intensity": lambda text: read_rating(text, INTENSITY),
    "intensity A-E": lambda text: read_rating(text, INTENSITY, labels=list("ABCDE")),
    "intensity 1-5": lambda text: read_rating(text, INTENSITY, labels=list("12345")),
    "quality": lambda text: read_rating(text, QUALITY),
    "pair": read_pair,
    "pair with tie": lambda text: read_pair(text, options=("first", "second", "tie")),
    "pair 1-2": lambda text: read_pair(text, labels=["1", "2"]),
    "pair, images named": lambda text: read_pair(text, options=("image 1", "image 2")),
    "pair A-B": lambda text: read_pair(text, labels=["A", "B"]),
}


def _corpus() -> dict[str, list[dict[str, Any]]]:
    by_question: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with (Path(__file__).parent / "corpus.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            by_question[entry["ask"]].append(entry)
    return by_question


CORPUS = _corpus()


def _error(entry: dict[str, Any]) -> str | None:
    result = QUESTIONS[entry["ask"]](entry["text"])
    value = result.value if isinstance(result, Parsed) else None
    return None if value == entry["want"] else f"{entry['text']!r}: want {entry['want']!r}, got {result}"


@pytest.mark.slow
@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_every_reply_of_the_corpus_is_parsed_correctly(question: str) -> None:
    errors = [line for entry in CORPUS[question] if (line := _error(entry))]
    assert errors == []


def test_corpus_has_decided_and_undecided_replies_to_every_question() -> None:
    assert set(CORPUS) == set(QUESTIONS)
    entries = [entry for group in CORPUS.values() for entry in group]
    assert len(entries) >= 450
    assert sum(entry["want"] is None for entry in entries) >= 150
    assert len({(entry["ask"], entry["text"]) for entry in entries}) == len(entries)


def test_reasons_are_short_and_readable() -> None:
    for entries in CORPUS.values():
        for entry in entries:
            result = QUESTIONS[entry["ask"]](entry["text"])
            if isinstance(result, Unparsed):
                assert 5 <= len(result.reason) <= 60
                assert result.reason.isprintable()
