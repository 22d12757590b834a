"""The judge `fer`: finds the face, crops it as face-api does, and classifies its expression."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import field_validator

from harness import (
    Capability,
    Face,
    HarnessOptions,
    Judge,
    JudgeReply,
    JudgeRequest,
    Question,
    ReplyError,
    option,
)
from memobench_fer.answers import DEFAULT_MAPPING, UnsupportedQuestion, answer_function, complete_mapping
from memobench_fer.detector import TinyFace
from memobench_fer.expression import FILE, LABELS, ExpressionNet, centre_crop, face_crop
from memobench_fer.weights import checksums

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    Analysis = tuple[list[Face], npt.NDArray[np.float64]]


class FerJudge(Judge):
    """Classifies emotion, polarity and strength of the most confident face in a picture, without a language model."""

    class Options(HarnessOptions):
        mapping: dict[str, str] = option(
            DEFAULT_MAPPING,
            "Emotion for each network label, as label=emotion,...; `none` excludes a label. "
            "Labels not given keep their default.",
            validate_default=True,
        )
        no_face: Literal["whole", "error"] = option(
            "whole", "If no face is found: classify the centre of the picture, or fail the sample."
        )
        threshold: float = option(0.5, "Minimum confidence for a face, 0 to 1.", ge=0.05, le=0.99)
        threads: int = option(1, "CPU threads per picture.", affects_answer=False, ge=1, le=64)

        @field_validator("mapping", mode="before")
        @classmethod
        def _pairs(cls, value: object) -> object:
            """Accept `fear=worry,disgust=none`, or a JSON object, as well as a mapping."""
            if not isinstance(value, str):
                return value
            if value.lstrip().startswith("{"):
                return json.loads(value)
            pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
            return {label.strip(): emotion.strip() for label, _, emotion in pairs}

        @field_validator("mapping")
        @classmethod
        def _complete(cls, value: dict[str, str]) -> dict[str, str]:
            return complete_mapping(value)

    takes: ClassVar[Literal["pixels", "bytes"]] = "pixels"
    reads_prompt: ClassVar[bool] = False

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        detector_options = TinyFace.Options(threshold=self.options.threshold, threads=self.options.threads)
        self._detector = TinyFace(detector_options)
        self._net: ExpressionNet | None = None
        self._last: tuple[str, Analysis] | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.CHOICE, Capability.RATING, Capability.LOGPROBS})

    def identity(self) -> Mapping[str, str]:
        return {**self._detector.identity(), "expression_sha256": checksums()[FILE]}

    def open(self) -> None:
        """Load both networks. Raises `MissingPackage` if onnxruntime is not installed."""
        if self._net is None:
            self._net = ExpressionNet(self.options.threads, "judge fer")
        self._detector.open()

    def close(self) -> None:
        self._net, self._last = None, None
        self._detector.close()

    def cannot_answer(self, question: Question) -> str:
        try:
            answer_function(question, self.options.mapping)
        except UnsupportedQuestion as error:
            return str(error)
        return ""

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        if self._net is None:
            raise RuntimeError("FerJudge.judge was called before open() or after close()")
        for request in batch:
            yield self._reply(request, self._net)

    def _reply(self, request: JudgeRequest, net: ExpressionNet) -> JudgeReply:
        if len(request.images) != 1 or request.images[0].image is None:
            return _failure(
                request, "unsupported_question", "fer needs exactly one decoded picture per request"
            )
        try:
            to_answer = answer_function(request.question, self.options.mapping)
        except UnsupportedQuestion as error:
            return _failure(request, "unsupported_question", str(error))
        faces, log_probabilities = self._analyse(request.images[0].digest, request.images[0].image, net)
        if not faces and self.options.no_face == "error":
            return _failure(request, "no_face", "no face found in the picture")
        answer = to_answer(log_probabilities)
        extra = _extra(faces, log_probabilities)
        return JudgeReply(
            request.id, text=answer.text, scores=answer.scores, rating=answer.rating, extra=extra
        )

    def _analyse(self, digest: str, image: Image, net: ExpressionNet) -> Analysis:
        """Faces and log-probabilities. Consecutive questions about one picture share one analysis."""
        if self._last is None or self._last[0] != digest:
            faces = self._detector.detect(image)
            crop = face_crop(image, faces[0]) if faces else centre_crop(image)
            self._last = digest, (faces, net.log_probabilities(crop))
        return self._last[1]


def _extra(faces: Sequence[Face], log_probabilities: npt.NDArray[np.float64]) -> dict[str, Any]:
    """JSON values for `extra`: faces, the box used, and the network's seven probabilities."""
    found: dict[str, Any] = {"face_found": bool(faces), "faces": len(faces)}
    if faces:
        best = faces[0]
        found["box"] = [round(side, 2) for side in (best.left, best.top, best.width, best.height)]
        found["face_score"] = round(best.score, 4)
    probabilities = np.exp(log_probabilities)
    found["labels"] = {label: round(float(p), 6) for label, p in zip(LABELS, probabilities, strict=True)}
    return found


def _failure(request: JudgeRequest, kind: str, message: str) -> JudgeReply:
    return JudgeReply(request.id, error=ReplyError(kind, message, retryable=False))
