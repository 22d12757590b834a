"""Contradictions within a reply: a label against a word, or one answer field against another."""

from __future__ import annotations

from collections.abc import Sequence

from harness.parsing.prose.events import FIELDS_CONTRADICT, SEVERAL_NAMED, Event, Kind, Strength
from harness.parsing.prose.mentions import Found

LABEL_CONTRADICTS_WORD = "label and word contradict each other"


def conflict_reason(chosen: Sequence[Found]) -> str:
    """Why mentions of several options leave a reply unparsed: "A. sad" where A was not sad, or just several options."""
    by_label = {found.item.how in ("letter", "number") for found in chosen}
    return LABEL_CONTRADICTS_WORD if len(by_label) == 2 else SEVERAL_NAMED


def agreed(answers: Sequence[Event]) -> Event:
    """One event for all answer fields: an answer if they agree, otherwise a contradiction."""
    for event in answers:
        if event.kind is Kind.OPEN:
            return event
    if len({event.value for event in answers}) > 1:
        return Event(Kind.OPEN, Strength.FINAL, reason=FIELDS_CONTRADICT, field=True)
    first = answers[0]
    return Event(Kind.COMMIT, Strength.FINAL, first.value, "json field", field=True)
