"""The judge `people:STUDY`: answers with what the people of a study said of the same pictures."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness import (
    BadOption,
    Capability,
    HarnessOptions,
    Judge,
    JudgeReply,
    JudgeRequest,
    Question,
    ReplyError,
    nearest,
    option,
)
from memobench_annotate import __version__

FLOOR = 1e-300
"""Share of votes of an option that nobody chose, so that its logarithm exists."""
LEAD = 1e-9
"""What the option that wins a tie is given more, relative to the others."""

_ANSWERS = frozenset({Capability.TEXT, Capability.CHOICE, Capability.RATING, Capability.MULTI_IMAGE})


class People(Judge):
    """The consensus of the people of a study, or one of them alone.

    It knows a question by the content of its pictures, by what is asked and by the options, so that it answers about copies of
    the pictures too, but never about anything that people were not asked. Shares of votes are its probabilities, and a rating
    is the mean of people's. Raters that the study excludes, and for ratings those that ITU-R BT.500 rejects, are left out.
    """

    takes: ClassVar[Literal["pixels", "bytes"]] = "bytes"
    reads_prompt = False

    class Options(HarnessOptions):
        # The identity contains what people said, not where it is stored.
        ref: str = option("", "folder of the study", affects_answer=False)
        rater: str | None = option(None, "name of one rater, who answers alone, instead of the consensus")
        screened: bool = option(True, "without raters that the study excludes; ignored for one rater")
        seed: int = option(0, "seed that decides between options with equally many votes")

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._votes: Mapping[Any, Mapping[str, Mapping[str, str]]] | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """One person has no shares of votes."""
        return _ANSWERS if self.options.rater is not None else _ANSWERS | {Capability.LOGPROBS}

    def identity(self) -> Mapping[str, str]:
        """The answers themselves: with any more of them it is another judge."""
        listed = sorted(
            [
                list(digests),
                kind,
                target,
                sorted(options),
                sorted((id_, sorted(v.items())) for id_, v in votes.items()),
            ]
            for (digests, kind, target, options), votes in self._known().items()
        )
        return {
            "version": __version__,
            "answers": hashlib.blake2b(json.dumps(listed).encode(), digest_size=16).hexdigest(),
        }

    def cannot_answer(self, question: Question) -> str:
        asked = [
            options
            for _, kind, target, options in self._known()
            if (kind, target) == (question.kind, question.target)
        ]
        if any(options <= set(question.options) for options in asked):
            return ""
        what = f"a {question.kind} of {question.target}" if question.target else f"a {question.kind}"
        return f"the study {self.options.ref!r} did not ask people for {what} with these options"

    def open(self) -> None:
        """Reads the study, if that has not been done."""
        self._known()

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            chosen = self._chosen(request)
            yield chosen if isinstance(chosen, JudgeReply) else self._reply(request, chosen)

    def _known(self) -> Mapping[Any, Mapping[str, Mapping[str, str]]]:
        """What people chose. It stays the same while the judge lives, whatever a server stores meanwhile."""
        if self._votes is None:
            from memobench_annotate.results import consensus
            from memobench_annotate.study import Study

            if not self.options.ref:
                raise BadOption("people needs the folder of a study.", "Name it after a colon: people:STUDY.")
            study = Study.open(Path(self.options.ref).expanduser())
            try:
                _check_rater(self.options.rater, [person.name for person in study.store.raters()])
                found = consensus(study, self.options.rater, screened=self.options.screened)
            finally:
                study.store.close()
            self._votes = found
        return self._votes

    def _chosen(self, request: JudgeRequest) -> Counter[str] | JudgeReply:
        """Option -> number of people."""
        question = request.question
        digests = tuple(picture.digest for picture in request.images)
        votes = self._known().get((digests, question.kind, question.target, frozenset(question.options)))
        if votes is None:
            message = f"people were not asked about {request.sample_id!r}: the study has no such question about this picture"
            hint = f"Use the data of the study: --data {Path(self.options.ref) / 'data'}"
            return JudgeReply(request.id, error=ReplyError("not_asked", message, retryable=True, hint=hint))
        # Samples with identical pictures are asked one by one, and each has its own answers.
        own = votes.get(request.sample_id)
        if own is None:
            own = {f"{id_}\0{rater}": value for id_, given in votes.items() for rater, value in given.items()}
        if not own:
            who = self.options.rater
            people = f"{who!r} has not" if who is not None else "nobody whose answers count has"
            message = f"{people} answered about {request.sample_id!r}"
            hint = f"Go on with the study: harness annotate {self.options.ref}"
            return JudgeReply(request.id, error=ReplyError("no_answers", message, retryable=True, hint=hint))
        return Counter(own.values())

    def _reply(self, request: JudgeRequest, chosen: Counter[str]) -> JudgeReply:
        question, total = request.question, chosen.total()
        extra = {"people": total}
        if question.answer_mode == "rating" and question.scale is not None:
            levels, low = question.scale.levels, question.scale.low
            mean = sum(n * (low + levels.index(level)) for level, n in chosen.items()) / total
            return JudgeReply(request.id, rating=mean, extra=extra)
        best = self._most(request, chosen)
        if question.answer_mode != "logprobs":
            return JudgeReply(request.id, text=best, finish_reason="stop", extra=extra)
        shares = {o: max(chosen[o] / total, FLOOR) for o in question.options}
        if question.kind != "rating":
            # The core counts equal log-probabilities as no answer; a mean of ratings must not move.
            shares[best] *= 1 + LEAD
        return JudgeReply(request.id, scores={o: math.log(share) for o, share in shares.items()}, extra=extra)

    def _most(self, request: JudgeRequest, chosen: Counter[str]) -> str:
        """The option with the most votes. The order in which options are shown does not decide."""
        shown = "\0".join(picture.digest for picture in request.images)

        def rank(option: str) -> tuple[int, bytes]:
            text = f"{self.options.seed}\0{shown}\0{request.question.target}\0{option}"
            return chosen[option], hashlib.blake2b(
                text.encode("utf-8", "surrogatepass"), digest_size=8
            ).digest()

        return max(request.question.options, key=rank)


def _check_rater(name: str | None, known: Sequence[str]) -> None:
    if name is not None and name not in known:
        guess = nearest(name, known)
        hint = f"Did you mean {guess!r}? " if guess else ""
        raise BadOption(
            f"people: rater: the study has no rater {name!r}.",
            f"{hint}raters.csv lists them, after `harness annotate export`.",
        )
