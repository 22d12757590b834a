"""From the events of all clauses to one answer: the last explicit commitment, unless the reply contradicts itself."""

from __future__ import annotations

from harness.parsing.clauses import Clause
from harness.parsing.events import Event, Kind, Strength
from harness.parsing.lexicon import Tag
from harness.parsing.result import Parsed, Unparsed
from harness.parsing.vocabulary import NOT_OFFERED, Value

_FACES = frozenset(["face", "visage", "gesicht", "rostro", "cara", "volto", "\u8138\u4e0a"])
_SHOWS = ("show", "shows", "express", "expresses", "is", "are")
_SEEMS = ("look", "looks", "seem", "seems", "appear", "appears")


def resolve(
    events: list[Event], *, cut_off: bool = False, open_answer: bool = False
) -> Parsed[Value] | Unparsed:
    """Weigh the events in order.

    `cut_off`: the text ends in mid-sentence; `open_answer`: it does so where it was about to answer.
    """
    events = _without_recitals(events)
    state = _State()
    for event in events:
        state.take(event)
    if state.conflict:
        return Unparsed(state.conflict)
    current = state.current
    if open_answer and (current is None or current.strength < Strength.TOPICAL):
        return Unparsed("cut off before the answer")
    if current is None:
        return _from_passing(state, cut_off)
    if current.kind is Kind.OPEN:
        return Unparsed(current.reason or "names several options, prefers none")
    if current.value is NOT_OFFERED:
        return Unparsed("answers with something that was not offered")
    return Parsed(current.value, current.how)


class _State:
    """The commitment that stands so far, and what speaks against it."""

    def __init__(self) -> None:
        self.current: Event | None = None
        self.passing: list[Event] = []
        self.conflict = ""
        self.refused = False
        self.denied: set[Value] = set()
        self.listed = ""
        self.just_before: Event | None = None

    def take(self, event: Event) -> None:
        """Let one event act."""
        if event.kind is Kind.REFUSE:
            self.refused = True
            if event.correction:
                self.current, self.conflict, self.passing = None, "", []
        elif event.kind is Kind.LIST:
            self.listed = event.reason or self.listed or "options listed, none chosen"
        elif event.kind is Kind.DENY:
            self._deny(event)
        elif event.doubtful:
            self._doubt(event)
        elif event.strength is Strength.PASSING and not event.correction:
            self._pass(event)
        else:
            self._commit(event)
        self.just_before = event

    def _deny(self, event: Event) -> None:
        self.denied.add(event.value)
        current = self.current
        if current is None or current.value != event.value or current.kind is not Kind.COMMIT:
            return
        elsewhere = current.clause is not event.clause and event.subject in (None, Tag.PERSON, Tag.TOPIC)
        if event.correction or elsewhere:
            self.conflict = "denies its own answer"

    def _limited(self, event: Event) -> bool:
        """Whether two options each hold for a part: "the first for joy, the second for anger"."""
        if event.clause is None or not event.clause.limited:
            return False
        return any(
            other.clause is not None and other.clause.limited and other.value != event.value
            for other in (*self.passing[-1:], *([self.current] if self.current else []))
        )

    def _doubt(self, event: Event) -> None:
        """What may not be meant as an answer gives none, but can contradict one that is no more explicit."""
        current = self.current
        self.passing.append(event)
        if current is not None and current.value != event.value and event.strength > Strength.PASSING:
            self.conflict = "asserts more than one answer"

    def _pass(self, event: Event) -> None:
        current = self.current
        if self._limited(event):
            self.conflict = "names several options, prefers none"
        if current is not None and self.just_before is current and _parallel(current, event):
            self.conflict = "names several options, prefers none"
        if event.alternative and current is not None and current.value != event.value:
            self.conflict = "names several options, prefers none"
        if current is not None and current.value != event.value and _reason_for(event):
            self.conflict = "asserts more than one answer"
        self.passing.append(event)
        self.refused = self.refused and event.hedged

    def _commit(self, event: Event) -> None:
        current = self.current
        self.refused = False
        before = self.just_before
        if before is not None and before.strength is Strength.PASSING and _parallel(event, before):
            self._replace(event)
            self.conflict = "names several options, prefers none"
        elif self._limited(event):
            self.conflict = "names several options, prefers none"
        elif event.kind is Kind.OPEN and event.also and current is not None:
            if event.value != current.value:
                self.conflict = event.reason
        elif event.alternative and current is not None and current.value != event.value:
            self.conflict = "names several options, prefers none"
        elif current is None or event.correction:
            self._replace(event)
            if any(
                one.doubtful and one.value != event.value and one.strength >= event.strength
                for one in self.passing
            ):
                self.conflict = "asserts more than one answer"
        elif event.kind is Kind.COMMIT and current.kind is Kind.COMMIT and event.value == current.value:
            if event.strength >= current.strength:
                self.current = event
                if event.strength >= Strength.CONCLUDING and not (event.field and current.field):
                    self.conflict = ""
        elif current.kind is Kind.OPEN and event.kind is Kind.COMMIT:
            self._after_open(current, event)
        elif event.kind is Kind.OPEN and event.strength < current.strength:
            return
        elif self._supersedes(event, current):
            self._replace(event)
        else:
            self.conflict = "asserts more than one answer"

    def _after_open(self, current: Event, event: Event) -> None:
        if event.also or (current.reason.startswith("fields")):
            self.conflict = current.reason or "names several options, prefers none"
        else:
            self._replace(event)

    def _supersedes(self, event: Event, current: Event) -> bool:
        """Whether a later, different answer takes the place of the one that stood."""
        if event.also:
            return False
        if (
            _seemed(current)
            and event.clause is not None
            and event.clause.but
            and event.subject in (Tag.PERSON, Tag.TOPIC)
            and not _seemed(event)
        ):
            return True
        adjacent = self.just_before is current
        if event.how.startswith("json") and current.strength >= Strength.TOPICAL:
            return False
        if event.field and current.field and adjacent:
            return _is_final(event) and not _is_final(current)
        labelled = [one.how in ("letter", "number") for one in (current, event)]
        if adjacent and labelled == [False, True] and not isinstance(event.value, float):
            return False
        if adjacent and labelled == [True, False] and current.bare and not isinstance(event.value, float):
            return False
        if event.strength is Strength.FINAL and current.strength is Strength.FINAL:
            return not adjacent or _is_final(event)
        return event.strength > current.strength

    def _replace(self, event: Event) -> None:
        self.current = event
        self.conflict = ""


def _parallel(told: Event, beside: Event) -> bool:
    """Whether the face says one thing and a part of it another, in the same words: neither outweighs the other."""
    if told.value == beside.value or told.clause is None or beside.clause is None:
        return False
    if told.strength is not Strength.STATEMENT or beside.hedged:
        return False
    if all(item.tag is not Tag.FEATURE for item in beside.clause.items):
        return False
    words = {item.text for item in told.clause.items if item.tag is Tag.PERSON}
    own = bool(words & _FACES) and not told.clause.but
    return own and _verb(told.clause).rstrip("s") == _verb(beside.clause).rstrip("s") != ""


def _reason_for(event: Event) -> bool:
    """Whether a part is said to show the option, as the reason of an answer: "because the smile shows joy"."""
    if event.clause is None or event.kind is not Kind.COMMIT or event.hedged:
        return False
    items = [item for item in event.clause.items if item.tag not in (Tag.PUNCT, Tag.FILLER)]
    tags = [item.tag for item in items]
    if tags[0] is not Tag.CAUSE or Tag.MINOR in tags or Tag.BUT in tags or tags.count(Tag.MENTION) != 1:
        return False
    at = tags.index(Tag.MENTION)
    shown = items[at - 1].tag is Tag.SUGGEST or items[at - 1].text in _SHOWS
    return shown and tags[at - 2] is Tag.FEATURE and Tag.FEATURE not in tags[at + 1 :]


def _verb(clause: Clause) -> str:
    """The word straight before the only option of the clause."""
    at = [index for index, item in enumerate(clause.items) if item.tag is Tag.MENTION]
    before = [item for item in clause.items[: at[0]] if item.tag is not Tag.FILLER] if len(at) == 1 else []
    return before[-1].text if before else ""


def _seemed(event: Event) -> bool:
    """Whether the clause tells only what it looks like: "it looks like surprise"."""
    return event.clause is not None and any(item.text in _SEEMS for item in event.clause.items)


def _is_final(event: Event) -> bool:
    """Whether the clause says in so many words that this is the last answer."""
    clause = event.clause
    return clause is not None and any(
        "final" in item.text or "endgult" in item.text or "最终" in item.text for item in clause.items
    )


def _without_recitals(events: list[Event]) -> list[Event]:
    """Lines that hold one option each, several in a row, are the options recited."""
    kept: list[Event] = []
    index = 0
    while index < len(events):
        run = _recital(events, index)
        keyed = run and run[0].clause is not None and run[0].clause.keyed
        if len({event.value for event in run}) < (3 if keyed else 2):
            kept.append(events[index])
            index += 1
            continue
        values = [event.value for event in run]
        last_repeats = len(set(values[:-1])) == len(values) - 1 > 2 and values[-1] in values[:-1]
        kept.append(
            Event(
                Kind.OPEN if len(run) == 2 else Kind.LIST, Strength.BARE, reason="options listed, none chosen"
            )
        )
        if last_repeats:
            kept.append(run[-1])
        index += len(run)
    return kept


def _recital(events: list[Event], start: int) -> list[Event]:
    run: list[Event] = []
    for event in events[start:]:
        clause = event.clause
        alone = event.kind is Kind.COMMIT and event.bare and event.strength is Strength.BARE
        if not alone or clause is None or not (clause.whole_line or clause.keyed) or event.correction:
            break
        if run:
            last = run[-1].clause
            if (
                last is None
                or last.keyed is not clause.keyed
                or clause.line - last.line != 1
                or clause.after_blank
            ):
                break
        run.append(event)
    return run


def _from_passing(state: _State, cut_off: bool) -> Parsed[Value] | Unparsed:
    """Nothing is asserted outright: what is named in passing counts where it agrees."""
    if state.refused:
        return Unparsed("says it cannot tell")
    if not state.passing:
        if state.listed:
            return Unparsed(state.listed)
        return Unparsed("only denies options" if state.denied else "names no option")
    if cut_off:
        return Unparsed("cut off before the answer")
    if any(event.kind is Kind.OPEN for event in state.passing):
        return Unparsed("names several options, prefers none")
    if all(event.doubtful for event in state.passing):
        return Unparsed("names an option only in passing")
    values = {event.value for event in state.passing}
    if len(values) > 1:
        return Unparsed("names several options, prefers none")
    first = state.passing[0]
    if first.value in state.denied:
        return Unparsed("denies its own answer")
    if first.value is NOT_OFFERED:
        return Unparsed("answers with something that was not offered")
    return Parsed(first.value, first.how)
