"""Word lists for parsing replies: plain tables, folded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from harness.parsing.clean import key
from harness.parsing.lexicon.emotions import AMBIGUOUS, ENGLISH
from harness.parsing.lexicon.emotions import FAMILIES as EMOTIONS
from harness.parsing.lexicon.grammar import WORDS, Tag
from harness.parsing.lexicon.idioms import DESCRIBED_NOUNS, PHRASES
from harness.parsing.lexicon.levels import LEVELS, NUMBER_WORDS, SIDES

__all__ = [
    "EMOTIONS",
    "NUMBER_WORDS",
    "AMBIGUOUS",
    "SIDES",
    "DESCRIBED_NOUNS",
    "Tag",
    "emotion_words",
    "english",
    "families",
    "foreign",
    "forms",
    "grammar",
]


def forms(lines: Iterable[str]) -> Iterator[str]:
    """The words and phrases of comma-separated lines, folded."""
    for line in lines:
        for form in line.split(","):
            folded = key(form)
            if folded:
                yield folded


@lru_cache(maxsize=1)
def families() -> dict[str, list[tuple[str, ...]]]:
    """Family name to its groups of folded forms, for emotions and levels."""
    return {
        name: [tuple(forms([group])) for group in groups] for name, groups in {**EMOTIONS, **LEVELS}.items()
    }


@lru_cache(maxsize=1)
def emotion_words() -> frozenset[str]:
    """All words for emotions, whether or not they are options."""
    return frozenset(form for name in EMOTIONS for group in families()[name] for form in group)


@lru_cache(maxsize=1)
def english() -> frozenset[str]:
    """English words for the six emotions that no other listed language spells the same way."""
    own = {form for name, many in ENGLISH.items() for group in families()[name][:many] for form in group}
    others = {form for name, many in ENGLISH.items() for group in families()[name][many:] for form in group}
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
    found: dict[str, Tag] = dict.fromkeys(forms(PHRASES), Tag.SKIP)
    for tag, lines in WORDS.items():
        for form in forms(lines):
            found.setdefault(form, tag)
    return found
