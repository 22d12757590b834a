"""Data records exchanged between the core and its components: requests, replies, samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from harness.deprecations import deprecated

if TYPE_CHECKING:
    from PIL.Image import Image

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
"""The six emotions of MEMO-Bench, in its order."""

AnswerMode = Literal["logprobs", "rating", "choice", "text", "reasoned"]
"""How an answer is obtained, from the most exact mode to free text; reasoned: one of the options, after a thought."""

Domain = Literal["shown", "evoked"]
"""What emotion labels and questions are about: what a picture shows, or what it evokes in people who see it."""

Outcome = Literal["ok", "blocked", "blank", "error"]
"""The outcome of an image request: an image, a refusal by a filter or policy, an empty image, or an error."""


class Capability(str, Enum):
    """What a judge supports. A task that needs an unsupported capability is refused before weights load."""

    TEXT = "text"
    CHOICE = "choice"
    RATING = "rating"
    LOGPROBS = "logprobs"
    REASONED = "reasoned"
    """Thinks first; the answer is then read from the options alone."""
    MULTI_IMAGE = "multi_image"
    ORACLE = "oracle"
    """A stand-in that sees the ground truth; its runs are marked and never ranked."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as a judge receives it: pixels or a file with the same pixels, depending on the judge's `takes`."""

    digest: str
    """Hex digest of the file's bytes: identical files have identical digests."""
    image: Image | None = None
    """RGB, upright, transparency over white; set for judges that take pixels."""
    data: bytes | None = None
    """A PNG, JPEG or WebP that any decoder shows as those pixels; set for judges that take bytes.

    The stored file without metadata where that is one, otherwise a PNG.
    """
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message: a text, or the index of a picture in `JudgeRequest.images`."""

    text: str = ""
    image: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation sent to a judge."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """An ordered scale: `levels[0]`, the weakest, has the value `low`, the next `low + 1`, and so on."""

    levels: tuple[str, ...]
    low: float = 1.0

    @property
    def high(self) -> float:
        """The value of the strongest level."""
        return self.low + len(self.levels) - 1


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, independent of the prompt text."""

    kind: Literal["choice", "rating", "pair"]
    options: tuple[str, ...]
    """The options in the order shown; for a rating, the level words, weakest first."""
    labels: tuple[str, ...] | None = None
    """`labels[i]` is shown before `options[i]` ("A" or "1"); None if there are no labels."""
    scale: Scale | None = None
    answer_mode: AnswerMode = "text"
    """Which field of the reply the judge must fill in (`text`, `scores`, `rating`)."""
    target: str = ""
    """What is asked about ("emotion", "intensity", "polarity"): for judges that are not language models."""

    @property
    def read(self) -> AnswerMode:
        """The earlier name of `answer_mode`."""
        deprecated("Question.read")
        return self.answer_mode


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters for generating a reply."""

    temperature: float = 0.0
    max_tokens: int = 64
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One question about one or more pictures."""

    id: str
    sample_id: str
    images: tuple[Picture, ...]
    messages: tuple[Message, ...]
    question: Question
    sampling: Sampling = Sampling()
    truth: str | float | None = None
    """The correct answer, for ORACLE judges only; None for all others. Not part of the id."""


@dataclass(frozen=True, slots=True)
class ReplyError:
    """Why one request failed. `retryable`: the same request may succeed later. `hint`: how to fix it, if that is known."""

    kind: str
    message: str
    retryable: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """A judge's answer to the request with the same id. If `error` is set, all other fields are ignored."""

    id: str
    text: str | None = None
    scores: Mapping[str, float] | None = None
    """Log-probability of each option of the question (need not be normalised)."""
    rating: float | None = None
    """A number on the question's scale, given by the judge itself."""
    finish_reason: str | None = None
    """Why the reply ended: "stop", "length" (at the limit of tokens), or what the engine says. With "error", "abort" and the
    like it is a failure, as with `error`."""
    refusal: str | None = None
    usage: Mapping[str, float] | None = None
    timings: Mapping[str, float] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Additional JSON values to store, such as `face_found`."""
    error: ReplyError | None = None
    served: Mapping[str, str] | None = None
    """What the server says it served for this reply, such as model, revision, fingerprint: what tells two releases apart,
    and the same for all replies of one. At most 10 texts, keys and values of at most 200 characters."""
    thought: str | None = None
    """What the model thought before it answered. Stored, at most 20,000 characters of it, and never read as the answer."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One portrait to generate."""

    id: str
    prompt: str
    negative_prompt: str = ""
    emotion: str | None = None
    intensity: float | None = None
    index: int = 0
    """The index of this image among those requested with the same prompt."""
    seed: int = 0
    size: tuple[int, int] | None = None
    """Width and height in pixels; None means the generator's default."""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageReply:
    """A generator's reply to the request with the same id."""

    id: str
    image: Image | None = None
    outcome: Outcome = "ok"
    extra: Mapping[str, Any] = field(default_factory=dict)
    error: ReplyError | None = None
    served: Mapping[str, str] | None = None
    """What the server says it served, as in `JudgeReply`."""


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face: box in pixels (left, top, width, height) and the detector's confidence in 0..1."""

    left: float
    top: float
    width: float
    height: float
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture with its labels. `path` is relative to the data folder; judges never see it."""

    id: str
    path: str | None
    emotion: str | None = None
    intensity: float | None = None
    quality: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    """All other columns: `subject`, `prompt_id`, `generator`, and any that the data set adds."""
    problem: str | None = None
    """Why the sample cannot be used (missing picture, unknown label); it counts as a failed sample."""
