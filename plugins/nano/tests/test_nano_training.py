"""What nano is trained on, and that training shows it exactly what a judge shows it."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from memobench_portraits.dataset import DATASET_SEEDS
from memobench_portraits.generator import subject
from PIL import Image

from harness import ImageRequest
from harness.testing.models import llava

TRAIN = Path(__file__).parents[1] / "train"
MODULES = ("pictures", "questions", "seeing", "answering", "figures", "train_nano")


@pytest.fixture(scope="module")
def train() -> Iterator[SimpleNamespace]:
    """The modules of the training script."""
    sys.path.insert(0, str(TRAIN))
    try:
        yield SimpleNamespace(**{name: import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(TRAIN))
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def untrained(train: SimpleNamespace) -> tuple[Any, Any]:
    return llava(train.train_nano.SHAPE, spread=0.05)


@pytest.fixture(scope="module")
def wordings(train: SimpleNamespace, untrained: tuple[Any, Any]) -> list[Any]:
    found: list[Any] = train.questions.questions(untrained[1], train.train_nano.SHAPE.tokens)
    return found


@pytest.mark.e2e
def test_nobody_else_draws_the_people_it_learns_from(train: SimpleNamespace) -> None:
    first = train.pictures.TRAINING_SUBJECTS
    assert max(DATASET_SEEDS) < first
    assert all(subject(ImageRequest("r", "a woman", seed=seed)).seed < first - 2**40 for seed in range(200))


@pytest.mark.e2e
def test_each_person_shows_a_neutral_face_and_nine_others(train: SimpleNamespace) -> None:
    for person in range(20):
        shown = train.pictures.faces(person)
        assert len(set(shown)) == len(shown) == train.pictures.EACH
        assert [face for face in shown if face[0] == "neutral"] == [("neutral", 0)]
        assert shown == train.pictures.faces(person)


@pytest.mark.e2e
def test_questions_are_the_products_with_their_options_permuted(
    wordings: list[Any], untrained: tuple[Any, Any]
) -> None:
    emotion, polarity, strength, named = wordings
    words = untrained[1].tokenizer
    asked = {words.decode(emotion.prompt("sad", f"{n}", 0)) for n in range(40)}
    assert len(asked) > 30
    assert all("Which emotion does the person's face show?" in text for text in asked)
    assert all(text.endswith("ASSISTANT:") and text.count("<image>") == 25 for text in asked)
    assert "shows this emotion: sad." in words.decode(named.prompt("sad", "0", 0))
    assert [q.truth("worry", 5) for q in (emotion, polarity, strength, named)] == [
        "worry",
        "negative",
        "very strong",
        "very strong",
    ]
    assert [q.truth("surprise", 1) for q in (emotion, polarity, strength)] == [
        "surprise",
        "surprise",
        "very weak",
    ]
    assert [q.truth("neutral", 0) for q in (emotion, polarity, strength, named)] == [
        "neutral",
        "neutral",
        None,
        None,
    ]


@pytest.mark.e2e
def test_training_sees_what_the_picture_processor_gives(
    train: SimpleNamespace, untrained: tuple[Any, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    picture = Image.fromarray(noise).resize((300, 300), Image.Resampling.BICUBIC)
    shape = train.train_nano.SHAPE
    kept = train.pictures.Pictures(
        train.pictures.scaled(picture, shape.resize)[None].copy(), np.zeros(1, int), np.zeros(1, int)
    )
    given = untrained[1](images=[picture], text=["<image>"], return_tensors="pt")["pixel_values"]
    assert float((train.seeing.seen(kept, np.zeros(1, int), shape.image) - given).abs().max()) < 1e-5


@pytest.mark.e2e
def test_training_computes_what_the_model_itself_computes(
    train: SimpleNamespace, untrained: tuple[Any, Any], wordings: list[Any]
) -> None:
    import torch

    model, chance = untrained[0], random.Random(0)
    pixels = torch.randn(len(wordings), 3, 80, 80, generator=torch.Generator().manual_seed(0))
    asked = [question.asked("angry", 5, chance) for question in wordings]
    with torch.no_grad():
        told, wanted = train.answering.answer_logits(model, train.answering.features(model, pixels), asked)
        rows = []
        for picture, put in zip(pixels, asked, strict=True):
            ids = torch.tensor([[*put.prompt, *put.answer]])
            whole = model(input_ids=ids, pixel_values=picture[None]).logits.log_softmax(-1)[0]
            rows.append(whole[len(put.prompt) - 1 : -1])
    assert wanted.tolist() == [token for put in asked for token in put.answer]
    assert float((torch.cat(rows) - told).abs().max()) < 1e-4


@pytest.mark.e2e
def test_expected_levels_and_their_correlation(train: SimpleNamespace) -> None:
    figures: ModuleType = train.figures
    scores = np.log(np.array([[0.5, 0.5, 1e-9, 1e-9, 1e-9], [1e-9, 1e-9, 1e-9, 0.25, 0.75]])) - 3.0
    assert figures.expected_level(scores) == pytest.approx([1.5, 4.75], abs=1e-6)
    emotion, strength = np.array([0] * 5 + [1] * 5), np.array([1, 2, 3, 4, 5] * 2)
    pictures = train.pictures.Pictures(np.zeros((10, 1)), emotion, strength)
    levels = np.array([1.0, 2.0, 3.0, 5.0, 4.0, 2.0, 1.0, 3.0, 4.0, 5.0])
    assert figures.srcc_within(levels, pictures) == pytest.approx(0.9)
