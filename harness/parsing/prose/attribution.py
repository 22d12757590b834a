"""Detect statements attributed to others: a caption, a data set, other viewers, the user."""

from __future__ import annotations

from itertools import pairwise

from harness.parsing.lexicon import Tag, words, words_in_order
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import (
    ATTRIBUTES,
    DIRECTED,
    EVERYONE,
    FILED,
    HABITS,
    KIN,
    LEAD_WORDS,
    MODALS,
    NAMED,
    OWN_SUBJECTS,
    RECORDS,
    SEEMS,
    SOURCES,
    SPEAKERS,
    SPEECH_VERBS,
    VERDICTS,
    WORKS,
)

_BY = ("laut", "selon", "segun", "secondo")
_POSSESSIVES = words_in_order("attribution.possessives")
_OTHERS = words("attribution.others")
_PASSIVE = words_in_order("attribution.passive")
_PERSON_ENDINGS = words_in_order("attribution.person_endings")
_THINGS = words("attribution.things")
_BEINGS, _BESIDE = words("attribution.beings"), words("attribution.beside")
_REACH = 6  # maximum number of items between a source and its verb


_ELSEWHERE = KIN | _BEINGS | _BESIDE | {"else", "other", "others", "next", "rest"}
_TRIGGERS = FILED | NAMED | SPEECH_VERBS | WORKS | SOURCES | _OTHERS
_REPORTS = frozenset(["according", "per", "d'", *_BY])


def is_attributed(items: list[Item], words: frozenset[str]) -> bool:
    """Whether the clause reports somebody else's statement, describes somebody else, or describes a requested look."""
    owners = not words.isdisjoint(_ELSEWHERE)
    if owners and about_someone_else(items):
        return True
    if not words.isdisjoint(DIRECTED) and _directed(items):
        return True
    possessed = any(word.endswith("'s") for word in words)
    return (possessed or not words.isdisjoint(_TRIGGERS)) and _attributed(items)


def _attributed(items: list[Item]) -> bool:
    """Whether the clause is attributed to a source: "a viewer might call it sad", "happy, says the caption"."""
    texts = [item.text.removesuffix("'s") for item in items]
    words = set(texts)
    if (words & FILED and _filed(texts)) or (words & NAMED and _named(items)):
        return True
    if (words & SPEECH_VERBS and _said_by_others(items)) or (words & WORKS and _work(items)):
        return True
    if not words & SOURCES or words & SPEAKERS:
        return _another(items)
    mention = next((index for index, item in enumerate(items) if item.tag is Tag.MENTION), len(items))
    for index, text in enumerate(texts):
        if text not in SOURCES:
            continue
        if index < mention:
            if text in RECORDS and {"in", "from", "per"} & set(texts[max(0, index - 2) : index]):
                return True
            said = texts[index + 1 : min(mention, index + _REACH)]
            own = text == "model" and not items[index].raw.endswith("'s")  # "the model output is"
            if said[:1] and (said[0] in MODALS or (said[0] in VERDICTS and not own)):
                return True
            if any(word.split(" ")[0] in ATTRIBUTES for word in said):
                return True
            continue
        if ATTRIBUTES & set(texts[max(mention, index - 3) : index]):
            return True
    return False


def _filed(texts: list[str]) -> bool:
    """Whether the clause reports a common label or one from a source: "often tagged as angry"."""
    at = next(index for index, text in enumerate(texts) if text in FILED)
    around = set(texts[max(0, at - 3) : at])
    return bool(around & HABITS) or any(
        text in ("in", "by", "on") and SOURCES & set(texts[index + 1 : index + 4])
        for index, text in enumerate(texts[at + 1 :], at + 1)
    )


def _said_by_others(items: list[Item]) -> bool:
    """Whether somebody other than the reply or the face makes the statement: "they say she was happy"."""
    at = next(index for index, item in enumerate(items) if item.text in SPEECH_VERBS)
    mention = next((index for index, item in enumerate(items) if item.tag is Tag.MENTION), at)
    if at == 0 or items[at - 1].text in _PASSIVE or any(item.text == "-" for item in items[at:mention]):
        return False
    before = items[:at]
    own = (Tag.FEATURE, Tag.TOPIC, Tag.ANSWER, Tag.MENTION)
    if any(item.tag in own or OWN_SUBJECTS & set(item.text.split()) for item in before):
        return False
    return any(item.tag in (Tag.WORD, Tag.PERSON) for item in before)


def _work(items: list[Item]) -> bool:
    """Whether the option is the title of a work: "the song 'Happy'"."""
    at = next(index for index, item in enumerate(items) if item.text in WORKS)
    after = [item for item in items[at + 1 : at + 5] if item.tag is not Tag.FILLER and item.text not in "'\""]
    return bool(after) and after[0].tag is Tag.MENTION and items[at + 1].text not in (":", "-", ",", "=")


def about_someone_else(items: list[Item]) -> bool:
    """Whether the clause is about a different person: "her husband looks happy", "everyone else is"."""
    if _other_being(items):
        return True
    for index, item in enumerate(items):
        if item.tag is Tag.MENTION:
            return False
        after = items[index + 1].text if index + 1 < len(items) else ""
        if item.text in KIN and index and _owns(items[index - 1]):
            return True
        if (item.text in EVERYONE and after == "else") or (
            item.text == "other" and after in (*EVERYONE, "half")
        ):
            return True
    return False


def _other_being(items: list[Item]) -> bool:
    """Whether the subject is an animal or a likeness, or stands next to the person: "the man behind her"."""
    person = False
    for index, item in enumerate(items):
        if item.tag in (Tag.MENTION, Tag.LINK):
            return False
        if item.text in _BEINGS and not person:
            return True
        after = items[index + 1].text if index + 1 < len(items) else ""
        if person and item.text in _BESIDE and after in ("her", "him", "them"):
            return True
        if (
            person
            and item.text == "next"
            and [one.text for one in items[index + 1 : index + 3]]
            in (
                ["to", "her"],
                ["to", "him"],
                ["to", "them"],
            )
        ):
            return True
        person = person or item.tag is Tag.PERSON or item.text in EVERYONE
    return False


def _owns(item: Item) -> bool:
    return item.text in _POSSESSIVES or item.text in ("my", "our", "your") or item.text.endswith("'s")


def _directed(items: list[Item]) -> bool:
    """Whether the look is requested or attempted: "the actor was instructed to look angry"."""
    texts = [item.text for item in items]
    for index, text in enumerate(texts[:-1]):
        if text in DIRECTED:
            rest = texts[index + 1 : index + 6]
            return any(left == "to" and right in SEEMS for left, right in pairwise(rest))
    return False


def about_unknown_noun(before: list[Item]) -> bool:
    """Whether the subject is an unknown noun that is not a person: "the carpet is"."""
    link = next((index for index, item in enumerate(before) if item.tag is Tag.LINK), 0)
    head = [item for item in before[:link] if item.tag is not Tag.PUNCT]
    if len(head) < 2 or head[0].text not in ("the", "a", "an", "his", "her", "their"):
        return False
    noun = next((at for at, item in enumerate(head) if item.tag is Tag.OPEN), len(head)) - 1
    word = head[noun]
    known = LEAD_WORDS | OWN_SUBJECTS
    if word.tag is not Tag.WORD or not word.text.isascii() or any(item.text in known for item in head):
        return False
    return not looks_like_person(word.text)


def looks_like_person(noun: str) -> bool:
    """Whether an unknown noun probably denotes a person: "singer", "nurse", "comedian"."""
    return noun not in _THINGS and noun.removesuffix("s").endswith(_PERSON_ENDINGS)


def _named(items: list[Item]) -> bool:
    """Whether the option is part of a name: "known as the worried mother"."""
    at = next(index for index, item in enumerate(items) if item.text in NAMED)
    return any(item.tag is Tag.MENTION for item in items[at + 1 : at + 9])


def _another(items: list[Item]) -> bool:
    """Whether the clause continues a report with a second source: "another as worry"."""
    head = [item for item in items[:4] if item.tag is not Tag.PUNCT and item.text != "d'"]
    if len(head) < 2 or head[0].text not in _OTHERS:
        return False
    return head[1].text == "as" or head[1].tag in (Tag.MAYBE, Tag.MENTION)


def opens_attribution(items: list[Item]) -> bool:
    """Whether the clause starts a sentence that reports a source: "according to the caption"."""
    if items[0].text not in _REPORTS and (len(items) < 2 or items[1].text not in _REPORTS):
        return False
    head = [item.text for item in items[:8] if item.tag is not Tag.PUNCT]
    if head[:2] == ["according", "to"] or head[:1] == ["per"]:
        named = next((item.raw for item in items[2:4] if item.tag is Tag.WORD), "")
        return (
            bool(SOURCES & set(head))
            or head[2:3] == ["you"]
            or (named[:1].isupper() and head[0] == "according")
        )
    behind = 2 if head[:2] == ["d'", "apres"] else 1 if head[:1] and head[0] in _BY else len(items)
    after = items[behind] if behind < len(items) else None
    seen = (Tag.PERSON, Tag.TOPIC, Tag.FEATURE, Tag.PUNCT, Tag.MENTION)
    return after is not None and after.tag not in seen and after.text not in ("moi", "mir", "mi", "yo", "me")
