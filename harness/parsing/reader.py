"""Reads a whole reply with one vocabulary: fields first, then clause by clause."""

from __future__ import annotations

from functools import lru_cache

from harness.parsing import clean, fields
from harness.parsing.clauses import Clause, split
from harness.parsing.commit import ClauseReader, Reconcile
from harness.parsing.events import Event, Kind, Strength
from harness.parsing.labels import mark_labels
from harness.parsing.lexicon import Tag
from harness.parsing.resolve import resolve
from harness.parsing.result import Parsed, Unparsed
from harness.parsing.scores import scored
from harness.parsing.tokens import Item, scan
from harness.parsing.typos import mark_fallbacks
from harness.parsing.vocabulary import Value, Vocabulary

_HEAD_ITEMS, _TAIL_ITEMS = 1_500, 4_500  # read of a reply with more words than any answer needs
_REMEMBERED, _REPEATED = 1 << 14, 200
"""How many replies are remembered, and up to what length: judges say the same short sentences again and again."""
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


class Reader:
    """One question's vocabulary and, where answers can be averaged, the rule for that.

    `prepare` rewrites the plain text before it is cut into items (numbers of a rating, names of pictures);
    `mark` turns items into further mentions.
    """

    def __init__(self, vocabulary: Vocabulary, *, reconcile: Reconcile | None = None) -> None:
        self.vocabulary = vocabulary
        self.reconcile = reconcile

    def prepare(self, text: str) -> str:
        """The plain text as it is to be scanned."""
        return text

    def mark(self, items: list[Item]) -> list[Item]:
        """Find the mentions that take more than a lookup."""
        return mark_labels(items, self.vocabulary)

    def read(self, text: str) -> Parsed[Value] | Unparsed:
        """The answer that `text` commits to."""
        quick = self.vocabulary.bare(text.strip(_STRIP).lower())
        if quick is not None:
            return Parsed(*quick)
        return _remembered(self, text) if len(text) <= _REPEATED else self.read_sentences(text)

    def read_sentences(self, text: str) -> Parsed[Value] | Unparsed:
        """The answer of a text that is more than a bare word."""
        if not text.strip():
            return Unparsed("empty reply")
        part = clean.answer_part(text)
        if part is None:
            return Unparsed("thinking without an answer after it")
        part = clean.bounded(part).strip()
        if not part:
            return Unparsed("empty reply")
        quick = self.vocabulary.bare(clean.key(part.strip(_STRIP)))
        if quick is not None and not part.startswith(("-", "+")):
            return Parsed(*quick)
        quick = self.vocabulary.bare(clean.key(clean.before_next_question(part).strip(_STRIP)))
        if quick is not None:
            return Parsed(*quick)
        events, clauses = self._events(part)
        return resolve(events, cut_off=_cut_off(clauses), open_answer=_open_answer(clauses))

    def _events(self, text: str) -> tuple[list[Event], list[Clause]]:
        events: list[Event] = []
        clauses: list[Clause] = []
        position = 0
        for found in fields.objects(text):
            events += self._read_text(text[position : found.start])[0]
            events += fields.events(found.content, self.read_value, lambda prose: self._read_text(prose)[0])
            position = found.end
        tail, clauses = self._read_text(text[position:])
        return events + tail, clauses

    def _read_text(self, text: str) -> tuple[list[Event], list[Clause]]:
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
            reader = ClauseReader(clause, subject, self.reconcile, comparing=self.vocabulary.pictures)
            said = reader.read()
            for event in said:
                if correcting and event.kind is Kind.COMMIT and event.strength > Strength.PASSING:
                    event.correction = True
            if said or clause.stop == "\n":
                correcting = False
            elif Tag.CORRECT in reader.tags:
                correcting = True  # "Actually, the brows are raised. Worry."
            events += said
            subject = reader.subject or (subject if not clause.opens else None)
        return events, clauses

    def read_value(self, text: str) -> Event | None:
        """The event of a field's value, a short text that answers by itself; None where it names nothing."""
        quick = self.vocabulary.bare(text.strip(_STRIP).lower())
        if quick is not None:
            return Event(Kind.COMMIT, Strength.FINAL, *quick, field=True)
        events, _ = self._read_text(text)
        named = [event for event in events if event.kind in (Kind.COMMIT, Kind.OPEN, Kind.LIST)]
        if not named:
            return None
        result = resolve(events)
        if isinstance(result, Unparsed):
            return Event(Kind.OPEN, Strength.FINAL, reason=result.reason, field=True)
        return Event(Kind.COMMIT, Strength.FINAL, result.value, result.how, field=True)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(reader: Reader, text: str) -> Parsed[Value] | Unparsed:
    return reader.read_sentences(text)


def _rejects_rest(clause: Clause) -> bool:
    """Whether the lines that follow say why the other options were not chosen."""
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
    """Whether the text stops in mid-sentence in a clause that names no option."""
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
    """Whether the text stops where it was about to answer: "Therefore, the emotion shown is"."""
    if not _cut_off(clauses) or clauses[-1].mentions:
        return False
    tags = {item.tag for item in clauses[-1].items}
    return bool(tags & {Tag.ANSWER, Tag.CONCLUDE, Tag.TOPIC, Tag.CORRECT, Tag.PREFER})
