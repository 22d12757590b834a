"""Parse the level or number that a reply gives on a scale."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from harness.parsing.choice import check_options
from harness.parsing.clean import END_MARK
from harness.parsing.lexicon import Tag, number_words, words, words_in_order
from harness.parsing.prose.labels import mark_labels
from harness.parsing.prose.rating_numbers import number_value, skip_levels_of_other_nouns, skip_scale_legend
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.typos import one_edit_apart
from harness.parsing.prose.word_sets import LEVEL_WORDS
from harness.parsing.reply_parser import ReplyParser
from harness.parsing.result import Parsed, Unparsed
from harness.parsing.vocabulary import NOT_OFFERED, Value, Vocabulary, build, with_labels

_CACHED_QUESTIONS = 512
_CACHED_WORDS = 64
_OFF_SCALE = "\ue003"  # replaces a number on a different scale
_N = r"(\d{1,6}(?:\.\d{1,6})?)"
_REPEATED = re.compile(r"\s*(\d{1,2}(?:\.\d)?)(?:[\s,;]+\1)+[\s.,;\u2026]*")
_COMMA = re.compile(r"(?<=\d),(?=\d\b)")
_SIZES = re.compile(
    r"\bAUs?\s?-?\d{1,2}[A-E]?\b|\b\d{1,3}[- ](?:years?|yrs?)[- ]?(?:old)?\b|\b\d{2,}\s*[x\u00d7]\s*\d{2,}(?:\s*px)?\b|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{1,2}:\d{2}\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(rf"(?<![\w.]){_N}\s*(?:%|percent\b|per cent\b|prozent\b)", re.IGNORECASE)
_OUT_OF = re.compile(
    rf"(?<![\w./]){_N}\s*(?:/|out of|over|de|von|sur|sobre|su|di|of|\u0438\u0437|\u0645\u0646|\u70b9\s*/|\u5206\s*/)\s*(?:a (?:possible|maximum) )?{_N}(?![\w.]*\d)",
    re.IGNORECASE,
)
_HINDI_OF = re.compile(r"(?<!\d)(\d)\s*\u092e\u0947\u0902\s*\u0938\u0947\s*(\d(?:\.\d)?)")
_LEGEND = re.compile(
    r"\b(?:if|where|with|given that|when) [01] (?:is|means|being|stands for|=)[^.\n]{0,60}?\b(?:and|to) (?:[4-9]|10)\b[^.,;:\n]{0,40}[,;:]\s*(?:then\s+)?",
    re.IGNORECASE,
)
"""The scale explained before the rating: "If 1 is very weak and 5 is very strong, then ..."."""
_OF_SCALE = re.compile(
    r"(?<!\d)(\d{1,3})\s*(?:\u5206\u4e2d[\u306e\u7684]|\u6bb5\u968e\u3067|\u6bb5\u968e\u4e2d|\u5206\u5236\u4e2d?|\u5206\u6ee1\u5206|\uc810\s*\ub9cc\uc810\uc5d0)[^\d\n]{0,4}?(\d{1,3}(?:\.\d{1,3})?)"
)
_NEGATIVE = re.compile(rf"(?<![\w.)\]]\s)(?<![\w.)\]])-\s?{_N}")
_WORDED = re.compile(
    rf"\b({'|'.join(word for word in number_words() if word.isascii())})\s+(?:out of|of|over)\s+(\w+)\b",
    re.IGNORECASE,
)
_WORDED_SCALE = re.compile(
    r"\b(?:scale (?:of|from) [a-z]+ to [a-z]+|[a-z]+ point (?:rating )?scale)\b", re.IGNORECASE
)
_STARS = re.compile(r"[\u2605\u2b50]+[\u2606]*")
_SCALE = re.compile(
    rf"(?:\b(?:scale|range|escala|skala|echelle|ranging|scale is|rated)\s*(?:of|from|de|von|between|:|\()?\s*{_N}\s*(?:to|-|~|through|a|bis|and|\.\.)\s*{_N})"
    rf"|\(?{_N}\s*(?:to|-|~)\s*{_N}\)?[- ]*(?:point )?(?:scale|likert|range)\b|\b{_N}[- ]point (?:\w+ )?scale",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?<![\w./-])(?:between (?:a )?|entre |zwischen )?{_N}\s*(?:-|to(?: a)?|~|\u2013|\u5230|\u81f3|\u304b\u3089|through|bis|a|and(?=\s*\d)|and a(?=\s*\d))\s*{_N}(?![\w/%-]*\d|%)",
    re.IGNORECASE,
)
_OF_HIGHEST = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:/|out of|of|von|sur|su|de)\s*(\d+)")
_BETWEEN = re.compile(r"\b(?:between|entre|zwischen)\s+\d", re.IGNORECASE)
_UNITS = re.compile(
    r"^(?:point|points|star|stars|\u5206|\u70b9|\u7d1a|\u7ea7|puntos|punkte|punkten|etoiles|estrellas|\uc810|\u30dd\u30a4\u30f3\u30c8)$"
)
_BLANK = re.compile(r"(^|[:(\[=>\n]|(?<![\w/])[xXnN?])\s*/\s*\d+")
"""A form that was not filled in: "X/5"."""
_BROKEN = re.compile(
    r"\b(very|extremely|muy|sehr|tres|molto|muito|\u043e\u0447\u0435\u043d\u044c)[ \t]*\n\s*(?=\w)",
    re.IGNORECASE,
)
"""An intensifier at the end of a line belongs to the level in the next one."""
_PAIR = re.compile(r"\b(ve[a-z]{1,3}|[a-z]{1,3}ry|v[a-z]{2}y)(?=\s+([a-z]+)\b)", re.IGNORECASE)
"""A word that may be a misspelled "very": one edit leaves one half of it as it is, or exchanges the middle."""
_NO_SLIPS = ("very", "every", "vary", "verb")  # the word itself, and real words one letter away
_RATING_VERBS = words_in_order("rating.rating_verbs")
_MEASURES = words_in_order("rating.measures")
_FOLLOWS = words("rating.follows")
_STOPPED = frozenset(".!?\u3002;:,()[]}|-\"'=~>\u3001" + END_MARK)
_RATED = (
    Tag.BUT,
    Tag.THAN,
    Tag.ANSWER,
    Tag.TOPIC,
    Tag.LINK,
    Tag.PREFER,
    Tag.CONCLUDE,
    Tag.CORRECT,
    Tag.JOIN,
    Tag.MAYBE,
)
_GO_ON = (
    Tag.CAUSE,
    Tag.JOIN,
    Tag.BUT,
    Tag.LINK,
    Tag.SUGGEST,
    Tag.OPEN,
    Tag.MENTION,
    Tag.THAN,
    Tag.PREFER,
    Tag.ANSWER,
)


class RatingParser(ReplyParser):
    """Accepts numbers as answers where they state the rating."""

    def __init__(self, vocabulary: Vocabulary, low: float, high: float) -> None:
        super().__init__(vocabulary, reconcile=_midpoint)
        self.low, self.high = low, high

    def parse_sentences(self, text: str) -> Parsed[Value] | Unparsed:
        """One number that is repeated to no end is that number."""
        if "\n" in text:
            text = _BROKEN.sub(r"\1 ", text)
        repeated = _REPEATED.fullmatch(text)
        return self.parse(repeated.group(1)) if repeated else super().parse_sentences(text)

    def bare(self, text: str) -> tuple[Value, str] | None:
        """Also n/5, where the scale ends there."""
        of = _OF_HIGHEST.fullmatch(text)
        if of is None or float(of.group(2)) != self.high:
            return super().bare(text)
        value = float(of.group(1).replace(",", "."))
        return (value, "number") if self.low <= value <= self.high else None

    def prepare(self, text: str) -> str:
        """Replace n/5, ranges and quoted scales by the number meant, or by a mark for a number off the scale."""
        text = _PAIR.sub(self._intensifier, text)
        if "/" in text:
            text = _BLANK.sub(r"\1 ", text)
        if "scale" in text:
            text = _WORDED_SCALE.sub(_scale_digits, text)
        if " of " in text or " over " in text:
            text = _WORDED.sub(_digits, text)
        if not any(character.isdigit() for character in text):
            return _STARS.sub(self._stars, text) if "\u2605" in text or "\u2b50" in text else text
        if "," in text:
            text = _COMMA.sub(".", text)
        if "1" in text or "0" in text:
            text = _LEGEND.sub(" ", text)
        text = _SIZES.sub(" ", text)
        text = _SCALE.sub(self._scale, text)
        text = _PERCENT.sub(f" {_OFF_SCALE} ", text)
        if not text.isascii():
            text = _OF_SCALE.sub(r"\2/\1", _HINDI_OF.sub(r"\2/\1", text))
        text = _OUT_OF.sub(self._fraction, text)
        text = _RANGE.sub(self._range, text)
        return _NEGATIVE.sub(f" {_OFF_SCALE} ", text) if "-" in text else text

    def _intensifier(self, found: re.Match[str]) -> str:
        """Correct a misspelled "very", because "vrey strong" is not the level "strong"."""
        word, level = found.group(1), found.group(2).lower()
        slip = word.lower() not in _NO_SLIPS and one_edit_apart(word.lower(), "very")
        return "very" if slip and f"very {level}" in self.vocabulary.exact else word

    def _stars(self, found: re.Match[str]) -> str:
        return f" {sum(mark != chr(0x2606) for mark in found.group())} "

    def _scale(self, found: re.Match[str]) -> str:
        numbers = [float(number) for number in found.groups() if number]
        return " scale " if numbers[-1] == self.high else f" scale {_OFF_SCALE} "

    def _fraction(self, found: re.Match[str]) -> str:
        return f" score {found.group(1)} " if float(found.group(2)) == self.high else f" {_OFF_SCALE} "

    def _range(self, found: re.Match[str]) -> str:
        first, last = float(found.group(1)), float(found.group(2))
        if (first, last) == (self.low, self.high):
            return " scale "
        if not self.low <= first < last <= self.high:
            return found.group() if first >= last and "-" not in found.group() else f" {_OFF_SCALE} "
        return f" {(first + last) / 2:g} "

    def mark(self, items: list[Item]) -> list[Item]:
        """Turn numbers and number words that state the rating into mentions."""
        items = mark_labels(items, self.vocabulary)
        points = _list_numbers(items)
        refused = any(item.raw == _OFF_SCALE for item in items)
        for index, item in enumerate(items):
            if item.raw == _OFF_SCALE:
                items[index] = Item(Tag.MENTION, item.text, item.raw, NOT_OFFERED, "number")
                continue
            value = number_value(item)
            if value is None or index in points or not self._rates(items, index):
                continue
            offered = self.low <= value <= self.high and not self.vocabulary.numeric_labels
            if not self.low <= value <= self.high and _is_count(items, index):
                continue
            items[index] = Item(Tag.MENTION, item.text, item.raw, value if offered else NOT_OFFERED, "number")
        items = skip_scale_legend(skip_levels_of_other_nouns(items), self.low, self.high)
        if refused:
            items = _drop_percentages_of_confidence(items)
        return _join(items)

    def _rates(self, items: list[Item], index: int) -> bool:
        """Whether the number at this position is the rating, not a count, an age or a step."""
        after = items[index + 1] if index + 1 < len(items) else None
        if after is not None and _UNITS.match(after.text):
            after = items[index + 2] if index + 2 < len(items) else None
        follows = after is None or after.tag is Tag.NEWLINE or after.tag in _GO_ON
        follows = follows or (after is not None and after.tag is Tag.PUNCT and after.text in _STOPPED)
        if not follows and after is not None:
            follows = after.text in _FOLLOWS
        if not follows or (after is not None and after.text == "of"):
            return False
        return self._introduced(items, index)

    def _introduced(self, items: list[Item], index: int) -> bool:
        position = index - 1
        while position >= max(0, index - 8) and (
            items[position].tag in (Tag.FILLER, Tag.MAYBE)
            or (items[position].tag is Tag.PUNCT and items[position].text in "\"'([#=:-")
        ):
            position -= 1
        if position < 0 or items[index - 1].text in ("a", "an"):
            return True
        if position < index - 8:
            return False
        before = items[position]
        stopped = before.tag in (Tag.NEWLINE, Tag.MENTION, Tag.SKIP) or (
            before.tag is Tag.PUNCT and before.text in ".!?;,)|"
        )
        if (
            stopped
            or before.text == "scale"
            or before.tag in _RATED
            or before.text in LEVEL_WORDS
            or before.text[-1] in "给給打为為"
            or before.tag is Tag.NOT
        ):
            return True
        window = items[max(0, position - 3) : position + 1]
        if before.tag is Tag.WORD and len(window) > 1 and window[-2].text in ("a", "an"):
            return True
        return any(item.tag in (Tag.ANSWER, Tag.TOPIC) or item.text in _RATING_VERBS for item in window)


def _is_count(items: list[Item], index: int) -> bool:
    """Whether a number off the scale is an age or a count ("a man of about 45"), not a rating."""
    start = index
    while start and items[start - 1].text in _MEASURES:
        start -= 1
    near = items[max(0, start - 3) : start]
    rates = any(item.tag in (Tag.ANSWER, Tag.TOPIC) or item.text in _RATING_VERBS for item in near)
    return start < index and bool(near) and not rates


def _digits(found: re.Match[str]) -> str:
    """ "four out of five" in digits."""
    first, last = (
        number_words()[found.group(1).lower()],
        number_words().get(found.group(2).lower(), found.group(2)),
    )
    return f"{first} out of {last}"


def _scale_digits(found: re.Match[str]) -> str:
    """ "scale of one to five" and "five point scale" in digits."""
    return " ".join(str(number_words().get(word.lower(), word)) for word in found.group().split())


def _list_numbers(items: list[Item]) -> set[int]:
    """Indices of list numbers ("1. The eyes ..."), which are not ratings."""
    opened = []
    for index, item in enumerate(items):
        starts = index == 0 or items[index - 1].tag is Tag.NEWLINE
        if item.tag is not Tag.NUMBER or not starts or index + 2 >= len(items):
            continue
        if items[index + 1].text in (".", ")") and items[index + 2].tag not in (Tag.NEWLINE, Tag.MENTION):
            opened.append(index)
    numbers = {items[index].text for index in opened}
    return set(opened) if len(numbers) > 1 or "1" in numbers else set()


def _drop_percentages_of_confidence(items: list[Item]) -> list[Item]:
    """Drop a percentage of confidence next to a rating ("4, 90% sure")."""
    proper = [item for item in items if item.tag is Tag.MENTION and item.value is not NOT_OFFERED]
    if not proper:
        return items
    certain = ("sure", "confident", "confidence", "certain", "certainty")
    return [
        item
        for index, item in enumerate(items)
        if not (
            item.raw == _OFF_SCALE
            and any(other.text in certain for other in items[max(0, index - 3) : index + 4])
        )
    ]


def _join(items: list[Item]) -> list[Item]:
    """Drop the stop in "4. strong", so that number and level belong together."""
    kept: list[Item] = []
    for index, item in enumerate(items):
        number_before = bool(kept) and kept[-1].tag is Tag.MENTION and kept[-1].how == "number"
        level_after = (
            index + 1 < len(items)
            and items[index + 1].tag is Tag.MENTION
            and items[index + 1].how != "number"
        )
        if not (item.tag is Tag.PUNCT and item.text in ".):" and number_before and level_after):
            kept.append(item)
    return kept


def _midpoint(values: list[Value]) -> Value:
    """The value halfway between the two others ("3.5, between moderate and strong"), or None."""
    numbers = [value for value in values if isinstance(value, float)]
    if len(numbers) != 3 or len(values) != 3:
        return None
    low, middle, high = sorted(numbers)
    return (
        middle if abs(middle - (low + high) / 2) < 1e-9 and middle not in (low, high) and middle % 1 else None
    )


@lru_cache(maxsize=_CACHED_WORDS)
def _words(levels: tuple[str, ...], low: float) -> Vocabulary:
    """The vocabulary of a scale, independent of its labels."""
    values: dict[Value, list[str]] = {low + step: [level] for step, level in enumerate(levels)}
    vocabulary = build(values)
    vocabulary.numeric = vocabulary.labels_first = True
    high = low + len(levels) - 1
    for word, number in number_words().items():
        if low <= number <= high:
            vocabulary.exact.setdefault(word, (float(number), "number"))
    for number in range(math.ceil(low), math.floor(high) + 1):
        vocabulary.exact.setdefault(str(number), (float(number), "number"))
    return vocabulary.finish()


@lru_cache(maxsize=_CACHED_QUESTIONS)
def _parser(levels: tuple[str, ...], low: float, labels: tuple[str, ...] | None) -> RatingParser:
    check_options(levels, labels)
    if not math.isfinite(low):
        raise ValueError(f"low is {low}: a scale must start at a finite number")
    vocabulary = _words(levels, low)
    if labels is not None:
        values = [low + step for step in range(len(levels))]
        vocabulary = with_labels(vocabulary, dict(zip(labels, values, strict=True)))
    return RatingParser(vocabulary, low, low + len(levels) - 1)


def _are_values(labels: Sequence[str], low: float) -> bool:
    """Whether the labels are the values of the levels, in their order: "1" to "5", also with brackets or stops."""
    numbers = [re.sub(r"[()\[\]{}.:\s]", "", label) for label in labels]
    return all(number.isdigit() and int(number) == low + step for step, number in enumerate(numbers))


def read_rating(
    text: str, levels: Sequence[str], *, low: float = 1.0, labels: Sequence[str] | None = None
) -> Parsed[float] | Unparsed:
    """The rating that `text` commits to, from `low` to `low + len(levels) - 1`, or why there is none.

    `levels`, weakest first, have the values `low`, `low + 1`, ...; `labels[i]` is the label shown before `levels[i]`.
    A range of numbers counts as its midpoint. Nothing is clipped or rescaled: a number off the scale, n/10 or a
    percentage is unparsed. Raises ValueError for empty or duplicate levels, or a wrong number of labels.
    """
    if isinstance(levels, str):
        raise ValueError("levels must be a sequence of strings, not one string")
    if labels is not None and len(labels) == len(levels) and _are_values(labels, float(low)):
        labels = None  # The numbers shown are the numbers of the scale.
    parser = _parser(tuple(levels), float(low), tuple(labels) if labels is not None else None)
    return parser.parse(text)  # type: ignore[return-value]
