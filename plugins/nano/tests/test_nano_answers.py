"""Accuracy of nano on portraits of people outside its training data, using transformers directly."""

from __future__ import annotations

from typing import Any

import pytest
from memobench_nano.plugin import WEIGHTS
from memobench_portraits.dataset import SIZE, Entry, entries
from memobench_portraits.pool import PortraitSpec, render
from PIL import Image

from harness import EMOTIONS

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
EMOTION = "Which emotion does the person's face show?\nAnswer with one of these words and nothing else: {}."
STRENGTH = "How strong is the emotion that the person's face shows?\nAnswer with one of these levels and nothing else: {}."

pytestmark = pytest.mark.e2e


def stratified() -> list[Entry]:
    """Sixty pictures: two of each emotion at each strength, over as many people as possible, and ten neutral ones."""
    selected: list[Entry] = []
    cells = [(emotion, s) for emotion in EMOTIONS if emotion != "neutral" for s in range(1, 6)]
    for n, cell in enumerate(cells):
        matching = sorted((e for e in entries() if (e.emotion, e.strength) == cell), key=lambda e: e.who.seed)
        selected += [matching[n % 24], matching[(n + 11) % 24]]
    return selected + sorted((e for e in entries() if e.emotion == "neutral"), key=lambda e: e.who.seed)[:10]


@pytest.fixture(scope="module")
def shown() -> list[tuple[Entry, Image.Image]]:
    return [
        (entry, render(PortraitSpec(entry.who, entry.emotion, entry.strength or 0, SIZE)))
        for entry in stratified()
    ]


@pytest.fixture(scope="module")
def nano() -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    return AutoModelForImageTextToText.from_pretrained(WEIGHTS).float().eval(), AutoProcessor.from_pretrained(
        WEIGHTS
    )


def answers(nano: tuple[Any, Any], pictures: list[Image.Image], questions: list[str]) -> list[str]:
    """Its answers, decoded greedily."""
    model, processor = nano
    prompts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}],
            add_generation_prompt=True,
        )
        for question in questions
    ]
    inputs = processor(images=pictures, text=prompts, padding=True, return_tensors="pt")
    tokens = model.generate(**inputs, max_new_tokens=8, do_sample=False)[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]


def test_it_recognises_the_emotion(nano: tuple[Any, Any], shown: list[tuple[Entry, Image.Image]]) -> None:
    orders = [EMOTIONS[n % 6 :] + EMOTIONS[: n % 6] for n in range(len(shown))]
    answered = answers(
        nano, [picture for _, picture in shown], [EMOTION.format(", ".join(order)) for order in orders]
    )
    assert set(answered) <= set(EMOTIONS)
    correct = sum(answer == entry.emotion for answer, (entry, _) in zip(answered, shown, strict=True))
    assert correct / len(shown) >= 0.8


def test_the_answer_does_not_depend_on_the_order_of_the_options(
    nano: tuple[Any, Any], shown: list[tuple[Entry, Image.Image]]
) -> None:
    pictures = [picture for _, picture in shown]
    first, last = (
        answers(nano, pictures, [EMOTION.format(", ".join(order))] * len(pictures))
        for order in (EMOTIONS, EMOTIONS[::-1])
    )
    assert sum(a == b for a, b in zip(first, last, strict=True)) / len(pictures) >= 0.9


def test_it_rates_the_strength(nano: tuple[Any, Any], shown: list[tuple[Entry, Image.Image]]) -> None:
    emotional = [(entry, picture) for entry, picture in shown if entry.strength]
    answered = answers(
        nano, [picture for _, picture in emotional], [STRENGTH.format(", ".join(LEVELS))] * len(emotional)
    )
    assert set(answered) <= set(LEVELS)
    errors = [
        abs(LEVELS.index(answer) + 1 - (entry.strength or 0))
        for answer, (entry, _) in zip(answered, emotional, strict=True)
    ]
    assert sum(errors) / len(errors) <= 0.5
    assert len(set(answered)) == 5
