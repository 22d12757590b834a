"""Fallbacks for short replies without a known form of an option: misspellings, abbreviations, emoji."""

from __future__ import annotations

from harness.parsing.lexicon import Tag, words
from harness.parsing.prose.tokens import Item
from harness.parsing.vocabulary import Value, Vocabulary

_MAX_WORDS = 15
_MAX_WORDS_WITH_SYMBOL = 8
# English words one edit away from a word of the lexicon.
_REAL_WORDS = words("typos.real_words")


def mark_fallbacks(items: list[Item], vocabulary: Vocabulary) -> list[Item]:
    """If there is no mention, accept an unambiguous misspelling, abbreviation or emoji as the option."""
    if any(item.tag is Tag.MENTION for item in items):
        return items
    words = [item for item in items if item.tag not in (Tag.PUNCT, Tag.NEWLINE)]
    if len(words) > _MAX_WORDS:
        return items
    for item in words:
        if item.tag is Tag.WORD and item.text.isascii() and item.text not in _REAL_WORDS:
            value = _misspelled(item.text, vocabulary)
            if value is None and len(words) == 1 and len(item.text) >= 3:
                value = _abbreviated(item.text, vocabulary)
            if value is not None:
                item.tag, item.value, item.how = Tag.MENTION, value, "typo"
    if len(words) <= _MAX_WORDS_WITH_SYMBOL and not any(
        item.tag in (Tag.SKIP, Tag.MENTION) for item in words
    ):
        for item in items:
            if item.raw in vocabulary.symbols:
                item.tag, item.value, item.how = Tag.MENTION, vocabulary.symbols[item.raw], "emoji"
    return items


def _misspelled(word: str, vocabulary: Vocabulary) -> Value | None:
    """The only answer with a word one edit away and the same first letter, or None."""
    if len(word) < 4:
        return None
    near = {
        value
        for known, value in vocabulary.typos.items()
        if known[0] == word[0] and abs(len(known) - len(word)) <= 1 and one_edit_apart(word, known)
    }
    return near.pop() if len(near) == 1 else None


def _abbreviated(word: str, vocabulary: Vocabulary) -> Value | None:
    """The only answer with a word that starts with this one, or None."""
    near = {value for known, value in vocabulary.typos.items() if known.startswith(word)}
    return near.pop() if len(near) == 1 else None


def one_edit_apart(a: str, b: str) -> bool:
    """Whether at most one insertion, deletion, substitution or transposition turns `a` into `b`."""
    if a == b:
        return True
    if len(a) > len(b):
        a, b = b, a
    start = 0
    while start < len(a) and a[start] == b[start]:
        start += 1
    if len(a) + 1 == len(b):
        return a[start:] == b[start + 1 :]
    if len(a) != len(b):
        return False
    if a[start + 1 :] == b[start + 1 :]:
        return True
    return (
        a[start : start + 2] == b[start + 1 : start + 2] + b[start : start + 1]
        and a[start + 2 :] == b[start + 2 :]
    )
