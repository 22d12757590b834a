"""What a study stores of its raters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["invited", "consent", "check", "training", "main", "done", "withdrawn"]
Part = Literal["training", "opening", "main", "repeat", "attention", "gold"]
COUNTED = ("main", "gold")
"""Parts of a session whose answers are about pictures: the others train, settle or check a rater."""
NOT_A_FACE, CANNOT_TELL = "!not_a_face", "!cannot_tell"
"""Values of an answer that is no option."""


@dataclass(frozen=True)
class Rater:
    """A person who takes part."""

    id: int
    name: str
    token_hash: str
    """Of the personal link; "" for people who came by themselves."""
    cookie_hash: str
    """Of the cookie of the device that opened the link; "" before."""
    form_key: str
    """Every form of this rater carries it."""
    state: State
    language: str
    seed: int
    created: float
    """Seconds since 1970, like all times."""
    started: float | None
    finished: float | None
    code: str
    """Completion code."""
    display: Mapping[str, Any]
    """What the check of the display found."""
    session: int
    """The number of the session, from 1; 0 before the first."""
    session_began: float | None
    rest_until: float | None
    external: bool
    """Whether they came by themselves, with an id of another service."""


@dataclass(frozen=True)
class Trial:
    """One place in a rater's order: fixed before the first is shown."""

    rater: int
    position: int
    part: Part
    question: str
    options: tuple[str, ...]
    """In the order shown."""
    expected: str | None = None
    """The option to choose, in training and attention trials."""


@dataclass(frozen=True)
class Answer:
    """What a rater answered at a position."""

    rater: int
    position: int
    value: str
    """An option, or `NOT_A_FACE` or `CANNOT_TELL`."""
    ms: int
    """From the picture being shown to the answer, as the browser measured it; 0: unknown."""
    answered: float
    session: int = 1
    changes: int = 0
    """How often it was changed by going back."""


@dataclass(frozen=True)
class Event:
    """Something that the experimenter should see."""

    time: float
    kind: str
    rater: int | None
    text: str


@dataclass(frozen=True)
class Row:
    """An answer with the trial that it belongs to."""

    rater: int
    position: int
    part: Part
    question: str
    options: tuple[str, ...]
    expected: str | None
    value: str
    ms: int
    answered: float
    session: int
    changes: int = field(default=0)
