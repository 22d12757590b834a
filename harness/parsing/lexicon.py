"""The words that replies are read by: TOML files in `words/`, folded once and looked up here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum, auto
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from harness.parsing.clean import key


class Tag(IntEnum):
    """Role of a word or phrase in a clause."""

    WORD = auto()  # any other word
    NUMBER = auto()
    PUNCT = auto()
    NEWLINE = auto()
    MENTION = auto()  # an option, under any name
    SKIP = auto()  # an option word in a different role, ignored
    FILLER = auto()  # no meaning here: articles, "clearly"
    JOIN = auto()  # and, or
    ALSO = auto()
    NOT = auto()  # denies what follows
    NOT_BEFORE = auto()  # denies what precedes it (Japanese, Korean)
    THAN = auto()  # sets aside what follows: "rather than"
    THAN_BEFORE = auto()  # sets aside what precedes
    BUT = auto()
    UNSURE = auto()  # "cannot tell"
    MAYBE = auto()
    AT_FIRST = auto()  # "at first glance", "although"
    IF = auto()
    ANSWER = auto()
    CONCLUDE = auto()
    CORRECT = auto()
    PREFER = auto()
    MINOR = auto()  # "a hint of"
    LISTING = auto()  # "options:", "between"
    TOPIC = auto()  # emotion, expression, intensity
    PERSON = auto()
    FEATURE = auto()  # eyes, brows
    LINK = auto()  # is, looks
    SUGGEST = auto()
    CAUSE = auto()  # because
    OTHER_KEY = auto()  # "confidence": its value answers another question
    OPEN = auto()  # a complete reply never ends with one of these


@lru_cache
def _table(name: str) -> dict[str, Any]:
    with (Path(__file__).parent / "words" / f"{name}.toml").open("rb") as file:
        found: dict[str, Any] = tomli.load(file)
        return found


def words_in_order(name: str) -> tuple[str, ...]:
    """A list of words in `words/sets.toml`, as it is written there: "TABLE.NAME"."""
    table, _, entry = name.partition(".")
    return tuple(_table("sets")[table][entry])


def words(name: str) -> frozenset[str]:
    """A set of words in `words/sets.toml`, folded; signs stay as they are."""
    return frozenset(key(word) or word for word in words_in_order(name))


def forms(listed: Iterable[str]) -> Iterator[str]:
    """Words and phrases, folded."""
    for form in listed:
        if found := key(form):
            yield found


@lru_cache(maxsize=1)
def families() -> dict[str, list[tuple[str, ...]]]:
    """Family name to its groups of folded forms, for emotions and levels."""
    return {
        name: [tuple(forms(group)) for group in family["groups"]]
        for name, family in {**_table("emotions")["family"], **_table("levels")["family"]}.items()
    }


@lru_cache(maxsize=1)
def ambiguous() -> dict[str, tuple[str, ...]]:
    """Words that fit several families, with these."""
    return {key(word): tuple(names) for word, names in _table("emotions")["ambiguous"].items()}


@lru_cache(maxsize=1)
def number_words() -> dict[str, int]:
    """Words for numbers, with their values."""
    return {key(word): number for word, number in _table("levels")["numbers"].items()}


@lru_cache(maxsize=1)
def side_words() -> dict[str, list[str]]:
    """Words for the two pictures of a pair, a tie, and pictures that there are not."""
    found: dict[str, list[str]] = _table("levels")["sides"]
    return found


@lru_cache(maxsize=1)
def described_nouns() -> dict[str, list[str]]:
    """Option word -> nouns that it describes, so that it says nothing of the person."""
    found: dict[str, list[str]] = _table("idioms")["described_nouns"]
    return found


@lru_cache(maxsize=1)
def emotion_words() -> frozenset[str]:
    """All words for emotions, whether or not they are options."""
    return frozenset(
        form for name in _table("emotions")["family"] for group in families()[name] for form in group
    )


def declared_words(name: str) -> tuple[str, ...]:
    """A list in `words/declared.toml`, as it is written there."""
    return tuple(_table("declared")[name])


def alternatives(name: str) -> str:
    """The same as alternatives of a regular expression."""
    return "|".join(declared_words(name))


class Undecided(NamedTuple):
    """A kind of sentence that does not choose the option it names."""

    reason: str
    needs: tuple[str, ...]
    """One of these is in every such sentence: most replies need no pattern."""
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def undecided() -> tuple[Undecided, ...]:
    """Sentences that name an option and do not choose it."""
    return tuple(
        Undecided(entry["reason"], tuple(entry["needs"]), re.compile(entry["pattern"]))
        for entry in _table("undecided")["sentence"]
    )


@lru_cache(maxsize=1)
def english() -> frozenset[str]:
    """English words for the six emotions that no other listed language spells the same way."""
    counts = {
        name: family["english"]
        for name, family in _table("emotions")["family"].items()
        if "english" in family
    }
    own = {form for name, many in counts.items() for group in families()[name][:many] for form in group}
    others = {form for name, many in counts.items() for group in families()[name][many:] for form in group}
    return frozenset(own - others)


@lru_cache(maxsize=1)
def foreign() -> frozenset[str]:
    """Words for emotions that count as an answer only if a task declares them."""
    return frozenset(
        form for name in ("fear", "disgust", "contempt") for group in families()[name] for form in group
    )


@lru_cache(maxsize=1)
def grammar() -> dict[str, Tag]:
    """Folded word or phrase to its tag; a word listed twice keeps its first tag."""
    found: dict[str, Tag] = dict.fromkeys(forms(_table("idioms")["phrases"]), Tag.SKIP)
    for tag, listed in _table("grammar").items():
        for form in forms(listed):
            found.setdefault(form, Tag[tag])
    return found
