"""The judge `echo`: configured answers, without looking at the picture."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from harness import Capability, HarnessOptions, Judge, JudgeReply, JudgeRequest, Question, ReplyError, option
from memobench_echo import __version__
from memobench_echo.faults import Faults
from memobench_echo.replies import Replies, read_replies

_CAPABILITIES = frozenset({Capability.TEXT, Capability.MULTI_IMAGE, Capability.ORACLE})


class EchoJudge(Judge):
    """A fixed reply, replies from a file, or the truth with a seeded error rate.

    It declares ORACLE because it needs the truth unless `text` or `replies` is given. An answer depends only on
    the sample, the question and the seed (above temperature 0 also on the sampling seed, as with a real model),
    never on the order or number of requests.
    """

    takes: ClassVar[Literal["pixels", "bytes"]] = "pixels"
    batch_size = 32

    class Options(HarnessOptions):
        text: str | None = option(None, "fixed reply to every request")
        # The identity contains the digest of the file, not its path.
        replies: Path | None = option(
            None, 'JSONL file with the reply for each sample: {"id": ..., "text": ...}', affects_answer=False
        )
        accuracy: float = option(
            1.0,
            "share of correct answers; on a scale, noise of sd (1 - accuracy) * range / 2",
            ge=0.0,
            le=1.0,
        )
        seed: int = option(0, "seed of the errors")
        delay: float = option(0.0, "delay per request in seconds", affects_answer=False, ge=0.0, le=3600.0)
        fail_every: int = option(
            0, "fail every Nth request in this process; 0 disables it", affects_answer=False, ge=0
        )

        @model_validator(mode="after")
        def _one_source(self) -> EchoJudge.Options:
            given = [name for name in ("text", "replies", "accuracy") if name in self.model_fields_set]
            if len(given) > 1:
                raise ValueError(f"{' and '.join(given)} are mutually exclusive; give one of them")
            return self

    def __init__(self, options: Any = None) -> None:
        """Raises `BadOption` if the file of replies cannot be used."""
        super().__init__(options)
        path = self.options.replies
        self._replies: Replies | None = None if path is None else read_replies(path)
        self._faults = Faults(self.options.delay, self.options.fail_every)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return _CAPABILITIES

    def identity(self) -> Mapping[str, str]:
        known = {"version": __version__}
        return known if self._replies is None else known | {"replies": self._replies.digest}

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        for request in batch:
            error = self._faults.next()
            answer = self._answer(request) if error is None else error
            if isinstance(answer, ReplyError):
                yield JudgeReply(request.id, error=answer)
            else:
                yield JudgeReply(request.id, text=answer, finish_reason="stop", extra=_picture_size(request))

    def _answer(self, request: JudgeRequest) -> str | ReplyError:
        if self.options.text is not None:
            return str(self.options.text)
        if self._replies is not None:
            text = self._replies.texts.get(request.sample_id)
            if text is None:
                message = f"the file of replies has no line for {request.sample_id!r}"
                return ReplyError("no_reply", message, retryable=False)
            return text
        truth = request.truth
        if truth is None:
            return ReplyError("no_truth", f"the sample {request.sample_id!r} has no label", retryable=False)
        if isinstance(truth, str):
            return self._choice(request, truth)
        return self._rating(request, float(truth))

    def _choice(self, request: JudgeRequest, truth: str) -> str:
        accuracy = self.options.accuracy
        if accuracy == 1.0:
            return truth
        chance, which = self._uniforms(request)
        # Sorted, so that the wrong answer does not depend on the order of the options.
        wrong = sorted(o for o in request.question.options if o != truth)
        return truth if chance < accuracy or not wrong else wrong[int(which * len(wrong))]

    def _rating(self, request: JudgeRequest, truth: float) -> str:
        scale, accuracy = request.question.scale, self.options.accuracy
        if accuracy == 1.0 or scale is None:
            return f"{truth:.12g}"
        radius, angle = self._uniforms(request)
        normal = math.sqrt(-2.0 * math.log(1.0 - radius)) * math.cos(2.0 * math.pi * angle)
        noisy = truth + normal * (1.0 - accuracy) * (scale.high - scale.low) / 2.0
        return f"{min(max(noisy, scale.low), scale.high):.2f}"

    def _uniforms(self, request: JudgeRequest) -> tuple[float, float]:
        """Two independent numbers in [0, 1), determined by the sample, the question and the seed."""
        sampling_seed = request.sampling.seed if request.sampling.temperature > 0.0 else 0
        key = f"{self.options.seed}\0{sampling_seed}\0{request.sample_id}\0{_question_key(request.question)}"
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        first, second = int.from_bytes(digest[:8], "big") >> 11, int.from_bytes(digest[8:], "big") >> 11
        return first * 2.0**-53, second * 2.0**-53


def _question_key(question: Question) -> str:
    return "\0".join((question.kind, question.target, *sorted(question.options)))


def _picture_size(request: JudgeRequest) -> dict[str, int]:
    """Width and height of the first picture in pixels, which proves that it was decoded."""
    image = request.images[0].image if request.images else None
    return {} if image is None else {"width": image.width, "height": image.height}
