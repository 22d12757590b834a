"""Turns the network's seven probabilities into an answer to a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from harness import EMOTIONS, Question
from memobench_fer.expression import LABELS

Vector = npt.NDArray[np.float64]

EXCLUDED = "none"
"""A label mapped to this is excluded from every answer."""
DEFAULT_MAPPING = {
    "neutral": "neutral",
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "fear": "worry",
    "disgust": "angry",
    "surprise": "surprise",
}
"""Network label -> emotion."""
POLARITY = {
    "happy": "positive",
    "sad": "negative",
    "angry": "negative",
    "worry": "negative",
    "neutral": "neutral",
    "surprise": "surprise",
}
"""Emotion -> polarity."""
FLOOR = -50.0
"""Log-probability of a level without mass, small enough to shift an expected score by less than 1e-20."""


class UnsupportedQuestion(Exception):
    """A question that this network cannot answer; the message says why."""


@dataclass(frozen=True)
class Answer:
    """The answer for one picture: the best option, all options' log-probabilities, and a number for ratings."""

    text: str
    scores: dict[str, float]
    rating: float | None = None


AnswerFunction = Callable[[Vector], Answer]


def complete_mapping(given: Mapping[str, str]) -> dict[str, str]:
    """Add defaults for missing labels, in the network's order. Raises `ValueError` for unknown names."""
    for label, emotion in given.items():
        if label not in LABELS:
            raise ValueError(f"the network has no label {label!r}; it has {', '.join(LABELS)}")
        if emotion not in (*EMOTIONS, EXCLUDED):
            raise ValueError(
                f"{label} maps to {emotion!r}, which is not one of {', '.join(EMOTIONS)}, {EXCLUDED}"
            )
    complete = {label: given.get(label, DEFAULT_MAPPING[label]) for label in LABELS}
    if "neutral" not in complete.values() or not set(EMOTIONS) - {"neutral"} & set(complete.values()):
        raise ValueError("strength needs at least one label mapped to neutral and one to another emotion")
    return complete


def answer_function(question: Question, mapping: Mapping[str, str]) -> AnswerFunction:
    """A function from the network's log-probabilities to an `Answer`. Raises `UnsupportedQuestion`."""
    if question.kind == "choice":
        words = [option.strip().casefold() for option in question.options]
        return partial(_choose, question.options, _sources(words, mapping))
    if question.kind == "rating":
        return _rater(question, mapping)
    raise UnsupportedQuestion(f"fer cannot answer a question of kind {question.kind!r}")


def _choose(options: Sequence[str], sources: Sequence[list[int]], log_probabilities: Vector) -> Answer:
    """The most likely option, with log-probabilities renormalised over the options shown."""
    masses = np.array([np.logaddexp.reduce(log_probabilities[source]) for source in sources])
    scores = dict(zip(options, (masses - np.logaddexp.reduce(masses)).tolist(), strict=True))
    return Answer(max(scores, key=scores.__getitem__), scores)


def _sources(words: Sequence[str], mapping: Mapping[str, str]) -> list[list[int]]:
    """Indices of the labels that each option covers; options are emotions, else labels, else polarities."""
    polarity = {label: POLARITY.get(emotion, EXCLUDED) for label, emotion in mapping.items()}
    for meaning in (mapping, {label: label for label in LABELS}, polarity):
        sources = [[i for i, label in enumerate(LABELS) if meaning[label] == word] for word in words]
        if words and EXCLUDED not in words and all(sources):
            return sources
    raise UnsupportedQuestion(
        f"fer can choose among emotions ({', '.join(EMOTIONS)}), its own labels ({', '.join(LABELS)}), or positive, "
        f"negative, neutral and surprise; the options are {', '.join(words) or 'none'}"
    )


def _rater(question: Question, mapping: Mapping[str, str]) -> AnswerFunction:
    if question.target != "intensity":
        raise UnsupportedQuestion(f"fer rates the intensity of an emotion, not {question.target!r}")
    scale, levels = question.scale, question.options
    if scale is None or len(levels) < 2 or len(levels) != len(scale.levels):
        raise UnsupportedQuestion("fer needs a scale with two or more levels, which are also the options")
    neutral = [i for i, label in enumerate(LABELS) if mapping[label] == "neutral"]
    others = [i for i, label in enumerate(LABELS) if mapping[label] not in ("neutral", EXCLUDED)]
    return partial(_rate, levels, scale.low, neutral, others)


def _rate(
    levels: Sequence[str], low: float, neutral: list[int], others: list[int], log_probabilities: Vector
) -> Answer:
    """Map the probability of any emotion linearly to the scale.

    The two levels around the rating share all probability, so the expected level equals the rating.
    """
    calm, moved = (np.logaddexp.reduce(log_probabilities[group]) for group in (neutral, others))
    strength = float(np.exp(moved - np.logaddexp(calm, moved)))
    position = strength * (len(levels) - 1)
    below = min(int(position), len(levels) - 2)
    masses = np.full(len(levels), np.exp(FLOOR))
    masses[below : below + 2] += below + 1 - position, position - below
    scores = dict(zip(levels, np.log(masses).tolist(), strict=True))
    return Answer(max(scores, key=scores.__getitem__), scores, low + position)
