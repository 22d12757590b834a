"""Runs for the tests of exports: judges and a generator whose replies are right, wrong, unreadable, missing or hostile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from harness import (
    Capability,
    Generator,
    ImageReply,
    ImageRequest,
    Judge,
    JudgeReply,
    JudgeRequest,
    ReplyError,
    RunResult,
    evaluate,
)
from helpers import people

HOSTILE = '</script><script>alert(1)</script> \u202e\x1b[31m {"emotion": \u2028 =1+1'


class Mixed(Judge):
    """An oracle that is right, wrong, says a sentence or nothing of use, or fails, as the id of the request decides."""

    capabilities = frozenset({Capability.TEXT, Capability.MULTI_IMAGE, Capability.ORACLE})

    def identity(self) -> Mapping[str, str]:
        return {"made": type(self).__name__}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            options, kind = request.question.options, int(request.id[:2], 16) % 7
            if kind == 6:
                yield JudgeReply(request.id, error=ReplyError("timeout", "no answer in time"))
                continue
            truth = request.truth if isinstance(request.truth, str) else f"{request.truth:g}"
            texts = [
                truth,
                truth,
                options[0],
                f"This person looks {options[-1]} to me.",
                HOSTILE,
                "I cannot tell.",
            ]
            yield JudgeReply(
                request.id,
                text=texts[kind],
                usage={"prompt_tokens": 300, "completion_tokens": 2, "cost": 0.001},
                timings={"seconds": 0.25},
            )


class Guess(Judge):
    """Answers by chance, with a probability for each option; fails sometimes."""

    capabilities = frozenset({Capability.LOGPROBS})

    def identity(self) -> Mapping[str, str]:
        return {"made": type(self).__name__}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            number = int(request.id[:4], 16)
            if number % 9 == 0:
                yield JudgeReply(request.id, error=ReplyError("timeout", "no answer in time"))
            else:
                options = request.question.options
                scores = {option: -float(number * (k + 1) % 7) for k, option in enumerate(options)}
                yield JudgeReply(request.id, scores=scores)


class Other(Guess):
    """A second judge."""


class Third(Guess):
    """A third one: three have a majority."""


class Squares(Generator):
    """Generates squares; some are blocked, some are blank, some fail."""

    def identity(self) -> Mapping[str, str]:
        return {"version": "1"}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        for request in batch:
            kind = request.seed % 8
            if kind == 0:
                yield ImageReply(request.id, outcome="blocked")
            elif kind == 1:
                yield ImageReply(request.id, Image.new("RGB", (16, 16), (0, 0, 0)))
            elif kind == 2:
                yield ImageReply(request.id, error=ReplyError("memory", "out of memory"))
            else:
                yield ImageReply(request.id, Image.new("RGB", (16, 16), (request.seed % 255, 1, 2)))


def judge_run(folder: Path) -> RunResult:
    """A run of the suite `comprehension`: choices, ratings and pairs, with every kind of reply."""
    return evaluate("comprehension", Mixed(), data=people.make_people(folder / "people"), out=folder / "run")


def generator_run(folder: Path, limit: int = 60) -> RunResult:
    """A run of the suite `generation` with three judges: a panel, portraits that were not delivered, failures."""
    return evaluate(
        "generation", Squares(), judge=[Guess(), Other(), Third()], limit=limit, out=folder / "generated"
    )
