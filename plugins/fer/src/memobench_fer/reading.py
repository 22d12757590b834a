"""From the network's seven probabilities to an answer on the question that was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from harness import EMOTIONS, Question
from memobench_fer.expression import LABELS

Vector = npt.NDArray[np.float64]

OUT = "none"
"""A label mapped to this is left out of every answer."""
DEFAULT_MAPPING = {
    "neutral": "neutral",
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "fear": "worry",
    "disgust": "angry",
    "surprise": "surprise",
}
"""What each label of the network counts as, among the six emotions."""
POLARITY = {
    "happy": "positive",
    "sad": "negative",
    "angry": "negative",
    "worry": "negative",
    "neutral": "neutral",
    "surprise": "surprise",
}
"""What each emotion counts as in a question on polarity."""
FLOOR = -50.0
"""Log-probability of a level that gets no mass: too little to move an expected score by 1e-20."""


class UnsupportedQuestion(Exception):
    """A question that this network cannot answer; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What is said of one picture: the best option, all options' log-probabilities, a number for ratings."""

    text: str
    scores: dict[str, float]
    rating: float | None = None


Reader = Callable[[Vector], Answer]


def complete_mapping(given: Mapping[str, str]) -> dict[str, str]:
    """`given` with defaults for the labels it leaves out, in the network's order; `ValueError` for unknown names."""
    for label, emotion in given.items():
        if label not in LABELS:
            raise ValueError(f"the network has no label {label!r}; it has {', '.join(LABELS)}")
        if emotion not in (*EMOTIONS, OUT):
            raise ValueError(f"{label} maps to {emotion!r}, which is none of {', '.join(EMOTIONS)}, {OUT}")
    complete = {label: given.get(label, DEFAULT_MAPPING[label]) for label in LABELS}
    if "neutral" not in complete.values() or not set(EMOTIONS) - {"neutral"} & set(complete.values()):
        raise ValueError("strength is measured between neutral and all else: map a label to each")
    return complete


def reader(question: Question, mapping: Mapping[str, str]) -> Reader:
    """What answers `question` from the network's log-probabilities; raises `UnsupportedQuestion`."""
    if question.kind == "choice":
        words = [option.strip().casefold() for option in question.options]
        return partial(_choose, question.options, _sources(words, mapping))
    if question.kind == "rating":
        return _rater(question, mapping)
    raise UnsupportedQuestion(f"fer cannot answer a question of kind {question.kind!r}")


def _choose(options: Sequence[str], sources: Sequence[list[int]], log_probabilities: Vector) -> Answer:
    """The likeliest option, with log-probabilities that are renormalised over the options shown."""
    masses = np.array([np.logaddexp.reduce(log_probabilities[source]) for source in sources])
    scores = dict(zip(options, (masses - np.logaddexp.reduce(masses)).tolist(), strict=True))
    return Answer(max(scores, key=scores.__getitem__), scores)


def _sources(words: Sequence[str], mapping: Mapping[str, str]) -> list[list[int]]:
    """For each option the labels that it sums up: read as emotions, else as labels, else as polarities."""
    polarity = {label: POLARITY.get(emotion, OUT) for label, emotion in mapping.items()}
    for meaning in (mapping, {label: label for label in LABELS}, polarity):
        sources = [[i for i, label in enumerate(LABELS) if meaning[label] == word] for word in words]
        if words and OUT not in words and all(sources):
            return sources
    raise UnsupportedQuestion(
        f"fer tells apart emotions ({', '.join(EMOTIONS)}), its own labels ({', '.join(LABELS)}), or positive, "
        f"negative, neutral and surprise; the options here are {', '.join(words) or 'none'}"
    )


def _rater(question: Question, mapping: Mapping[str, str]) -> Reader:
    if question.target != "intensity":
        raise UnsupportedQuestion(f"fer rates the intensity of an emotion, not {question.target!r}")
    scale, levels = question.scale, question.options
    if scale is None or len(levels) < 2 or len(levels) != len(scale.levels):
        raise UnsupportedQuestion("fer needs a scale, and its two or more levels as the options, to rate on")
    neutral = [i for i, label in enumerate(LABELS) if mapping[label] == "neutral"]
    others = [i for i, label in enumerate(LABELS) if mapping[label] not in ("neutral", OUT)]
    return partial(_rate, levels, scale.low, neutral, others)


def _rate(
    levels: Sequence[str], low: float, neutral: list[int], others: list[int], log_probabilities: Vector
) -> Answer:
    """Strength as the probability of any emotion, spread over the scale from its lowest to its highest level.

    The two levels that the rating lies between share all probability, so that the expected level is the rating.
    """
    calm, moved = (np.logaddexp.reduce(log_probabilities[group]) for group in (neutral, others))
    strength = float(np.exp(moved - np.logaddexp(calm, moved)))
    position = strength * (len(levels) - 1)
    below = min(int(position), len(levels) - 2)
    masses = np.full(len(levels), np.exp(FLOOR))
    masses[below : below + 2] += below + 1 - position, position - below
    scores = dict(zip(levels, np.log(masses).tolist(), strict=True))
    return Answer(max(scores, key=scores.__getitem__), scores, low + position)
