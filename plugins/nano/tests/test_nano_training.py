"""Training data, and that training uses exactly the inputs that a judge uses."""

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
MODULES = ("pictures", "questions", "vision_pretraining", "instruction_tuning", "metrics", "train_nano")


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
def questions(train: SimpleNamespace, untrained: tuple[Any, Any]) -> list[Any]:
    found: list[Any] = train.questions.load_questions(untrained[1], train.train_nano.SHAPE.tokens)
    return found


@pytest.mark.e2e
def test_training_people_are_disjoint_from_data_set_and_generator(train: SimpleNamespace) -> None:
    first = train.pictures.TRAINING_SUBJECTS
    assert max(DATASET_SEEDS) < first
    assert all(subject(ImageRequest("r", "a woman", seed=seed)).seed < first - 2**40 for seed in range(200))


@pytest.mark.e2e
def test_each_person_has_a_neutral_face_and_nine_others(train: SimpleNamespace) -> None:
    for person in range(20):
        shown = train.pictures.expressions(person)
        assert len(set(shown)) == len(shown) == train.pictures.PICTURES_PER_PERSON
        assert [face for face in shown if face[0] == "neutral"] == [("neutral", 0)]
        assert shown == train.pictures.expressions(person)


@pytest.mark.e2e
def test_questions_match_memobench_with_permuted_options(
    questions: list[Any], untrained: tuple[Any, Any]
) -> None:
    emotion, polarity, strength, named = questions
    words = untrained[1].tokenizer
    prompts = {words.decode(emotion.prompt("sad", f"{n}", 0)) for n in range(40)}
    assert len(prompts) > 30
    assert all("Which emotion does the person's face show?" in text for text in prompts)
    assert all(text.endswith("ASSISTANT:") and text.count("<image>") == 25 for text in prompts)
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
def test_training_inputs_match_the_image_processor(
    train: SimpleNamespace, untrained: tuple[Any, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    picture = Image.fromarray(noise).resize((300, 300), Image.Resampling.BICUBIC)
    shape = train.train_nano.SHAPE
    pictures = train.pictures.Pictures(
        train.pictures.resize(picture, shape.resize)[None].copy(), np.zeros(1, int), np.zeros(1, int)
    )
    expected = untrained[1](images=[picture], text=["<image>"], return_tensors="pt")["pixel_values"]
    assert (
        float(
            (train.vision_pretraining.vision_input(pictures, np.zeros(1, int), shape.image) - expected)
            .abs()
            .max()
        )
        < 1e-5
    )


@pytest.mark.e2e
def test_answer_logits_match_the_full_model(
    train: SimpleNamespace, untrained: tuple[Any, Any], questions: list[Any]
) -> None:
    import torch

    model, rng = untrained[0], random.Random(0)
    pixels = torch.randn(len(questions), 3, 80, 80, generator=torch.Generator().manual_seed(0))
    examples = [question.example("angry", 5, rng) for question in questions]
    with torch.no_grad():
        log_probs, targets = train.instruction_tuning.answer_logits(
            model, train.instruction_tuning.image_features(model, pixels), examples
        )
        rows = []
        for picture, example in zip(pixels, examples, strict=True):
            ids = torch.tensor([[*example.prompt, *example.answer]])
            whole = model(input_ids=ids, pixel_values=picture[None]).logits.log_softmax(-1)[0]
            rows.append(whole[len(example.prompt) - 1 : -1])
    assert targets.tolist() == [token for example in examples for token in example.answer]
    assert float((torch.cat(rows) - log_probs).abs().max()) < 1e-4


@pytest.mark.e2e
def test_expected_levels_and_their_correlation(train: SimpleNamespace) -> None:
    metrics: ModuleType = train.metrics
    scores = np.log(np.array([[0.5, 0.5, 1e-9, 1e-9, 1e-9], [1e-9, 1e-9, 1e-9, 0.25, 0.75]])) - 3.0
    assert metrics.expected_level(scores) == pytest.approx([1.5, 4.75], abs=1e-6)
    emotion, strength = np.array([0] * 5 + [1] * 5), np.array([1, 2, 3, 4, 5] * 2)
    pictures = train.pictures.Pictures(np.zeros((10, 1)), emotion, strength)
    levels = np.array([1.0, 2.0, 3.0, 5.0, 4.0, 2.0, 1.0, 3.0, 4.0, 5.0])
    assert metrics.srcc_within(levels, pictures) == pytest.approx(0.9)
