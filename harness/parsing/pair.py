"""Parse which of two pictures a reply chooses, or that they tie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from harness.parsing.choice import check_options
from harness.parsing.clean import key
from harness.parsing.lexicon import Tag, emotion_words, forms, side_words, words, words_in_order
from harness.parsing.prose.clauses import split
from harness.parsing.prose.labels import mark_labels
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import ASPECTS, COMPARES
from harness.parsing.reply_parser import ReplyParser
from harness.parsing.result import Parsed, Unparsed
from harness.parsing.vocabulary import NOT_OFFERED, Entry, Value, Vocabulary, build, with_labels

_CACHED_QUESTIONS = 512
_THING = (
    r"(?:image|picture|photo|portrait|face|option|number|figure|img|pic|person|photograph|imagen|imagem|immagine|bild|foto|photographie|panel|frame"
    r"|\u56fe\u7247?|\u5716\u7247?|\u753b\u50cf|\u56fe\u50cf|\u5716\u50cf|\u5199\u771f|\u7167\u7247)"
)
_NUMBERED = re.compile(
    rf"(?:(?<![A-Za-z]){_THING}\s*(?:no\.?\s*|#|number\s*|:\s*|-)?|(?<![\w.])#\s*|\bno\.\s*)([0-9]+|[A-Da-d](?![A-Za-z])|one|two|three|i{{1,3}}\b)(?![A-Za-z0-9%]|\.\d)",
    re.IGNORECASE,
)
_EITHER = re.compile(
    rf"\b{_THING}s?\s*1\s*(?:or|and|/|&|,|\.\.\.\s*or)\s*2\b(?!\s*(?:is|shows|has)\b)", re.IGNORECASE
)
_ORDINAL_CJK = re.compile(
    "\u7b2c?([12\uff11\uff12])(?:\u679a\u76ee|\u5f20|\u5f35|\u5e45|\u756a\u76ee|\u4e2a|\u3064\u76ee)"
)
_ORDINAL = re.compile(r"\b([12])(?:st|nd)\b", re.IGNORECASE)
_NAMES = {
    "1": "first",
    "2": "second",
    "a": "first",
    "b": "second",
    "one": "first",
    "two": "second",
    "i": "first",
    "ii": "second",
}
_LESS = re.compile(
    r"\b(?:less|weaker|fainter|milder|lower|not as|isn't as|not so|calmer|subtler|more (?:neutral|calm|relaxed|composed|subdued|subtle|serene|content|peaceful)|menos|weniger|schwacher|moins)\b"
)
_WEAKER = re.compile(
    r"^(?:\w+ ){0,3}(?:is|shows|looks|seems|appears|has) (?:\w+ ){0,2}(?:less|weaker|fainter|milder|lower|not as|not so|calmer|more (?:neutral|calm|relaxed|composed|subdued|subtle|serene|content|peaceful))\b"
)
_RIVALS = re.compile(r"\b(?:come close|match|reach|rival|beat|exceed|surpass|equal|compare)\b")
_THAN = re.compile(r"\b(?:than|as|que|als)\b")
_STEP_FOLLOWERS = words("pair.step_followers")
_UNSEEN = words("pair.unseen")
_WEARS = words_in_order("pair.wears")
_DEGREES = words_in_order("pair.degrees")


class PairParser(ReplyParser):
    """Recognises pictures by position and number."""

    def prepare(self, text: str) -> str:
        """Normalise the names of pictures: "image 2" becomes "second"."""
        text = _ORDINAL.sub(lambda found: f" {_NAMES[found.group(1)]} ", text)
        text = _EITHER.sub(" first or second ", text)
        text = _NUMBERED.sub(self._name, text)
        return _ORDINAL_CJK.sub(lambda found: " first " if found.group(1) in "1\uff11" else " second ", text)

    def _name(self, found: re.Match[str]) -> str:
        called = found.group(1).lower()
        name = _NAMES.get(called)
        if name is None:
            return " third " if called not in ("c", "d") or self.vocabulary.letter_labels else found.group()
        return f" {name} "

    def mark(self, items: list[Item]) -> list[Item]:
        """Skip steps ("First, ..."), sides of a face and "right" meaning correct; invert "less ... than"."""
        items = mark_labels(items, self.vocabulary)
        for index, item in enumerate(items):
            if item.tag is Tag.MENTION and not self._pictures(items, index):
                items[index] = Item(Tag.SKIP, item.text, item.raw)
        _drop_descriptions(items)
        for item, after in pairwise(items):
            if item.tag is Tag.MENTION and after.text == ":":
                after.tag = Tag.WORD  # "Image 1: calm" describes it
        return self._turn_comparisons(items)

    def _pictures(self, items: list[Item], index: int) -> bool:
        item = items[index]
        after = items[index + 1] if index + 1 < len(items) else None
        before = items[index - 1] if index else None
        starts = before is None or before.tag is Tag.NEWLINE or before.text in (".", "!", "?", ";")
        if starts and item.text in ("first", "second", "right", "third", "1st", "2nd") and after is not None:
            if after.text == "," and index + 2 < len(items):
                then = items[index + 2]
                return then.tag in (Tag.CAUSE, Tag.FILLER, Tag.MENTION) and then.text != "the"
            return after.text != "the"
        if item.text in ("both", "same"):
            return _equates(items, index)
        return not (item.text in ("left", "right") and after is not None and after.tag is Tag.FEATURE)

    def _turn_comparisons(self, items: list[Item]) -> list[Item]:
        """Invert negative comparisons: "the first is less worried than the second" chooses the second."""
        start = 0
        for index in range(len(items) + 1):
            stop = (
                index == len(items)
                or items[index].tag in (Tag.NEWLINE, Tag.BUT)
                or items[index].text in (".", ";", "!")
            )
            if stop:
                self._turn(items[start:index])
                start = index + 1
        return items

    def _turn(self, sentence: list[Item]) -> None:
        mentions = [item for item in sentence if item.tag is Tag.MENTION and item.value is not NOT_OFFERED]
        if len(mentions) == 1:
            after = " ".join(item.text for item in sentence[sentence.index(mentions[0]) + 1 :])
            if _WEAKER.search(after):
                mentions[0].tag = Tag.SKIP
        if len(mentions) != 2 or mentions[0].value == mentions[1].value:
            return
        first, second = (sentence.index(item) for item in mentions)
        after = " ".join(item.text for item in sentence[second + 1 :])
        if sentence[0].tag is Tag.THAN and _WEAKER.search(after):
            mentions[1].tag, sentence[0].tag = Tag.SKIP, Tag.WORD
            return
        text = " ".join(item.text for item in sentence[first + 1 : second])
        denies = any(item.tag is Tag.NOT for item in sentence[first + 1 : second])
        denied = denies and " as " in text
        if (denies and _RIVALS.search(text)) or ((denied or _LESS.search(text)) and _THAN.search(text)):
            mentions[0].tag = Tag.SKIP
            for item in sentence[first + 1 : second]:
                if item.tag in (Tag.THAN, Tag.NOT, Tag.CAUSE, Tag.MINOR, Tag.PREFER):
                    item.tag = Tag.WORD


def _drop_descriptions(items: list[Item]) -> None:
    """Skip mentions in mere descriptions: "image 1 is brighter than image 2" is no answer."""
    if all(item.text not in ASPECTS for item in items) and any(item.text in COMPARES for item in items):
        return
    for clause in split(list(items)):
        tags = [Tag.LINK if item.text in _WEARS else item.tag for item in clause.items]
        if Tag.MENTION not in tags or Tag.LINK not in tags[tags.index(Tag.MENTION) :]:
            continue
        described = [item for item in clause.items if item.tag in (Tag.WORD, Tag.FEATURE)]
        described = described or _shown_person(clause.items)
        if any(item.text in _UNSEEN for item in clause.items):
            described = [item for item in clause.items if item.text in _UNSEEN]
        if (
            described
            and all(item.text.isascii() for item in described)
            and (
                described[-1].text in ASPECTS
                or described[-1].text in _UNSEEN
                or not any(_compares(item) for item in clause.items)
            )
        ):
            for item in clause.items:
                if item.tag is Tag.MENTION:
                    item.tag = Tag.SKIP


def _shown_person(items: list[Item]) -> list[Item]:
    """The person that a picture shows, if the clause says nothing else about it."""
    link = next((index for index, item in enumerate(items) if item.tag is Tag.LINK), len(items))
    rest = [item for item in items[link + 1 :] if item.tag not in (Tag.FILLER, Tag.PUNCT)]
    return rest if rest and all(item.tag is Tag.PERSON for item in rest) else []


def _compares(item: Item) -> bool:
    decides = (Tag.ANSWER, Tag.PREFER, Tag.TOPIC, Tag.NOT, Tag.CONCLUDE, Tag.MINOR)
    return (
        item.tag in decides
        or item.text in COMPARES
        or item.text in emotion_words()
        or item.text.startswith(_DEGREES)
    )


def _equates(items: list[Item], index: int) -> bool:
    """Whether "both" or "same" means a tie: "both equally", "show the same level"."""
    after = items[index + 1] if index + 1 < len(items) else None
    sentence = [item.text for item in items[max(0, index - 6) : index + 8]]
    alone = after is None or after.tag in (Tag.PUNCT, Tag.NEWLINE, Tag.LINK, Tag.MENTION, Tag.ALSO)
    return alone or any(word in sentence for word in ("equally", "same", "similar", "similarly", "equal"))


def _sides(options: tuple[str, ...]) -> dict[str, str]:
    """Map the first picture, the second and the tie to the options."""
    ties = set(forms(side_words()["tie"]))
    tie = [option for option in options if key(option) in ties or key(option) in ("equal", "neither")]
    pictures = [option for option in options if option not in tie]
    if len(pictures) != 2 or len(tie) > 1:
        raise ValueError(f"a pair needs two pictures and at most one tie as options, not {list(options)!r}")
    return {"first": pictures[0], "second": pictures[1], **({"tie": tie[0]} if tie else {})}


@lru_cache(maxsize=_CACHED_QUESTIONS)
def _parser(options: tuple[str, ...], labels: tuple[str, ...] | None) -> PairParser:
    check_options(options, labels)
    sides = _sides(options)
    vocabulary = build({option: [option] for option in options})
    vocabulary.pictures = True
    for name, lines in side_words().items():
        value: Value = sides.get(name, NOT_OFFERED)
        for form in forms(lines):
            if key(form) not in {key(option) for option in options}:
                _add_side(vocabulary, form, value)
    for called, name in _NAMES.items():
        if called not in ("i", "ii"):
            vocabulary.exact.setdefault(called, (sides[name], "number" if called.isdigit() else "letter"))
    vocabulary.labels_first = True
    vocabulary.finish()
    if labels is not None:
        vocabulary = with_labels(vocabulary, dict(zip(labels, options, strict=True)))
    return PairParser(vocabulary)


def _add_side(vocabulary: Vocabulary, form: str, value: Value) -> None:
    vocabulary.add(form, Entry(Tag.MENTION, value, "word"))


def read_pair(
    text: str, *, options: Sequence[str] = ("first", "second"), labels: Sequence[str] | None = None
) -> Parsed[str] | Unparsed:
    """Which of two pictures `text` commits to, in the spelling of `options`, or why there is none.

    The options name the first picture, the second, and optionally a tie; without that option, a tie is unparsed.
    Positions (left, right), numbers (image 1, image 2) and `labels` are understood. Raises ValueError for options
    that are not two pictures and at most one tie, or a wrong number of labels.
    """
    if isinstance(options, str):
        raise ValueError("options must be a sequence of strings, not one string")
    parser = _parser(tuple(options), tuple(labels) if labels is not None else None)
    return parser.parse(text)  # type: ignore[return-value]
