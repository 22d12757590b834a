"""Events: what a clause says about the answer, and how explicitly."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from harness.parsing.lexicon import Tag
from harness.parsing.prose.clauses import Clause
from harness.parsing.vocabulary import Value

SEVERAL_NAMED = "names several options without choosing one"
CANNOT_TELL = "says it cannot tell"
RETRACTED = "retracts its answer"
LISTED = "lists options without choosing one"
DENIED_OWN = "contradicts its own answer"
MORE_THAN_ONE = "gives more than one answer"
OTHER_ANSWER = "answers with something that is not an option"
CUT_OFF = "cut off before the answer"
FIELDS_CONTRADICT = "fields contradict each other"


class Strength(IntEnum):
    """How explicitly a clause answers the question. The higher value wins."""

    PASSING = 1  # about a detail, or with "maybe"
    STATEMENT = 3  # about the person or the picture
    TOPICAL = 4  # "the emotion is ..."
    CONCLUDING = 5  # "overall, ..."
    BARE = 6  # nothing but the option
    FINAL = 7  # "the answer is ..."


class Kind(Enum):
    COMMIT = auto()
    OPEN = auto()  # several, none preferred
    LIST = auto()  # the options enumerated
    DENY = auto()
    REFUSE = auto()


@dataclass(slots=True)
class Event:
    """What a clause says about the answer."""

    kind: Kind
    strength: Strength
    value: Value = None
    how: str = ""
    correction: bool = False
    field: bool = False  # a line "key: value"
    clause: Clause | None = None
    bare: bool = False
    hedged: bool = False  # "might be"
    also: bool = False
    alternative: bool = False  # "maybe worry", after another answer
    subject: Tag | None = None
    doubtful: bool = False  # unknown words between the subject and the option
    reason: str = ""
