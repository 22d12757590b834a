"""Tokenise plain text into tagged items: words and phrases, mentions of options, numbers, punctuation."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.parsing.clean import ANSWER_MARK, END_MARK
from harness.parsing.lexicon import Tag
from harness.parsing.vocabulary import CJK, Entry, Value, Vocabulary

_LETTER = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u065f\u066e-\u06ef\u06fa-\u1fff"
_ARABIC = re.compile("[\u0620-\u06ff]{3,}")
_AND = "\u0648"
_ARTICLES = ("\u0627\u0644", "\u0628\u0627\u0644", "\u0644\u0644", "\u0628", "\u0644", "")
"""Written as one with the word that follows: "the", "with the", "for the", "with", "for"."""
_ENDINGS = (
    "",
    "\u0629",
    "\u0627",
    "\u0627\u0646",
    "\u064a\u0646",
    "\u0648\u0646",
    "\u0627\u062a",
    "\u0647",
    "\u0647\u0627",
)
_TOKEN = re.compile(
    rf"(?P<cjk>[{CJK}]+)"
    rf"|(?P<number>\d+(?:\.\d+)?)"
    rf"|(?P<elision>(?<![{_LETTER}])(?:[LlDdNnCcJjSsMm]|[Qq]u)'(?=[{_LETTER}]))"
    rf"|(?P<word>[{_LETTER}]+(?:'[{_LETTER}]+)?)"
    rf"|(?P<newline>\s*\n\s*)"
    rf"|(?P<punct>[^\w\s])"
)
_STRETCHED = re.compile(r"(.)\1{2,}")
_MARK_ENTRIES = {ANSWER_MARK: Entry(Tag.ANSWER), END_MARK: Entry(Tag.PUNCT)}


@dataclass(slots=True)
class Item:
    """One token or phrase of a reply: `text` in lower case, `raw` as written."""

    tag: Tag
    text: str
    raw: str
    value: Value = None
    how: str = ""
    blank: bool = False  # of a newline: an empty line follows


def scan(text: str, vocabulary: Vocabulary) -> list[Item]:
    """Split the text and look up each word, preferring the longest phrase."""
    tokens = [(found.lastgroup, found.group()) for found in _TOKEN.finditer(text)]
    lowered = [raw.lower() for _, raw in tokens]
    items: list[Item] = []
    index, count = 0, len(tokens)
    while index < count:
        kind, raw = tokens[index]
        word = lowered[index]
        index += 1
        if kind == "word" or kind == "elision":
            if not word.isascii() and _ARABIC.fullmatch(word):
                items += _joined(word, vocabulary)
                word = lowered[index - 1] = _stem(word, vocabulary)
            entry, used = _lookup(word, lowered, index, vocabulary)
            joined = word if not used else " ".join(lowered[index - 1 : index + used])
            index += used
            items.append(Item(entry.tag, joined, raw, entry.value, entry.how))
        elif kind == "punct":
            items.append(_punctuation(raw))
        elif kind == "newline":
            items.append(Item(Tag.NEWLINE, "\n", "\n", blank=raw.count("\n") > 1))
        elif kind == "number":
            items.append(Item(Tag.NUMBER, word, raw))
        else:
            items.extend(_spaceless(raw, vocabulary))
    return items


def _joined(word: str, vocabulary: Vocabulary) -> list[Item]:
    """The "and" that Arabic writes as one with the word that follows."""
    known = word in vocabulary.single or word in vocabulary.multi
    if word[0] != _AND or known or _stem(word, vocabulary) == word:
        return []
    entry = vocabulary.single.get(_AND, Entry(Tag.JOIN))
    return [Item(entry.tag, _AND, _AND)]


def _stem(word: str, vocabulary: Vocabulary) -> str:
    """The known form of an Arabic word, without what is written as one with it; the word itself if none is known."""
    for start in ("", _AND) if word[0] == _AND else ("",):
        for article in _ARTICLES:
            if not word.startswith(start + article):
                continue
            rest = word[len(start + article) :]
            for ending in _ENDINGS:
                form = rest[: len(rest) - len(ending)] if rest.endswith(ending) else ""
                if len(form) > 2 and (form in vocabulary.single or form in vocabulary.multi):
                    return form
    return word


def _lookup(word: str, lowered: list[str], after: int, vocabulary: Vocabulary) -> tuple[Entry, int]:
    """The entry of a word or of the longest phrase that starts with it, and the number of further words used."""
    phrases = vocabulary.multi.get(word)
    if phrases is not None and after < len(lowered):
        for rest, entry in phrases.get(lowered[after], ()):
            if tuple(lowered[after : after + len(rest)]) == rest:
                return entry, len(rest)
    entry_or_none = vocabulary.single.get(word)
    if entry_or_none is None and word.endswith("'s"):
        entry_or_none = vocabulary.single.get(word[:-2])
    if entry_or_none is None and _STRETCHED.search(word):
        entry_or_none = vocabulary.single.get(_STRETCHED.sub(r"\1", word)) or vocabulary.single.get(
            _STRETCHED.sub(r"\1\1", word)
        )
    return entry_or_none or Entry(Tag.WORD), 0


def _punctuation(raw: str) -> Item:
    marked = _MARK_ENTRIES.get(raw)
    if marked is not None:
        return Item(marked.tag, raw, raw)
    return Item(Tag.PUNCT, raw, raw)


def _spaceless(run: str, vocabulary: Vocabulary) -> list[Item]:
    """Split a run of Chinese, Japanese or Korean into known forms and the gaps between them."""
    items: list[Item] = []
    position = 0
    assert vocabulary.cjk is not None
    for found in vocabulary.cjk.finditer(run):
        if found.start() > position:
            gap = run[position : found.start()]
            items.append(Item(Tag.WORD, gap, gap))
        entry = vocabulary.spaceless[found.group()]
        items.append(Item(entry.tag, found.group(), found.group(), entry.value, entry.how))
        position = found.end()
    if position < len(run):
        items.append(Item(Tag.WORD, run[position:], run[position:]))
    return items
