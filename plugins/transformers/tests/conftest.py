"""Tiny real models, opened once, and questions for them."""

from __future__ import annotations

import os

# Torch reads it on import. More threads would slow tiny models down.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from memobench_transformers.judge import TransformersJudge
from PIL import Image

from harness import EMOTIONS, JudgeReply, JudgeRequest, Message, Part, Question, Sampling, Scale
from harness.testing import Listed, face_picture, models

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
BUILD = {
    "llava": models.tiny_llava,
    "qwen2-vl": models.tiny_qwen2_vl,
    "qwen2.5-vl": models.tiny_qwen2_5_vl,
    "thinking": models.tiny_thinking_llava,
}
SIZES = ((64, 64), (96, 64), (48, 120), (200, 150))

Ask = Callable[..., list[JudgeRequest]]
Answers = Callable[..., dict[str, JudgeReply]]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`tiny("llava")`: the folder of a tiny real model, built once. Do not modify it."""
    root = tmp_path_factory.mktemp("models")

    def folder(name: str) -> Path:
        return root / name if (root / name).is_dir() else BUILD[name](root / name)

    return folder


@pytest.fixture
def changed(tiny: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """`changed("llava", "config.json", model_type="x")`: a copy of a model with one JSON file changed."""

    def copy(name: str, file: str = "", **values: Any) -> Path:
        folder = tmp_path / f"{name}-changed"
        shutil.copytree(tiny(name), folder, dirs_exist_ok=True)
        if file:
            path = folder / file
            path.write_text(
                json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8"
            )
        return folder

    return copy


@pytest.fixture(scope="session")
def opened(tiny: Callable[[str], Path]) -> Iterator[Callable[..., TransformersJudge]]:
    """`opened("llava", batch_size=5)`: an open judge, one for each set of options."""
    judges: dict[tuple[str, tuple[tuple[str, Any], ...]], TransformersJudge] = {}

    def get(name: str = "llava", **options: Any) -> TransformersJudge:
        key = (name, tuple(sorted(options.items())))
        if key not in judges:
            judges[key] = TransformersJudge(TransformersJudge.Options(ref=str(tiny(name)), **options))
            judges[key].open()
        return judges[key]

    yield get
    for judge in judges.values():
        judge.close()


@pytest.fixture(scope="session")
def ask() -> Ask:
    """`ask(read, n)`: questions about `n` pictures of several sizes, with prompts of several lengths."""

    def questions(
        read: str,
        n: int = 4,
        *,
        options: tuple[str, ...] = LEVELS,
        labels: tuple[str, ...] | None = None,
        **sampling: Any,
    ) -> list[JudgeRequest]:
        scale = Scale(options) if options == LEVELS else None
        question = Question("rating" if scale else "choice", options, labels, scale, read)  # type: ignore[arg-type]
        requests = []
        for number in range(n):
            picture = face_picture(number)
            assert picture.image is not None
            scaled = picture.image.resize(SIZES[number % 4], Image.Resampling.BICUBIC)
            words = "How strong is the emotion" + " of the person" * (number % 3) + "? " + ", ".join(options)
            requests.append(
                JudgeRequest(
                    f"{read}{len(options)}-{number:02}",
                    f"s{number}",
                    (dataclasses.replace(picture, image=scaled),),
                    (Message("user", (Part(image=0), Part(words))),),
                    question,
                    Sampling(**({"max_tokens": 8, "seed": number} | sampling)),
                )
            )
        return requests

    return questions


@pytest.fixture(scope="session")
def mixed(ask: Ask) -> list[JudgeRequest]:
    """Requests in all answer modes, with two sets of options and several sizes, in mixed order."""
    requests = [
        request
        for read in ("logprobs", "choice", "text")
        for options in (LEVELS, EMOTIONS)
        for request in ask(read, 6, options=options)
    ]
    return [requests[(7 * n) % len(requests)] for n in range(len(requests))]


@pytest.fixture(scope="session")
def answers() -> Answers:
    """`answers(judge, requests)`: the replies by id; there must be exactly one for each request."""

    def stream(judge: TransformersJudge, requests: Sequence[JudgeRequest]) -> dict[str, JudgeReply]:
        replies = list(judge.stream(Listed(requests)))
        assert sorted(r.id for r in replies) == sorted(r.id for r in requests)
        return {r.id: r for r in replies}

    return stream
