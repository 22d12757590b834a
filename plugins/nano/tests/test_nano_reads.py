"""Nano reads portraits of people whom it has never seen, with nothing between it and transformers."""

from __future__ import annotations

from typing import Any

import pytest
from memobench_nano.plugin import WEIGHTS
from memobench_portraits.dataset import SIZE, Entry, entries
from memobench_portraits.workshop import Order, draw
from PIL import Image

from harness import EMOTIONS

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
EMOTION = "Which emotion does the person's face show?\nAnswer with one of these words and nothing else: {}."
STRENGTH = "How strong is the emotion that the person's face shows?\nAnswer with one of these levels and nothing else: {}."

pytestmark = pytest.mark.e2e


def stratified() -> list[Entry]:
    """Sixty pictures: two of each emotion at each strength, of as many people as can be, and ten neutral ones."""
    chosen: list[Entry] = []
    cells = [(emotion, s) for emotion in EMOTIONS if emotion != "neutral" for s in range(1, 6)]
    for n, cell in enumerate(cells):
        fitting = sorted((e for e in entries() if (e.emotion, e.strength) == cell), key=lambda e: e.who.seed)
        chosen += [fitting[n % 24], fitting[(n + 11) % 24]]
    return chosen + sorted((e for e in entries() if e.emotion == "neutral"), key=lambda e: e.who.seed)[:10]


@pytest.fixture(scope="module")
def shown() -> list[tuple[Entry, Image.Image]]:
    return [
        (entry, draw(Order(entry.who, entry.emotion, entry.strength or 0, SIZE))) for entry in stratified()
    ]


@pytest.fixture(scope="module")
def nano() -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    return AutoModelForImageTextToText.from_pretrained(WEIGHTS).float().eval(), AutoProcessor.from_pretrained(
        WEIGHTS
    )


def answers(nano: tuple[Any, Any], pictures: list[Image.Image], questions: list[str]) -> list[str]:
    """What it says, decoded greedily."""
    model, processor = nano
    prompts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}],
            add_generation_prompt=True,
        )
        for question in questions
    ]
    asked = processor(images=pictures, text=prompts, padding=True, return_tensors="pt")
    said = model.generate(**asked, max_new_tokens=8, do_sample=False)[:, asked["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(said, skip_special_tokens=True)]


def test_it_names_the_emotion(nano: tuple[Any, Any], shown: list[tuple[Entry, Image.Image]]) -> None:
    orders = [EMOTIONS[n % 6 :] + EMOTIONS[: n % 6] for n in range(len(shown))]
    said = answers(
        nano, [picture for _, picture in shown], [EMOTION.format(", ".join(order)) for order in orders]
    )
    assert set(said) <= set(EMOTIONS)
    right = sum(answer == entry.emotion for answer, (entry, _) in zip(said, shown, strict=True))
    assert right / len(shown) >= 0.8


def test_its_answer_does_not_hang_on_the_order_of_the_options(
    nano: tuple[Any, Any], shown: list[tuple[Entry, Image.Image]]
) -> None:
    pictures = [picture for _, picture in shown]
    first, last = (
        answers(nano, pictures, [EMOTION.format(", ".join(order))] * len(pictures))
        for order in (EMOTIONS, EMOTIONS[::-1])
    )
    assert sum(a == b for a, b in zip(first, last, strict=True)) / len(pictures) >= 0.9


def test_it_tells_how_strong_an_emotion_is(
    nano: tuple[Any, Any], shown: list[tuple[Entry, Image.Image]]
) -> None:
    felt = [(entry, picture) for entry, picture in shown if entry.strength]
    said = answers(nano, [picture for _, picture in felt], [STRENGTH.format(", ".join(LEVELS))] * len(felt))
    assert set(said) <= set(LEVELS)
    off = [
        abs(LEVELS.index(answer) + 1 - (entry.strength or 0))
        for answer, (entry, _) in zip(said, felt, strict=True)
    ]
    assert sum(off) / len(off) <= 0.5
    assert len(set(said)) == 5
