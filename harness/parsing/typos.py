"""Last resorts for short replies that name no option in a known form: misspellings, abbreviations, emoji."""

from __future__ import annotations

from harness.parsing.lexicon import Tag
from harness.parsing.tokens import Item
from harness.parsing.vocabulary import Value, Vocabulary

_MOST_WORDS = 15
_MOST_WORDS_WITH_SYMBOL = 8
# Real words one letter away from a word of the lexicon.
_REAL = frozenset(
    [
        "angel",
        "angels",
        "angler",
        "neural",
        "string",
        "strung",
        "wordy",
        "wormy",
        "exited",
        "native",
        "moderated",
        "modern",
        "strange",
        "stronger",
        "strongest",
        "weaker",
        "weakest",
        "happier",
        "surprises",
        "anger",
        "hungry",
        "worn",
        "word",
        "words",
        "world",
        "works",
        "worse",
        "worth",
        "positions",
        "fist",
        "fires",
        "secondary",
        "poster",
        "posters",
        "neatly",
    ]
)


def mark_fallbacks(items: list[Item], vocabulary: Vocabulary) -> list[Item]:
    """Where nothing is mentioned, read an unmistakable misspelling, abbreviation or emoji as the option."""
    if any(item.tag is Tag.MENTION for item in items):
        return items
    words = [item for item in items if item.tag not in (Tag.PUNCT, Tag.NEWLINE)]
    if len(words) > _MOST_WORDS:
        return items
    for item in words:
        if item.tag is Tag.WORD and item.text.isascii() and item.text not in _REAL:
            value = _misspelt(item.text, vocabulary)
            if value is None and len(words) == 1 and len(item.text) >= 3:
                value = _abbreviated(item.text, vocabulary)
            if value is not None:
                item.tag, item.value, item.how = Tag.MENTION, value, "typo"
    if len(words) <= _MOST_WORDS_WITH_SYMBOL and not any(
        item.tag in (Tag.SKIP, Tag.MENTION) for item in words
    ):
        for item in items:
            if item.raw in vocabulary.symbols:
                item.tag, item.value, item.how = Tag.MENTION, vocabulary.symbols[item.raw], "emoji"
    return items


def _misspelt(word: str, vocabulary: Vocabulary) -> Value | None:
    """The one answer a word of which is a single slip away (same first letter), or None."""
    if len(word) < 4:
        return None
    near = {
        value
        for known, value in vocabulary.typos.items()
        if known[0] == word[0] and abs(len(known) - len(word)) <= 1 and one_slip(word, known)
    }
    return near.pop() if len(near) == 1 else None


def _abbreviated(word: str, vocabulary: Vocabulary) -> Value | None:
    """The one answer whose name begins with the word, or None."""
    near = {value for known, value in vocabulary.typos.items() if known.startswith(word)}
    return near.pop() if len(near) == 1 else None


def one_slip(a: str, b: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours turns `a` into `b`."""
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
