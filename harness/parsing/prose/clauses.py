"""Split the items of a reply into clauses, the scope of a denial or a preference."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.parsing.lexicon import Tag, words, words_in_order
from harness.parsing.prose.attribution import opens_attribution
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import CONDITIONALS, IN_GENERAL, NOT_CONDITIONAL

_STOPS = frozenset(".!?;\u3002")
_SOFT = frozenset(",:-([|\u3001")
_CONNECTORS = frozenset({Tag.JOIN, Tag.FILLER, Tag.ALSO})
_NEW_THOUGHT = frozenset(
    {Tag.PERSON, Tag.CONCLUDE, Tag.ANSWER, Tag.SUGGEST, Tag.LINK, Tag.CORRECT, Tag.TOPIC}
)
_LEADS = frozenset(
    {
        Tag.CONCLUDE,
        Tag.CORRECT,
        Tag.AT_FIRST,
        Tag.PREFER,
        Tag.FILLER,
        Tag.ANSWER,
        Tag.PUNCT,
        Tag.IF,
        Tag.LISTING,
        Tag.OPEN,
    }
)
_MAX_ITEMS = 100  # items per clause; longer ones are split, so that time stays linear
_VERDICT_TAILS = words("clauses.verdict_tails")
_TURNS = ("so", "though", "although", "which")
_OBLIGED = (("had", "to"), ("have", "to"), ("were", "to"))
_QUESTION_WORDS = words("clauses.question_words")
_INVERTS = words("clauses.inverts")
_INTERJECTIONS = ("no", "nein", "non", "nope")
_IMAGINED = ("show", "give", "remove")  # "give him a smile and he would look happy"
_INVERTED = words_in_order("clauses.inverted")
_OPENS_CONDITION = frozenset([*_INVERTED, *_IMAGINED, "when", "whenever", "provided", "s'", "si"])
_CARRIED = frozenset({Tag.CONCLUDE, Tag.CORRECT})


@dataclass(slots=True)
class Clause:
    """Consecutive items; `line` is the line number, `stop` the text that ended it ("" inside a sentence)."""

    items: list[Item] = field(default_factory=list)
    line: int = 0
    but: bool = False
    parallel: bool = False  # after "while": parallel to the clause before, not opposed to it
    opens: bool = False  # starts its sentence
    stop: str = ""
    whole_line: bool = False
    limited: bool = False  # applies to a part only: "the first for the eyes"
    keyed: bool = False  # followed by an argument on the same line: "sad: the lids droop"
    after_blank: bool = False
    conditional: bool = False
    hypothetical: bool = False  # subject to a condition: "if the eyes were wider, it would be surprise"

    @property
    def mentions(self) -> list[Item]:
        return [item for item in self.items if item.tag is Tag.MENTION]


class _Cutter:
    """Walks the items once and closes a clause where its scope ends."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.done: list[Clause] = []
        self.line = 0
        self.blank = False
        self.now = Clause(opens=True)
        self.seen = False  # the clause contains a mention

    def cut(self, stop: str = "", *, but: bool = False) -> None:
        """Close the clause; a leading "therefore" carries over if the clause names no option yet."""
        carried = []
        if not stop and not self.seen and not but:
            carried = [item for item in self.now.items if item.tag in _CARRIED or _forced(item)]
        if self.now.items:
            self.now.stop = stop
            self.done.append(self.now)
        opens = bool(stop)
        self.now = Clause(
            items=carried, line=self.line, but=but, opens=opens, after_blank=self.blank and opens
        )
        self.seen = False

    def run(self) -> list[Clause]:
        for index, item in enumerate(self.items):
            if item.tag is Tag.NEWLINE:
                self.line += 1
                self.blank = item.blank
                self.cut("\n")
            elif item.text == "?" and self.seen and self._verdict_ahead(index + 1):
                self.now.items.append(Item(Tag.PUNCT, "-", "-"))
            elif item.tag is Tag.PUNCT and item.text in _STOPS:
                self.now.items.append(item)
                self.cut(item.text)
            elif item.tag is Tag.BUT:
                self.cut(but=True)
                self.now.parallel = item.text in ("while", "whereas")
            else:
                if self._breaks(index, item) or len(self.now.items) >= _MAX_ITEMS:
                    self.cut()
                self.now.items.append(item)
                self.seen = self.seen or item.tag is Tag.MENTION
        self.cut()
        return self.done

    def _breaks(self, index: int, item: Item) -> bool:
        """Whether a new clause starts at this item."""
        if self.seen:
            if item.tag is Tag.CAUSE:
                joined = self.now.items[-1].tag is Tag.JOIN  # "for happy or for surprise"
                return not (joined and item.text == "for" and self._next_tag(index + 1) is Tag.MENTION)
            if item.tag is Tag.PUNCT and item.text in _SOFT:
                if item.text == "(" and self._next_tag(index + 1) in (Tag.PREFER, Tag.MINOR):
                    return self.items[min(index + 2, len(self.items) - 1)].text != ")"
                return not self._leads_to_mention(index + 1) and not self._verdict_ahead(index + 1)
        if item.text == "," and index + 1 < len(self.items) and self.items[index + 1].text in _TURNS:
            return self.seen_something()
        if item.tag is Tag.PUNCT and item.text in ",\u3001":
            if not self.seen_something():
                return False
            return (
                self._next_tag(index + 1) in _NEW_THOUGHT
                or self._named_subject(index + 1)
                or (self._conceding() and self._subject_ahead(index + 1))
                or (self._arguing() and self._answer_alone(index + 1))
            )
        return False

    def seen_something(self) -> bool:
        """Whether the clause contains more than introductory words."""
        return any(item.tag not in _LEADS for item in self.now.items)

    def _conceding(self) -> bool:
        """Whether the clause starts with "although" or "if", whose scope ends at the comma."""
        head = next((item for item in self.now.items if item.tag is not Tag.PUNCT), None)
        return head is not None and head.tag in (Tag.AT_FIRST, Tag.IF)

    def _arguing(self) -> bool:
        return any(item.tag is Tag.CAUSE for item in self.now.items[:2])

    def _answer_alone(self, index: int) -> bool:
        """Whether one option and the end of the sentence follow: "since the brows are raised, D." """
        while index < len(self.items) and self.items[index].tag is Tag.FILLER:
            index += 1
        if index >= len(self.items) or self.items[index].tag is not Tag.MENTION:
            return False
        after = self.items[index + 1 : index + 2]
        return not after or after[0].tag in (Tag.NEWLINE, Tag.CAUSE) or after[0].text in _STOPS

    def _subject_ahead(self, index: int) -> bool:
        """Whether a subject follows before any option."""
        subjects = (Tag.FEATURE, Tag.PERSON, Tag.TOPIC)
        return any(item.tag in subjects for item in self.items[index : index + 8])

    def _subject_at(self, index: int) -> bool:
        """Whether the mention is the subject of its own clause: "the second image shows"."""
        tags = [Tag.PERSON if item.text == "one" else item.tag for item in self.items[index + 1 : index + 3]]
        return bool(tags) and (tags[0] is Tag.LINK or tags == [Tag.PERSON, Tag.LINK])

    def _named_subject(self, index: int) -> bool:
        while index < len(self.items) and self.items[index].tag is Tag.FILLER:
            index += 1
        return index < len(self.items) and self.items[index].tag is Tag.MENTION and self._subject_at(index)

    def _next_tag(self, index: int) -> Tag | None:
        while index < len(self.items) and self.items[index].tag in (Tag.FILLER, Tag.JOIN):
            index += 1
        return self.items[index].tag if index < len(self.items) else None

    def _leads_to_mention(self, index: int) -> bool:
        """Whether only connectors separate this item from the next mention."""
        for ahead in range(index, min(index + 12, len(self.items))):
            item = self.items[ahead]
            if item.tag is Tag.MENTION:
                plural = any(after.text in ("are", "were") for after in self.items[ahead + 1 : ahead + 2])
                return plural or not self._subject_at(ahead)
            soft = item.tag is Tag.PUNCT and item.text in ",:-()[]/&+|\"'\u3001"
            if item.tag not in _CONNECTORS and not soft and item.text not in ("alternatively", "then"):
                return False
        return False

    def _verdict_ahead(self, index: int) -> bool:
        """Whether only "yes" or "no" follows: "Sad? No." """
        ahead = []
        for item in self.items[index : index + 5]:
            if item.tag is Tag.NEWLINE or (item.tag is Tag.PUNCT and item.text in _STOPS):
                break
            ahead.append(item)
        if not ahead or any(
            item.text not in _VERDICT_TAILS and item.text not in ("|", ",") for item in ahead[1:]
        ):
            return False
        return ahead[0].text in (
            "yes",
            "si",
            "ja",
            "oui",
            "no",
            "nein",
            "non",
            "not",
            "unlikely",
            "nope",
            "\u662f",
            "\u5426",
        )


def _forced(item: Item) -> bool:
    """Whether the item introduces a forced choice: "if I had to pick one from the list"."""
    return item.tag is Tag.PREFER and item.text.startswith(("if ", "forced", "having to"))


def _interjections(items: list[Item]) -> list[Item]:
    """Tag "No, ..." at the start of a sentence as a correction: it does not deny what follows."""
    for index, item in enumerate(items[:-1]):
        if item.tag is not Tag.NOT or item.text not in _INTERJECTIONS:
            continue
        before = items[index - 1] if index else None
        heads = before is None or before.tag in (Tag.NEWLINE, Tag.PUNCT, Tag.BUT)
        if heads and items[index + 1].text in (",", ":"):
            items[index] = Item(Tag.CORRECT, item.text, item.raw)
    return items


def split(items: list[Item]) -> list[Clause]:
    """Split the items of a reply into clauses."""
    clauses = _Cutter(_interjections(items)).run()
    for clause, after in zip(clauses[-2::-1], clauses[:0:-1], strict=True):
        if (
            after.stop == "?"
            and not clause.stop
            and (after.mentions or _asks(after) or after.items[0].tag is Tag.JOIN)
        ):
            clause.stop = "?"
    if any(clause.stop == "?" for clause in clauses):
        _spread_questions(clauses)
    for index, clause in enumerate(clauses):
        alone_before = index == 0 or clauses[index - 1].line != clause.line
        alone_after = index + 1 == len(clauses) or clauses[index + 1].line != clause.line
        clause.limited = index + 1 < len(clauses) and clauses[index + 1].items[0].text == "for"
        clause.whole_line = alone_before and alone_after
        clause.keyed = alone_before and not alone_after and clauses[index + 1].items[0].text in (":", "-")
    _mark_hypothetical(clauses)
    return clauses


def _spread_questions(clauses: list[Clause]) -> None:
    """Mark every clause of a sentence that starts as a question: "Is he sad because of the rain?" """
    asked = False
    for clause in reversed(clauses):
        if clause.stop:
            asked = clause.stop == "?"
        words = [item for item in clause.items if item.tag is not Tag.PUNCT]
        inverts = len(words) > 2 and words[0].text in _INVERTS and words[1].tag in (Tag.PERSON, Tag.FILLER)
        if asked and clause.opens and inverts:
            clause.stop = "?"


def _asks(clause: Clause) -> bool:
    """Whether the clause is a question by itself, not a tag question such as "isn't it?"."""
    words = [item for item in clause.items if item.tag is not Tag.PUNCT]
    return len(words) > 3 and words[0].text in _QUESTION_WORDS


def _mark_hypothetical(clauses: list[Clause]) -> None:
    """Apply a condition to the rest of its sentence and to a "would" directly before it."""
    under = False
    for index, clause in enumerate(clauses):
        goes_on = (
            not clause.opens
            or clause.items[0].text == "then"
            or (clauses[index - 1].stop == ";" and _elliptic(clause))
        )
        under = under and goes_on and (clause.parallel or not clause.but)
        clause.hypothetical = under
        clause.conditional = _conditional(clause)
        reported = clause.opens and opens_attribution(clause.items)
        if reported or any(item.text in IN_GENERAL for item in clause.items):
            clause.hypothetical = under or reported
            under = True
        elif clause.conditional:
            under = True
            before = clauses[index - 1] if index and not clause.opens else None
            if before is not None and (
                any("would" in item.text for item in before.items) or _elliptic(before)
            ):
                before.hypothetical = True


def _elliptic(clause: Clause) -> bool:
    """Whether the clause has neither subject nor verb: "from afar, weak"."""
    full = (Tag.PERSON, Tag.LINK, Tag.ANSWER, Tag.CONCLUDE, Tag.TOPIC, Tag.CORRECT, Tag.PREFER)
    return all(item.tag not in full for item in clause.items)


def _romance_condition(after: Item, clause: Clause) -> bool:
    """Whether "si" starts a condition: "si sonriera", "si elle souriait", but not "si tengo que elegir"."""
    subject = after.tag is Tag.PERSON or after.text.endswith(
        ("era", "ara", "eran", "aran", "ese", "iese", "ait")
    )
    return clause.opens and subject and not NOT_CONDITIONAL & {item.text for item in clause.items}


def _opens_condition(clause: Clause, start: list[Item]) -> bool:
    """Whether the first words state a condition: "were she smiling", "when he smiles", "give him a smile and"."""
    first, second = start[0].text, start[1] if len(start) > 1 else None
    if first == "provided" or (clause.opens and first in _IMAGINED):
        return True
    if second is None:
        return False
    if first in _INVERTED:
        return second.tag in (Tag.PERSON, Tag.FILLER)
    if first == "si":
        return _romance_condition(second, clause)
    return clause.opens and second.text in ("he", "she", "they", "il", "ils")


def _conditional(clause: Clause) -> bool:
    """Whether the clause states a condition; "if you look closely" and "if I must choose" do not count."""
    if clause.items[0].text in _OPENS_CONDITION or clause.items[0].tag is Tag.PUNCT:
        start = [item for item in clause.items[:3] if item.tag is not Tag.PUNCT]
        if start and start[0].text in _OPENS_CONDITION and _opens_condition(clause, start):
            return True
    for index, item in enumerate(clause.items):
        if item.tag is Tag.IF and item.text in CONDITIONALS:
            if item.text == "suppose" and index and clause.items[index - 1].text == "i":
                continue  # "worry, I suppose"
            rest = {other.text for other in clause.items[index + 1 :]}
            following = tuple(other.text for other in clause.items[index + 1 : index + 4])
            return not rest & NOT_CONDITIONAL and following[1:] not in _OBLIGED
    return False
