"""What passes between the core and its components: requests, replies, samples. Records, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
"""The six emotions of the method, in its order."""

AnswerMode = Literal["logprobs", "rating", "choice", "text"]
"""A way to read an answer, from the most exact to the freest."""

Outcome = Literal["ok", "blocked", "blank", "error"]
"""What became of a request to draw: a picture, a refusal by a filter or policy, an empty picture, a fault."""


class Capability(str, Enum):
    """What a judge can do; a task that needs what a judge lacks is refused before weights load."""

    TEXT = "text"
    CHOICE = "choice"
    RATING = "rating"
    LOGPROBS = "logprobs"
    MULTI_IMAGE = "multi_image"
    ORACLE = "oracle"
    """A stand-in that is shown the truth; its runs are marked and never ranked."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as a judge sees it: pixels or original bytes, as the judge's `takes` says."""

    digest: str
    """Hex digest of the file's bytes: equal pictures have equal digests."""
    image: Image | None = None
    """RGB, decoded; set for judges that take pixels."""
    data: bytes | None = None
    """The file's bytes as stored; set for judges that take bytes."""
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message: a text, or the number of a picture in `JudgeRequest.images`."""

    text: str = ""
    image: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation that is put to a judge."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """An ordered scale: `levels[0]`, the weakest, is worth `low`, the next `low + 1`, and so on."""

    levels: tuple[str, ...]
    low: float = 1.0

    @property
    def high(self) -> float:
        """What the strongest level is worth."""
        return self.low + len(self.levels) - 1


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, apart from its wording."""

    kind: Literal["choice", "rating", "pair"]
    options: tuple[str, ...]
    """The options in the order shown; for a rating, the level words, weakest first."""
    labels: tuple[str, ...] | None = None
    """`labels[i]` was shown before `options[i]` ("A" or "1"); None where no labels were shown."""
    scale: Scale | None = None
    read: AnswerMode = "text"
    """How the reply will be read: what the judge should fill in (`text`, `scores`, `rating`)."""
    target: str = ""
    """What is asked about ("emotion", "intensity", "polarity"): for judges that are not language models."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is decoded."""

    temperature: float = 0.0
    max_tokens: int = 64
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One question on one or more pictures."""

    id: str
    sample_id: str
    images: tuple[Picture, ...]
    messages: tuple[Message, ...]
    question: Question
    sampling: Sampling = Sampling()
    truth: str | float | None = None
    """The true answer, for ORACLE judges only; None for all others. Not part of the id."""


@dataclass(frozen=True, slots=True)
class ReplyError:
    """Why one item failed. `retryable`: the same request may succeed later."""

    kind: str
    message: str
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """A judge's answer to the request of the same id. With `error` set, nothing else is read."""

    id: str
    text: str | None = None
    scores: Mapping[str, float] | None = None
    """Log-probability of each option of the question (need not be normalised)."""
    rating: float | None = None
    """The judge's own number on the question's scale."""
    finish_reason: str | None = None
    refusal: str | None = None
    usage: Mapping[str, float] | None = None
    timings: Mapping[str, float] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Anything else worth keeping (JSON values), such as `face_found`."""
    error: ReplyError | None = None


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One portrait to draw."""

    id: str
    prompt: str
    negative_prompt: str = ""
    emotion: str | None = None
    intensity: float | None = None
    index: int = 0
    """The number of this picture among those asked for with the same prompt."""
    seed: int = 0
    size: tuple[int, int] | None = None
    """Width and height in pixels; None leaves it to the generator."""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageReply:
    """What a generator made of the request of the same id."""

    id: str
    image: Image | None = None
    outcome: Outcome = "ok"
    extra: Mapping[str, Any] = field(default_factory=dict)
    error: ReplyError | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """One face found: box in pixels (left, top, width, height) and the detector's confidence in 0..1."""

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
    """All other columns: `subject`, `prompt_id`, `generator`, and what the data set adds."""
    problem: str | None = None
    """Why the sample cannot be used (missing picture, label outside the six); it becomes a failed sample."""
