"""The judge `fer`: finds the face, cuts it out as face-api does, and reads its expression."""

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
from memobench_fer.detector import TinyFace
from memobench_fer.expression import FILE, LABELS, ExpressionNet, centre_crop, face_crop
from memobench_fer.reading import DEFAULT_MAPPING, UnsupportedQuestion, complete_mapping, reader
from memobench_fer.weights import checksums

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    Look = tuple[list[Face], npt.NDArray[np.float64]]


class FerJudge(Judge):
    """Reads emotion, polarity and strength of the most certain face in a picture, without any language model."""

    class Options(HarnessOptions):
        """Options of the judge."""

        mapping: dict[str, str] = option(
            DEFAULT_MAPPING,
            "What each label of the network counts as, as label=emotion,...; `none` leaves a label out. "
            "Labels not named keep their default.",
            validate_default=True,
        )
        no_face: Literal["whole", "error"] = option(
            "whole", "Where no face is found: read the middle of the picture, or fail the sample."
        )
        threshold: float = option(0.5, "Least confidence for a face, 0 to 1.", ge=0.05, le=0.99)
        threads: int = option(1, "Processor threads for one picture.", affects_answer=False, ge=1, le=64)

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

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        chosen = TinyFace.Options(threshold=self.options.threshold, threads=self.options.threads)
        self._detector = TinyFace(chosen)
        self._net: ExpressionNet | None = None
        self._last: tuple[str, Look] | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Choices and ratings, both with log-probabilities; no free text."""
        return frozenset({Capability.CHOICE, Capability.RATING, Capability.LOGPROBS})

    def identity(self) -> Mapping[str, str]:
        """Version of this plugin, and digests of both networks."""
        return {**self._detector.identity(), "expression_sha256": checksums()[FILE]}

    def open(self) -> None:
        """Load both networks. Raises `MissingPackage` without onnxruntime."""
        if self._net is None:
            self._net = ExpressionNet(self.options.threads, "judge fer")
        self._detector.open()

    def close(self) -> None:
        """Free both networks."""
        self._net, self._last = None, None
        self._detector.close()

    def cannot_answer(self, question: Question) -> str:
        """See `Judge.cannot_answer`: it reads expressions, not the quality of a picture."""
        try:
            reader(question, self.options.mapping)
        except UnsupportedQuestion as error:
            return str(error)
        return ""

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        """Answer each request from its own picture alone: the answers do not depend on the batch."""
        if self._net is None:
            raise RuntimeError("FerJudge.judge was called before open() or after close()")
        for request in batch:
            yield self._reply(request, self._net)

    def _reply(self, request: JudgeRequest, net: ExpressionNet) -> JudgeReply:
        if len(request.images) != 1 or request.images[0].image is None:
            return _failure(
                request, "unsupported_question", "fer reads exactly one decoded picture at a time"
            )
        try:
            read = reader(request.question, self.options.mapping)
        except UnsupportedQuestion as error:
            return _failure(request, "unsupported_question", str(error))
        faces, log_probabilities = self._look(request.images[0].digest, request.images[0].image, net)
        if not faces and self.options.no_face == "error":
            return _failure(request, "no_face", "no face was found in the picture")
        answer = read(log_probabilities)
        extra = _findings(faces, log_probabilities)
        return JudgeReply(
            request.id, text=answer.text, scores=answer.scores, rating=answer.rating, extra=extra
        )

    def _look(self, digest: str, image: Image, net: ExpressionNet) -> Look:
        """Faces and the network's answer; questions on one picture follow each other and share one look."""
        if self._last is None or self._last[0] != digest:
            faces = self._detector.detect(image)
            crop = face_crop(image, faces[0]) if faces else centre_crop(image)
            self._last = digest, (faces, net.log_probabilities(crop))
        return self._last[1]


def _findings(faces: Sequence[Face], log_probabilities: npt.NDArray[np.float64]) -> dict[str, Any]:
    """What was seen, in JSON values: faces, the box that was read, and the network's own seven probabilities."""
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
