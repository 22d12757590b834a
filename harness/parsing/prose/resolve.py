"""Resolve the events of all clauses into one answer: the last explicit commitment, unless they conflict."""

from __future__ import annotations

from harness.parsing.lexicon import Tag, words, words_in_order
from harness.parsing.prose.clauses import Clause
from harness.parsing.prose.events import (
    CANNOT_TELL,
    CUT_OFF,
    DENIED_OWN,
    FIELDS_CONTRADICT,
    LISTED,
    MORE_THAN_ONE,
    OTHER_ANSWER,
    SEVERAL_NAMED,
    Event,
    Kind,
    Strength,
)
from harness.parsing.result import PROSE, Parsed, Unparsed
from harness.parsing.vocabulary import NOT_OFFERED, Value

_FACES = words("resolve.faces")
_SHOWS = words_in_order("resolve.shows")
_SEEMS = words_in_order("resolve.seems")


def resolve(
    events: list[Event], *, cut_off: bool = False, open_answer: bool = False
) -> Parsed[Value] | Unparsed:
    """Process the events in order.

    `cut_off`: the text ends mid-sentence. `open_answer`: it ends just before the answer.
    """
    events = _merge_listed_options(events)
    state = _State()
    for event in events:
        state.take(event)
    if state.conflict:
        return Unparsed(state.conflict)
    current = state.current
    if open_answer and (current is None or current.strength < Strength.TOPICAL):
        return Unparsed(CUT_OFF)
    if current is None:
        return _from_passing(state, cut_off)
    if current.kind is Kind.OPEN:
        return Unparsed(current.reason or SEVERAL_NAMED)
    if current.value is NOT_OFFERED:
        return Unparsed(OTHER_ANSWER)
    return Parsed(current.value, current.how if _declares(current) else PROSE)


def _declares(event: Event) -> bool:
    """Whether an answer is nothing but a name, is called the answer, or is a label or a number."""
    return (
        event.strength >= Strength.BARE
        or event.how in ("letter", "number", "score")
        or event.how.startswith("json")
    )


class _State:
    """The current commitment and the evidence against it."""

    def __init__(self) -> None:
        self.current: Event | None = None
        self.passing: list[Event] = []
        self.conflict = ""
        self.refused = False
        self.denied: set[Value] = set()
        self.listed = ""
        self.just_before: Event | None = None

    def take(self, event: Event) -> None:
        if event.kind is Kind.REFUSE:
            self.refused = True
            if event.correction:
                self.current, self.conflict, self.passing = None, "", []
        elif event.kind is Kind.LIST:
            self.listed = event.reason or self.listed or LISTED
        elif event.kind is Kind.DENY:
            self._take_denial(event)
        elif event.doubtful:
            self._take_doubtful(event)
        elif event.strength is Strength.PASSING and not event.correction:
            self._take_passing(event)
        else:
            self._take_commitment(event)
        self.just_before = event

    def _take_denial(self, event: Event) -> None:
        self.denied.add(event.value)
        current = self.current
        if current is None or current.value != event.value or current.kind is not Kind.COMMIT:
            return
        elsewhere = current.clause is not event.clause and event.subject in (None, Tag.PERSON, Tag.TOPIC)
        if event.correction or elsewhere:
            self.conflict = DENIED_OWN

    def _limited(self, event: Event) -> bool:
        """Whether two options apply to different parts: "the first for joy, the second for anger"."""
        if event.clause is None or not event.clause.limited:
            return False
        return any(
            other.clause is not None and other.clause.limited and other.value != event.value
            for other in (*self.passing[-1:], *([self.current] if self.current else []))
        )

    def _take_doubtful(self, event: Event) -> None:
        """A doubtful mention is no answer, but can contradict one that is not more explicit."""
        current = self.current
        self.passing.append(event)
        if current is not None and current.value != event.value and event.strength > Strength.PASSING:
            self.conflict = MORE_THAN_ONE

    def _take_passing(self, event: Event) -> None:
        current = self.current
        if self._limited(event):
            self.conflict = SEVERAL_NAMED
        if current is not None and self.just_before is current and _parallel(current, event):
            self.conflict = SEVERAL_NAMED
        if event.alternative and current is not None and current.value != event.value:
            self.conflict = SEVERAL_NAMED
        if current is not None and current.value != event.value and _reason_for(event):
            self.conflict = MORE_THAN_ONE
        self.passing.append(event)
        self.refused = self.refused and event.hedged

    def _take_commitment(self, event: Event) -> None:
        current = self.current
        self.refused = False
        before = self.just_before
        if before is not None and before.strength is Strength.PASSING and _parallel(event, before):
            self._replace(event)
            self.conflict = SEVERAL_NAMED
        elif self._limited(event):
            self.conflict = SEVERAL_NAMED
        elif event.kind is Kind.OPEN and event.also and current is not None:
            if event.value != current.value:
                self.conflict = event.reason
        elif event.alternative and current is not None and current.value != event.value:
            self.conflict = SEVERAL_NAMED
        elif current is None or event.correction:
            self._replace(event)
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
            self.conflict = MORE_THAN_ONE

    def _after_open(self, current: Event, event: Event) -> None:
        if event.also or current.reason == FIELDS_CONTRADICT:
            self.conflict = current.reason or SEVERAL_NAMED
        else:
            self._replace(event)

    def _supersedes(self, event: Event, current: Event) -> bool:
        """Whether a later, different answer replaces the current one."""
        if (
            _only_seems(current)
            and event.clause is not None
            and event.clause.but
            and event.subject in (Tag.PERSON, Tag.TOPIC)
            and not _only_seems(event)
        ):
            return True
        adjacent = self.just_before is current
        labelled = [one.how in ("letter", "number") for one in (current, event)]
        if adjacent and labelled == [False, True] and not isinstance(event.value, float):
            return False
        if adjacent and labelled == [True, False] and current.bare and not isinstance(event.value, float):
            return False
        return event.strength > current.strength

    def _replace(self, event: Event) -> None:
        self.current = event
        self.conflict = ""


def _parallel(stated: Event, other: Event) -> bool:
    """Whether the face and a part of it show different options in the same words, so that neither outweighs the other."""
    if stated.value == other.value or stated.clause is None or other.clause is None:
        return False
    if all(item.tag is not Tag.FEATURE for item in other.clause.items):
        return False
    words = {item.text for item in stated.clause.items if item.tag is Tag.PERSON}
    own = bool(words & _FACES) and not stated.clause.but
    return own and _verb(stated.clause).rstrip("s") == _verb(other.clause).rstrip("s") != ""


def _reason_for(event: Event) -> bool:
    """Whether the clause gives a reason in which a feature shows the option: "because the smile shows joy"."""
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
    """The word directly before the only option of the clause."""
    at = [index for index, item in enumerate(clause.items) if item.tag is Tag.MENTION]
    before = [item for item in clause.items[: at[0]] if item.tag is not Tag.FILLER] if len(at) == 1 else []
    return before[-1].text if before else ""


def _only_seems(event: Event) -> bool:
    """Whether the clause only describes an appearance: "it looks like surprise"."""
    return event.clause is not None and any(item.text in _SEEMS for item in event.clause.items)


def _merge_listed_options(events: list[Event]) -> list[Event]:
    """Replace consecutive lines of one option each by a single event: they list the options."""
    kept: list[Event] = []
    index = 0
    while index < len(events):
        run = _listed_options(events, index)
        keyed = run and run[0].clause is not None and run[0].clause.keyed
        if len({event.value for event in run}) < (3 if keyed else 2):
            kept += run or [events[index]]
        else:
            kept.append(Event(Kind.OPEN if len(run) == 2 else Kind.LIST, Strength.BARE, reason=LISTED))
        index += max(1, len(run))
    return kept


def _listed_options(events: list[Event], start: int) -> list[Event]:
    run: list[Event] = []
    for index in range(start, len(events)):
        event = events[index]
        clause = event.clause
        alone = event.kind is Kind.COMMIT and event.bare and event.strength is Strength.BARE
        if not alone or clause is None or not (clause.whole_line or clause.keyed) or event.correction:
            break
        run.append(event)
    return run


def _from_passing(state: _State, cut_off: bool) -> Parsed[Value] | Unparsed:
    """Without an explicit answer, passing mentions count if they agree."""
    if state.refused:
        return Unparsed(CANNOT_TELL)
    if not state.passing:
        if state.listed:
            return Unparsed(state.listed)
        return Unparsed("only rules out options" if state.denied else "names no option")
    if cut_off:
        return Unparsed(CUT_OFF)
    if any(event.kind is Kind.OPEN for event in state.passing):
        return Unparsed(SEVERAL_NAMED)
    if all(event.doubtful for event in state.passing):
        return Unparsed("mentions an option only in passing")
    values = {event.value for event in state.passing}
    if len(values) > 1:
        return Unparsed(SEVERAL_NAMED)
    first = state.passing[0]
    if first.value in state.denied:
        return Unparsed(DENIED_OWN)
    if first.value is NOT_OFFERED:
        return Unparsed(OTHER_ANSWER)
    return Parsed(first.value, first.how if first.how in ("letter", "number") else PROSE)
