"""The words that replies are read with: plain tables, folded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from harness.parsing.clean import key
from harness.parsing.lexicon.emotions import ENGLISH, SEVERAL
from harness.parsing.lexicon.emotions import FAMILIES as EMOTIONS
from harness.parsing.lexicon.grammar import WORDS, Tag
from harness.parsing.lexicon.levels import LEVELS, NUMBER_WORDS, SIDES
from harness.parsing.lexicon.roles import PHRASES, THINGS

__all__ = [
    "EMOTIONS",
    "NUMBER_WORDS",
    "SEVERAL",
    "SIDES",
    "THINGS",
    "Tag",
    "emotion_words",
    "english",
    "families",
    "foreign",
    "forms",
    "grammar",
]


def forms(lines: Iterable[str]) -> Iterator[str]:
    """The single words and phrases of comma-separated lines, folded."""
    for line in lines:
        for form in line.split(","):
            folded = key(form)
            if folded:
                yield folded


@lru_cache(maxsize=1)
def families() -> dict[str, list[tuple[str, ...]]]:
    """Family name to its groups of folded forms, emotions and levels together."""
    return {
        name: [tuple(forms([group])) for group in groups] for name, groups in {**EMOTIONS, **LEVELS}.items()
    }


@lru_cache(maxsize=1)
def emotion_words() -> frozenset[str]:
    """All words for emotions, offered or not."""
    return frozenset(form for name in EMOTIONS for group in families()[name] for form in group)


@lru_cache(maxsize=1)
def english() -> frozenset[str]:
    """English words for the six emotions that are spelt so in no other language."""
    own = {form for name, many in ENGLISH.items() for group in families()[name][:many] for form in group}
    others = {form for name, many in ENGLISH.items() for group in families()[name][many:] for form in group}
    return frozenset(own - others)


@lru_cache(maxsize=1)
def foreign() -> frozenset[str]:
    """Words for emotions that answer only where a task declares them."""
    return frozenset(
        form for name in ("fear", "disgust", "contempt") for group in families()[name] for form in group
    )


@lru_cache(maxsize=1)
def grammar() -> dict[str, Tag]:
    """Folded word or phrase to what it does; a word listed twice keeps its first role."""
    found: dict[str, Tag] = dict.fromkeys(forms(PHRASES), Tag.SKIP)
    for tag, lines in WORDS.items():
        for form in forms(lines):
            found.setdefault(form, tag)
    return found
