"""Parsing of prompts."""

from __future__ import annotations

import pytest
from memobench_portraits.prompt import constraints, parse_emotion, parse_person


@pytest.mark.parametrize(
    ("prompt", "emotion", "strength"),
    [
        ("a slightly worried elderly woman with dark skin", "worry", 2),
        ("very strong anger", "angry", 5),
        ("Photograph of a happy woman in a kitchen", "happy", None),
        ("a very slightly happy man", "happy", 1),
        ("a very happy man", "happy", 4),
        ("a moderately surprised boy", "surprise", 3),
        ("an extremely sad face", "sad", 5),
        ("whose face shows weak sadness", "sad", 2),
        ("an anxious man, intensity 3", "worry", 3),
        ("a furious man with a strong jaw", "angry", None),
        ("a very old happy woman", "happy", None),
        ("a woman in strong light, looking sad", "sad", None),
        ("a man who is not happy but angry", "angry", None),
        ("a woman who is not happy", "neutral", None),
        ("a worried man against a neutral background", "worry", None),
        ("a woman with a neutral expression", "neutral", None),
        ("portrait of a man", "neutral", None),
        ("", "neutral", None),
        ("a man looking SURPRISED", "surprise", None),
        ("a smiling child", "happy", None),
        ("an unhappy man", "sad", None),
    ],
)
def test_emotion_and_strength(prompt: str, emotion: str, strength: float | None) -> None:
    assert parse_emotion(prompt) == (emotion, strength)


@pytest.mark.parametrize(
    ("prompt", "person"),
    [
        ("a worried elderly woman with dark skin", {"age_group": "older adult", "gender": "woman", "skin_tone": "dark"}),
        ("a happy middle-aged man with olive skin", {"age_group": "middle-aged adult", "gender": "man", "skin_tone": "olive"}),
        ("a woman in her twenties with light brown skin", {"age_group": "young adult", "gender": "woman", "skin_tone": "tan"}),
        ("a man in his seventies", {"age_group": "older adult", "gender": "man"}),
        ("a 10-year-old girl with tan skin", {"age_group": "child", "gender": "woman", "skin_tone": "tan"}),
        ("a young bald man wearing glasses", {"age_group": "young adult", "gender": "man", "hair": "bald", "glasses": "round"}),
        ("a bearded person with very pale skin", {"gender": "man", "beard": "full beard", "skin_tone": "very light"}),
        ("a woman in a dark room with brown furniture", {"gender": "woman"}),
        ("a portrait", {}),
    ],
)  # fmt: skip
def test_person(prompt: str, person: dict[str, str]) -> None:
    assert parse_person(prompt) == person


def test_attributes_override_the_prompt_and_unsupported_values_are_ignored() -> None:
    fixed = constraints(
        "a young man", {"gender": "woman", "age_group": "elderly", "skin_tone": "green", "setting": "park"}
    )
    assert fixed == {"gender": "woman", "age_group": "older adult"}
