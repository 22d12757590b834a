"""Seven probabilities to answers: choices, polarity, pairs, ratings, and rejected questions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from memobench_fer.answers import (
    DEFAULT_MAPPING,
    Answer,
    UnsupportedQuestion,
    answer_function,
    complete_mapping,
)

from harness import EMOTIONS, Question, Scale

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
POLARITIES = ("positive", "neutral", "negative", "surprise")
# neutral, happy, sad, angry, fear, disgust, surprise
LOG_PROBABILITIES = np.log([0.10, 0.05, 0.20, 0.15, 0.25, 0.15, 0.10])


def answer_to(
    question: Question,
    log_probabilities: np.ndarray = LOG_PROBABILITIES,
    mapping: dict[str, str] = DEFAULT_MAPPING,
) -> Answer:
    return answer_function(question, mapping)(log_probabilities)


def choice(*options: str) -> Question:
    return Question("choice", options, target="emotion")


def rating(target: str = "intensity", low: float = 1.0, levels: tuple[str, ...] = LEVELS) -> Question:
    return Question("rating", levels, scale=Scale(levels, low), answer_mode="logprobs", target=target)


def probabilities(answer: Answer) -> dict[str, float]:
    return {option: math.exp(score) for option, score in answer.scores.items()}


def test_six_emotions_by_the_default_mapping() -> None:
    answer = answer_to(choice(*EMOTIONS))
    expected = {"happy": 0.05, "sad": 0.2, "angry": 0.3, "surprise": 0.1, "worry": 0.25, "neutral": 0.1}
    assert probabilities(answer) == pytest.approx(expected)
    assert answer.text == "angry"
    assert answer.rating is None


def test_order_and_spelling_of_the_options_are_kept() -> None:
    answer = answer_to(choice("Worry", "NEUTRAL", "Happy"))
    assert list(answer.scores) == ["Worry", "NEUTRAL", "Happy"]
    assert answer.text == "Worry"


def test_a_custom_mapping_is_used() -> None:
    mapping = complete_mapping({"disgust": "none", "fear": "surprise"})
    assert answer_to(choice("surprise", "sad"), mapping=mapping).scores["surprise"] == pytest.approx(
        math.log(0.35 / 0.55)
    )
    assert answer_to(choice("angry", "sad"), mapping=mapping).text == "sad"


def test_a_pair_of_emotions_is_renormalised() -> None:
    answer = answer_to(choice("worry", "sad"))
    assert probabilities(answer) == pytest.approx({"worry": 0.25 / 0.45, "sad": 0.2 / 0.45})


def test_the_networks_own_labels_are_supported() -> None:
    answer = answer_to(choice("fear", "disgust", "happy"))
    assert probabilities(answer) == pytest.approx(
        {"fear": 0.25 / 0.45, "disgust": 0.15 / 0.45, "happy": 0.05 / 0.45}
    )


def test_polarity_sums_emotions() -> None:
    answer = answer_to(choice(*POLARITIES))
    assert probabilities(answer) == pytest.approx(
        {"positive": 0.05, "neutral": 0.1, "negative": 0.75, "surprise": 0.1}
    )
    three = answer_to(choice("negative", "positive", "neutral"))
    assert math.exp(three.scores["negative"]) == pytest.approx(0.75 / 0.9)


def test_certainty_does_not_underflow() -> None:
    log_probabilities = np.array([-900.0, 0.0, -800.0, -850.0, -900.0, -900.0, -900.0])
    scores = answer_to(choice(*EMOTIONS), log_probabilities).scores
    assert scores["happy"] == 0
    assert scores["sad"] == pytest.approx(-800)
    assert all(math.isfinite(score) for score in scores.values())


@pytest.mark.parametrize(
    "options", [("happy", "bored"), ("positive", "sad"), ("none", "happy"), ("fear", "worry"), ()]
)
def test_unmappable_options_are_rejected(options: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedQuestion, match="can choose among"):
        answer_function(choice(*options), DEFAULT_MAPPING)


@pytest.mark.parametrize("low", [0.0, 1.0])
@pytest.mark.parametrize("neutral", [1e-300, 0.001, 0.25, 0.4, 0.5, 0.999, 1 - 1e-12])
def test_the_expected_level_is_the_rating(neutral: float, low: float) -> None:
    others = [(1 - neutral) / 6] * 6
    answer = answer_to(rating(low=low), np.log([neutral, *others]))
    assert answer.rating == pytest.approx(low + 4 * (1 - neutral))
    weights = probabilities(answer)
    expected = sum(weights[level] * (low + i) for i, level in enumerate(LEVELS)) / sum(weights.values())
    assert expected == pytest.approx(answer.rating, abs=1e-12)
    assert answer.text == LEVELS[round(4 * (1 - neutral))]
    assert all(math.isfinite(score) for score in answer.scores.values())


def test_strength_ignores_excluded_labels() -> None:
    answer = answer_to(rating(), mapping=complete_mapping({"surprise": "none"}))
    assert answer.rating == pytest.approx(1 + 4 * 0.8 / 0.9)


def test_a_rating_follows_strength() -> None:
    strengths = [
        answer_to(rating(), np.log([n, *[(1 - n) / 6] * 6])).rating for n in (0.9, 0.5, 0.1, 1e-6, 1e-12)
    ]
    assert strengths == sorted(strengths)
    assert len(set(strengths)) == 5


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (rating("quality"), "'quality'"),
        (rating(""), "intensity"),
        (Question("rating", LEVELS, target="intensity"), "scale"),
        (rating(levels=("one",)), "two or more"),
        (Question("pair", ("first", "second")), "'pair'"),
    ],
)
def test_other_questions_are_rejected(question: Question, message: str) -> None:
    with pytest.raises(UnsupportedQuestion, match=message):
        answer_function(question, DEFAULT_MAPPING)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"contempt": "angry"}, "no label 'contempt'"),
        ({"fear": "scared"}, "'scared'"),
        ({"neutral": "none"}, "neutral"),
        (dict.fromkeys(DEFAULT_MAPPING, "neutral"), "neutral"),
    ],
)
def test_invalid_mappings_are_rejected(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        complete_mapping(given)


def test_a_mapping_is_completed_in_the_networks_order() -> None:
    complete = complete_mapping({"disgust": "sad", "fear": "worry"})
    assert list(complete) == list(DEFAULT_MAPPING)
    assert complete == {**DEFAULT_MAPPING, "disgust": "sad"}
