"""Tell numbers and levels that can be the rating from those that explain the scale or describe other things."""

from __future__ import annotations

from harness.parsing.lexicon import Tag, emotion_words, number_words, words_in_order
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import PEOPLE, RATED_NOUNS

_LOOSE_NUMBERS = words_in_order("rating_numbers.loose_numbers")
_MEANS = words_in_order("rating_numbers.means")
_PHYSICAL = words_in_order("rating_numbers.physical")
_DESCRIBES = words_in_order("rating_numbers.describes")
_ARTICLES = words_in_order("rating_numbers.articles")


def number_value(item: Item) -> float | None:
    """Value of a numeral or a number word; None for any other item."""
    if item.tag is Tag.NUMBER:
        return float(item.raw)
    if item.tag in (Tag.WORD, Tag.FILLER) and item.text in number_words() and item.text not in _LOOSE_NUMBERS:
        return float(number_words()[item.text])
    return None


def skip_levels_of_other_nouns(items: list[Item]) -> list[Item]:
    """Skip the levels that describe a thing or a body: "a moderate beard", "the wind was strong"."""
    for index, item in enumerate(items):
        if item.tag is not Tag.MENTION or item.how == "number":
            continue
        after = items[index + 1] if index + 1 < len(items) else None
        if item.text == "starke" and _is_noun(items, index, after):
            items[index] = Item(Tag.TOPIC, item.text, item.raw)  # strength, not strong
        elif (after is None or after.text not in emotion_words()) and _rates_something_else(
            items, index, after
        ):
            items[index] = Item(Tag.SKIP, item.text, item.raw)
    return items


def _is_noun(items: list[Item], index: int, after: Item | None) -> bool:
    """Whether the German "Stärke" is the noun: after an article, or before a colon or a genitive."""
    before = items[index - 1].text if index else ""
    named = before in ("die", "der", "eine", "zur") and items[index].raw[0].isupper()
    return named or (after is not None and after.text in (":", "des", "der", "von"))


def _rates_something_else(items: list[Item], index: int, after: Item | None) -> bool:
    before = items[index - 1].text if index else ""
    if before in _DESCRIBES and index > 1:
        subject = index - (3 if before == "be" else 2)
        if _of_person(items, index - 2) or _of_thing(items, subject):
            return True  # "the man is strong" describes him, not his emotion
    named = index > 0 and items[index].raw.istitle() and items[index - 1].raw.istitle()
    if named and items[index - 1].tag is Tag.WORD and (index < 2 or items[index - 2].text not in ".!?\n"):
        return True  # "Mark Strong"
    if after is None or after.tag is not Tag.WORD or after.text in RATED_NOUNS:
        return False
    # "strong coffee", "a weak signal": a noun that has nothing to do with the portrait.
    noun = after.text.isascii() and after.text.isalpha() and len(after.text) > 3
    return before in (*_ARTICLES, "the") or (noun and not after.text.endswith(("ly", "ing", "ed")))


def skip_scale_legend(items: list[Item], low: float, high: float) -> list[Item]:
    """Skip levels in an explanation of the scale, which names both ends: "1 is very weak and 5 is very strong"."""
    explained = []
    for index, item in enumerate(items):
        value = number_value(item)
        if value is None and item.how == "number":
            value = item.value if isinstance(item.value, float) else None
        if value is None:
            continue
        after = index + 1
        while after < len(items) and (items[after].tag is Tag.LINK or items[after].text in _MEANS):
            after += 1
        if index + 1 < after < len(items) and items[after].value == value:
            explained += [(value, index), (value, after)]
    if {low, high} <= {value for value, _ in explained}:
        for _, index in explained:
            items[index] = Item(Tag.SKIP, items[index].text, items[index].raw)
    return items


def _of_person(items: list[Item], index: int) -> bool:
    """Whether the subject is a person, not "the emotion of the man"."""
    near = items[max(0, index - 5) : index]
    return items[index].text in PEOPLE and all(item.tag is not Tag.TOPIC for item in near)


def _of_thing(items: list[Item], index: int) -> bool:
    """Whether the subject is a noun that is not in the lexicon: "the wind was very strong"."""
    item = items[index]
    if item.text in _PHYSICAL:
        return True
    known = item.text in RATED_NOUNS or item.text in emotion_words() or not item.text.isascii()
    return item.tag is Tag.WORD and not known and index > 0 and items[index - 1].text in ("the", "his", "her")
