"""Parse a whole reply with the vocabulary of one question: JSON fields first, then clause by clause."""

from __future__ import annotations

from functools import lru_cache

from harness.parsing import clean, fields
from harness.parsing.declared import Names, declared
from harness.parsing.lexicon import Tag, undecided
from harness.parsing.prose.clause_parser import ClauseParser, Reconcile
from harness.parsing.prose.clauses import Clause, split
from harness.parsing.prose.contradictions import LABEL_CONTRADICTS_WORD
from harness.parsing.prose.events import MORE_THAN_ONE, Event, Kind, Strength
from harness.parsing.prose.labels import mark_labels
from harness.parsing.prose.resolve import resolve
from harness.parsing.prose.scores import scored
from harness.parsing.prose.tokens import Item, scan
from harness.parsing.prose.typos import mark_fallbacks
from harness.parsing.result import PROSE, Parsed, Unparsed
from harness.parsing.vocabulary import Value, Vocabulary

_HEAD_ITEMS, _TAIL_ITEMS = 600, 1_800  # kept from the start and the end of an overlong reply
_CACHED_REPLIES, _MAX_CACHED_LENGTH = 1 << 14, 200
"""Cache size and the longest cached reply: judges repeat the same short sentences."""
_STRIP = " \t\r\n.!*`\"'\u3002\uff01"
_OPEN_ENDS = frozenset(
    {
        Tag.LINK,
        Tag.OPEN,
        Tag.JOIN,
        Tag.FILLER,
        Tag.CAUSE,
        Tag.ANSWER,
        Tag.LISTING,
        Tag.NOT,
        Tag.PREFER,
        Tag.MAYBE,
        Tag.PERSON,
        Tag.MINOR,
        Tag.TOPIC,
        Tag.CONCLUDE,
        Tag.CORRECT,
        Tag.BUT,
    }
)


class ReplyParser:
    """Parses replies to one question.

    `reconcile` merges several values into one where that is possible (ratings). Subclasses override `prepare`, which
    rewrites the plain text before tokenisation, and `mark`, which finds further mentions among the items.
    """

    def __init__(self, vocabulary: Vocabulary, *, reconcile: Reconcile | None = None) -> None:
        self.vocabulary = vocabulary
        self.reconcile = reconcile
        labels = bool(vocabulary.labels)
        self.names = Names(self.bare, self.parse_value, labels, self._contradicts)

    def bare(self, text: str) -> tuple[Value, str] | None:
        """The answer and the rule of a folded text that is nothing but a name; None for any other text."""
        return self.vocabulary.bare(text)

    def prepare(self, text: str) -> str:
        """Rewrite the plain text before it is tokenised."""
        return text

    def mark(self, items: list[Item]) -> list[Item]:
        """Find the mentions that need more than a vocabulary lookup."""
        return mark_labels(items, self.vocabulary)

    def parse(self, text: str) -> Parsed[Value] | Unparsed:
        """The answer that `text` commits to."""
        quick = self.vocabulary.bare(text.strip(_STRIP).lower())
        if quick is not None:
            return Parsed(*quick)
        return _cached_parse(self, text) if len(text) <= _MAX_CACHED_LENGTH else self.parse_sentences(text)

    def parse_sentences(self, text: str) -> Parsed[Value] | Unparsed:
        """The answer of a text that is not just a bare option."""
        if not text.strip():
            return Unparsed("empty reply")
        part = clean.answer_part(text)
        if part is None:
            return Unparsed("no answer after the thinking part")
        part = clean.bounded(part).strip()
        if not part:
            return Unparsed("empty reply")
        quick = self.vocabulary.bare(clean.key(part.strip(_STRIP)))
        if quick is not None and not part.startswith(("-", "+")):
            return Parsed(*quick)
        quick = self.vocabulary.bare(clean.key(clean.before_next_question(part).strip(_STRIP)))
        if quick is not None:
            return Parsed(*quick)
        found = declared(part, self.names)
        return self._prose(part) if found is None else found

    def _prose(self, text: str) -> Parsed[Value] | Unparsed:
        lower = text.lower().replace("-", " ")
        for sentence in undecided():
            for word in sentence.needs:
                if word in lower:
                    if sentence.pattern.search(clean.fold(lower)):
                        return Unparsed(sentence.reason)
                    break
        events, clauses = self._events(text)
        return resolve(events, cut_off=_cut_off(clauses), open_answer=_open_answer(clauses))

    def _contradicts(self, text: str) -> bool:
        """Whether the sentences of a text assert different options."""
        found = self._prose(text)
        return isinstance(found, Unparsed) and found.reason in (MORE_THAN_ONE, LABEL_CONTRADICTS_WORD)

    def _events(self, text: str) -> tuple[list[Event], list[Clause]]:
        for json in reversed(list(fields.objects(text))):
            text = f"{text[: json.start]}\n{text[json.end :]}"
        return self._parse_text(text)

    def _parse_text(self, text: str) -> tuple[list[Event], list[Clause]]:
        if not text.strip():
            return [], []
        items = scan(self.prepare(clean.plain(text)), self.vocabulary)
        if len(items) > _HEAD_ITEMS + _TAIL_ITEMS:
            items = items[:_HEAD_ITEMS] + items[-_TAIL_ITEMS:]
        items = self.mark(items)
        items = mark_fallbacks(items, self.vocabulary)
        distribution = scored(items)
        clauses = split(items)
        if distribution is not None:
            return [distribution], clauses
        events: list[Event] = []
        subject: Tag | None = None
        rejecting = correcting = False
        for clause in clauses:
            if rejecting and not clause.after_blank:
                continue
            rejecting = _rejects_rest(clause)
            parser = ClauseParser(clause, subject, self.reconcile, comparing=self.vocabulary.pictures)
            found = parser.parse()
            for event in found:
                if correcting and event.kind is Kind.COMMIT and event.strength > Strength.PASSING:
                    event.correction = True
            if found or clause.stop == "\n":
                correcting = False
            elif Tag.CORRECT in parser.tags:
                correcting = True  # "Actually, the brows are raised. Worry."
            events += found
            subject = parser.subject or (subject if not clause.opens else None)
        return events, clauses

    def parse_value(self, text: str) -> Event | None:
        """The event of a field value, a short text that is an answer by itself; None if it names no option."""
        quick = self.vocabulary.bare(text.strip(_STRIP).lower())
        if quick is not None:
            return Event(Kind.COMMIT, Strength.FINAL, *quick, field=True)
        events, _ = self._parse_text(text)
        named = [event for event in events if event.kind in (Kind.COMMIT, Kind.OPEN, Kind.LIST)]
        if not named:
            return None
        result = resolve(events)
        if isinstance(result, Unparsed):
            return Event(Kind.OPEN, Strength.FINAL, reason=result.reason, field=True)
        how = "field" if result.how == PROSE else result.how
        return Event(Kind.COMMIT, Strength.FINAL, result.value, how, field=True)


@lru_cache(maxsize=_CACHED_REPLIES)
def _cached_parse(parser: ReplyParser, text: str) -> Parsed[Value] | Unparsed:
    return parser.parse_sentences(text)


def _rejects_rest(clause: Clause) -> bool:
    """Whether the following lines explain why the other options were not chosen."""
    if clause.stop != "\n" or not clause.items or clause.items[-1].text != ":":
        return False
    text = " ".join(item.text for item in clause.items)
    return any(words in text for words in ("why not", "other options", "not the others", "other emotions"))


def _last_items(clauses: list[Clause]) -> list[Item]:
    return (
        [item for item in clauses[-1].items if not (item.tag is Tag.PUNCT and item.text in "'\"")]
        if clauses
        else []
    )


def _cut_off(clauses: list[Clause]) -> bool:
    """Whether the text stops mid-sentence, in a clause that names no option."""
    if not clauses or clauses[-1].stop:
        return False
    items = _last_items(clauses)
    if not items or items[-1].tag is Tag.MENTION:
        return False
    named = bool(clauses[-1].mentions) and items[-1].tag in (
        Tag.PERSON,
        Tag.TOPIC,
        Tag.FILLER,
        Tag.LINK,
        Tag.ANSWER,
    )
    if (items[-1].tag in _OPEN_ENDS and not named) or items[-1].text in (",", ":", "("):
        return True
    return not clauses[-1].mentions and len(items) > 2


def _open_answer(clauses: list[Clause]) -> bool:
    """Whether the text stops just before the answer: "Therefore, the emotion shown is"."""
    if not _cut_off(clauses) or clauses[-1].mentions:
        return False
    tags = {item.tag for item in clauses[-1].items}
    return bool(tags & {Tag.ANSWER, Tag.CONCLUDE, Tag.TOPIC, Tag.CORRECT, Tag.PREFER})
