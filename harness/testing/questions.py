"""Well-formed requests to judges, for every kind of question and every way to answer it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness import (
    EMOTIONS,
    Capability,
    Judge,
    JudgeRequest,
    Message,
    Part,
    Picture,
    Question,
    Sampling,
    Scale,
)
from harness.testing.pictures import as_taken, face_picture

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
POLARITIES = ("positive", "neutral", "negative")
PAIR = ("first", "second")
UNICODE = "¿Qué emoción? 표정 \N{GRINNING FACE}\N{ZERO WIDTH JOINER}\N{COMBINING ACUTE ACCENT} مرحبا 𝔘"
"""Accents, several scripts, an emoji, right-to-left text, a joiner, and a letter outside the basic plane."""


@dataclass(frozen=True)
class Branch:
    """One kind of question with one way to answer it, and the capabilities that it needs."""

    name: str
    question: Question
    needs: frozenset[Capability]


_KINDS = {
    "emotion": Question("choice", EMOTIONS, target="emotion"),
    "polarity": Question("choice", POLARITIES, target="polarity"),
    "intensity": Question("rating", LEVELS, scale=Scale(LEVELS), target="intensity"),
    "pair": Question("pair", PAIR, target="intensity"),
}


def _branches() -> tuple[Branch, ...]:
    found = []
    for mode in (Capability.TEXT, Capability.CHOICE, Capability.RATING, Capability.LOGPROBS):
        for kind, question in _KINDS.items():
            if mode is Capability.RATING and question.kind != "rating":
                continue
            needs = {mode, Capability.MULTI_IMAGE} if kind == "pair" else {mode}
            asked = replace(question, answer_mode=mode.value)
            found.append(Branch(f"{mode.value}-{kind}", asked, frozenset(needs)))
    return tuple(found)


BRANCHES = _branches()
"""Named `MODE-KIND`: `text-emotion`, `logprobs-intensity`, ..."""


def asked(
    judge: Judge,
    question: Question,
    pictures: Sequence[Picture],
    prompt: str = "",
    *,
    sampling: Sampling | None = None,
    shared: bool = False,
) -> list[JudgeRequest]:
    """One request for each picture; for a pair of pictures, with its neighbour.

    Options of a choice come in another order each time, as in a run. A stand-in that sees the truth is given one.
    `shared`: the options keep their order.
    """
    taken = [as_taken(picture, judge.takes) for picture in pictures]
    requests = []
    for n, picture in enumerate(taken):
        turn = 0 if question.kind != "choice" or shared else n % len(question.options)
        shown = replace(question, options=question.options[turn:] + question.options[:turn])
        images = (picture, taken[(n + 1) % len(taken)]) if question.kind == "pair" else (picture,)
        parts = (*(Part(image=i) for i in range(len(images))), Part(prompt or words(shown)))
        key = f"{n} {question.kind} {question.answer_mode} {question.target} {prompt} {picture.digest}"
        requests.append(
            JudgeRequest(
                hashlib.blake2b(key.encode(), digest_size=16).hexdigest(),
                f"s{n}",
                images,
                (Message("user", parts),),
                shown,
                sampling or Sampling(seed=n),
                _truth(question, n) if Capability.ORACLE in judge.capabilities else None,
            )
        )
    return requests


def faces(n: int, first: int = 0) -> list[Picture]:
    """So many drawn faces that all differ."""
    return [face_picture(first + i) for i in range(n)]


def words(question: Question) -> str:
    """A short prompt for a question."""
    return f"Which {question.target or 'one'}? {', '.join(question.options)}"


def _truth(question: Question, n: int) -> str | float:
    if question.kind == "rating":
        return float(1 + n % len(question.options))
    return question.options[n % len(question.options)]
