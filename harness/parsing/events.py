"""What a clause can say about the answer, and how explicitly."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from harness.parsing.clauses import Clause
from harness.parsing.lexicon import Tag
from harness.parsing.vocabulary import Value

SEVERAL_NAMED = "names several options, prefers none"
CANNOT_TELL = "says it cannot tell"
TAKEN_BACK = "takes its answer back"
LISTED = "options listed, none chosen"


class Strength(IntEnum):
    """How explicitly a clause answers the question; the order decides which clause wins."""

    PASSING = 1  # named for a detail, or with "maybe"
    STATEMENT = 3  # said of the person or the picture
    TOPICAL = 4  # "the emotion is ..."
    CONCLUDING = 5  # "overall, ..."
    BARE = 6  # nothing but the option
    FINAL = 7  # "the answer is ..."


class Kind(Enum):
    """What an event is."""

    COMMIT = auto()
    OPEN = auto()  # several, none preferred
    LIST = auto()  # the options recited
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
    doubtful: bool = False  # words that the rules do not know stand between the subject and the option
    reason: str = ""
