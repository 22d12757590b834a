"""Find the letters and numbers that a reply uses as option labels and turn them into mentions."""

from __future__ import annotations

from harness.parsing.lexicon import Tag, words
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import LEAD_WORDS
from harness.parsing.vocabulary import NOT_OFFERED, Vocabulary

_KEYS = (Tag.ANSWER, Tag.TOPIC, Tag.PREFER)
_STOPS = frozenset(".!?,;:)]}/\"'-|&~")
_MARKERS = frozenset(".):]-/|")
_PICTURED = words("labels.pictured")
_VERDICTS = words("labels.verdicts")
"""After these a letter is a label, never an article."""
_KINDS, _OPENERS = words("labels.kinds"), words("labels.openers")
_NO_NOUNS = (Tag.SKIP, Tag.THAN, Tag.ANSWER, Tag.NOT, Tag.MAYBE, Tag.CONCLUDE)
_SURELY = words("labels.surely")
"""Behind these, at the start of a sentence, a letter is a label: an article comes before a noun or an adjective."""
_SENTENCE = frozenset(".!?;\n")


def mark_labels(items: list[Item], vocabulary: Vocabulary) -> list[Item]:
    """Turn labels into mentions; drop the punctuation between a label and its option."""
    if not vocabulary.letter_labels:
        items = _without_markers(items, vocabulary)
    if not (vocabulary.numeric_labels or vocabulary.letter_labels):
        return items
    candidates = [index for index, item in enumerate(items) if _shape(item, vocabulary)]
    if not candidates:
        return items
    enumerated = _enumerated(items, candidates)
    for index in candidates:
        item = items[index]
        if index in enumerated or not _meant(items, index, pictures=vocabulary.pictures):
            continue
        value = vocabulary.labels.get(item.text, NOT_OFFERED)
        if value is NOT_OFFERED and not _sure(items, index):
            continue
        items[index] = Item(
            Tag.MENTION, item.text, item.raw, value, "number" if item.text.isdigit() else "letter"
        )
    return _join_to_option(items)


def _without_markers(items: list[Item], vocabulary: Vocabulary) -> list[Item]:
    """Replace list markers before options ("A. happy B. sad") by commas if no labels were shown."""
    kept = list(items)
    for index in range(len(items) - 2):
        item, mark, option = items[index : index + 3]
        letter = len(item.raw) == 1 and item.raw.isalpha() and item.raw.isupper() and item.raw.isascii()
        number = item.tag is Tag.NUMBER and not vocabulary.numeric and not vocabulary.numeric_labels
        if (
            (letter or number)
            and item.tag is not Tag.MENTION
            and mark.text in (".", ")", ":")
            and option.tag is Tag.MENTION
        ):
            kept[index] = Item(Tag.PUNCT, ",", ",")
            kept[index + 1] = Item(Tag.PUNCT, ",", ",")
    return kept


def _shape(item: Item, vocabulary: Vocabulary) -> bool:
    if item.tag is Tag.NUMBER:
        return vocabulary.numeric_labels and item.raw.isdigit()
    if item.tag in (Tag.PUNCT, Tag.NEWLINE) or len(item.raw) != 1 or not item.raw.isalpha():
        return False
    return vocabulary.letter_labels and item.raw.isascii()


def _before(items: list[Item], index: int) -> Item | None:
    return items[index - 1] if index else None


def _after(items: list[Item], index: int) -> Item | None:
    return items[index + 1] if index + 1 < len(items) else None


def _at_start(items: list[Item], index: int) -> bool:
    before = _before(items, index)
    return before is None or before.tag is Tag.NEWLINE or before.text in _SENTENCE or before.raw == "\ue000"


def _ends(after: Item | None) -> bool:
    return after is None or after.tag is Tag.NEWLINE or (after.tag is Tag.PUNCT and after.text not in "%'#")


def _keyed(items: list[Item], index: int) -> bool:
    """Whether the label follows a word such as "answer" or "option", with or without a colon or bracket between."""
    position = index - 1
    nearest = max(0, index - 6)
    while position >= nearest and items[position].tag is Tag.PUNCT and items[position].text in ":=(\"'[#.":
        position -= 1
    while position >= nearest and items[position].tag in (Tag.FILLER, Tag.LINK):
        position -= 1
    return position >= 0 and items[position].tag in _KEYS


def _bracketed(items: list[Item], index: int) -> bool:
    before, after = _before(items, index), _after(items, index)
    return before is not None and after is not None and (before.text, after.text) in (("(", ")"), ("[", "]"))


def _meant(items: list[Item], index: int, *, pictures: bool) -> bool:
    """Whether a single letter or number at this position is a label, not an article or a count."""
    item, before, after = items[index], _before(items, index), _after(items, index)
    if before is not None and before.text in _PICTURED and item.raw.isalpha() and not pictures:
        return False  # "Image A" names a picture
    if _bracketed(items, index):
        return True
    if (before is not None and before.text in ("#", "number", "numero", "nummer")) or _continues_labels(
        items, index
    ):
        return True
    if (item.raw.isupper() and _ranges(items, index)) or _joined_number(items, index):
        return True
    if before is not None and before.text in _KINDS:
        return False
    if _at_start(items, index):
        if item.raw in ("E", "O") and after is not None and after.text in _OPENERS:
            return False
        if after is not None and not after.raw.isascii() and after.raw[0].isalpha():
            return True
        if (
            after is None
            or after.tag is Tag.NEWLINE
            or (after.tag is Tag.PUNCT and after.text in ").:]-=,/|;&+\ue001(")
        ):
            return True
        if item.raw == "A" and (after.text in _VERDICTS or after.tag is Tag.NUMBER or _ranges(items, index)):
            return True
        if item.raw == "A" and len(after.raw) == 1 and after.raw.isupper():
            return True
        if item.raw == "A" and (after.tag in _NO_NOUNS or after.text in _SURELY):
            return True
        if item.text == "a" or item.raw.isdigit() or item.raw.islower():
            return after.tag in (Tag.LINK, Tag.CAUSE, Tag.BUT, Tag.JOIN) and not item.raw.islower()
        return True
    named = (
        before is not None
        and before.tag is Tag.WORD
        and before.raw.istitle()
        and before.text not in LEAD_WORDS
    )
    if before is not None and (before.text in ("a", "an") or named) and not _ends(after):
        return False  # "a B on his cap", "Vitamin D is"
    if item.raw.isdigit():
        linked = before is not None and (
            before.tag in (Tag.LINK, Tag.JOIN)
            or before.text in ("it's", "that's")
            or (before.text in ("in", "than") and any(one.tag is Tag.THAN for one in items))
        )
        return (_keyed(items, index) or linked) and (
            _ends(after)
            or (
                after is not None
                and after.tag in (Tag.CAUSE, Tag.JOIN, Tag.BUT, Tag.MENTION, Tag.LINK, Tag.THAN)
            )
        )
    if item.raw.islower():
        return _keyed(items, index) and _ends(after)
    return item.raw != "I" or _ends(after)


def _continues_labels(items: list[Item], index: int) -> bool:
    """Whether the label continues a list of labels: "2, 3", "A and B"."""
    position = index - 1
    while position >= max(0, index - 5) and (
        items[position].tag is Tag.JOIN
        or items[position].text in (",", "/", "&", "+", "|", "-", "~", "through", "to")
    ):
        position -= 1
    after = _after(items, index)
    last = items[position]
    return (
        last.tag is Tag.MENTION
        and last.how in ("letter", "number")
        and (_ends(after) or items[index].raw.isupper())
    )


def _ranges(items: list[Item], index: int) -> bool:
    """Whether a letter starts a range of letters: "A through F"."""
    after = [item.raw for item in items[index + 1 : index + 3]]
    return len(after) == 2 and after[0] in ("through", "to") and len(after[1]) == 1 and after[1].isupper()


def _joined_number(items: list[Item], index: int) -> bool:
    """Whether two joined numbers follow with nothing after them: "1 and 4"."""
    ahead = items[index + 1 : index + 3]
    return (
        items[index].raw.isdigit()
        and [item.tag for item in ahead] == [Tag.JOIN, Tag.NUMBER]
        and _ends(_after(items, index + 2))
    )


def _sure(items: list[Item], index: int) -> bool:
    """Whether a label that is not among those shown is clearly meant as the answer."""
    after = _after(items, index)
    if items[index].raw == "I" or items[index].raw.islower():
        return False
    alone = _at_start(items, index) and (_ends(after) or after is None)
    return alone or (_keyed(items, index) and _ends(after))


def _enumerated(items: list[Item], candidates: list[int]) -> set[int]:
    """Indices of labels that number the points of an argument: at least two, each at the start of a line."""
    points = []
    for index in candidates:
        before, after = _before(items, index), _after(items, index)
        opens_line = before is None or before.tag is Tag.NEWLINE
        if opens_line and after is not None and after.text in (".", ")", ":"):
            follower = _after(items, index + 1)
            if follower is not None and follower.tag not in (Tag.MENTION, Tag.NEWLINE, Tag.NUMBER):
                points.append(index)
    several = len({items[index].text for index in points}) > 1
    first_point = [index for index in points if items[index].text == "1"]
    return set(points) if several else set(first_point)


def _join_to_option(items: list[Item]) -> list[Item]:
    """Drop the punctuation in "B. sad" and "(B) sad", so that letter and word belong together."""
    kept: list[Item] = []
    skip = False
    for index, item in enumerate(items):
        if skip:
            skip = False
            continue
        kept.append(item)
        if item.tag is Tag.MENTION and item.how in ("letter", "number"):
            after, then = _after(items, index), _after(items, index + 1) if index + 1 < len(items) else None
            if (
                after is not None
                and then is not None
                and after.text in _MARKERS
                and _option_follows(items, index + 2)
            ):
                skip = True
    return kept


def _option_follows(items: list[Item], index: int) -> bool:
    """Whether an option word comes next, apart from brackets and articles."""
    last = min(len(items) - 1, index + 6)
    while index < last and items[index].text in ("the", "a", "an", '"', "(", "-", ")"):
        index += 1
    return (
        index < len(items)
        and items[index].tag is Tag.MENTION
        and items[index].how not in ("letter", "number")
    )
