"""One question of a run as a typed row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.tasks.answers import How

ReadAs = Literal["declared", "prose", "unparsed", "failed", "undelivered"]
State = Literal["right", "wrong", "rated", "unparsed", "failed", "undelivered"]


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One question about one picture, or pair of pictures. Texts that do not exist are "".

    `task`, `data`, `judge` and `prompt_variant` together are those of one `TaskResult`.
    """

    task: str
    question: str
    """The judge task that was asked: the task itself, or one that a generator task asks. "" if no portrait was made."""
    data: str
    """The data set, or the prompt set of a generator task."""
    prompt_variant: str
    """"" where the task was asked in one prompt variant only."""
    repeat: int
    """0, 1, 2, ..."""
    judge: str
    """Generator runs: who judged the portrait. "" in judge runs, where the model under test answers."""
    model: str
    """The model under test."""
    sample: str
    """The id in the data set; of a portrait, the id of its request; of a pair, FIRST+SECOND@TASK."""
    order: str = ""
    """Pairs: "stronger first" or "stronger second"."""
    emotion: str | None = None
    intensity: float | None = None
    quality: float | None = None
    truth: str | float | None = None
    answer: str | float | None = None
    """The option or number that was read; None without one."""
    how: How = ""
    read_as: ReadAs = "unparsed"
    reason: str = ""
    """Why there is no answer: why the reply cannot be parsed, the kind of the failure, or the outcome of the portrait."""
    state: State = "unparsed"
    """Whether the answer equals the truth. A rating is "right" if off by less than half a level, "rated" without truth."""
    error: float | None = None
    """Ratings: answer minus truth, in levels."""
    scores: Mapping[str, float] | None = None
    """Probability of each option shown, where the answer mode is log-probabilities."""
    shown: tuple[str, ...] = ()
    """The options in the order shown."""
    reply: str = ""
    """The raw text of the reply, or the number of a judge that gives numbers."""
    thought: str = ""
    """What the model thought before it answered."""
    refusal: str = ""
    answer_mode: str = ""
    """logprobs, rating, choice, text or reasoned."""
    usage: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    failure: tuple[str, str] | None = None
    """Kind and message, as the last attempt recorded them."""
    outcome: str = ""
    """Generator runs: what became of the portrait (ok, blocked, blank or error)."""
    picture: str = ""
    """Relative to the data set, or to the run folder for a portrait; of a pair, the first one shown."""
    second_picture: str = ""
    """Pairs: the second one shown."""
    digest: str = ""
    """SHA-256 of the picture's file; of a pair, of both digests."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """More columns of the data set or prompt set."""
