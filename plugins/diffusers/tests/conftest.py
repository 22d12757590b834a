"""Fixtures: tiny real pipelines, generators on them, requests, and the command as a separate process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import ImageReply, ImageRequest
from harness.testing.command import Shell, isolate_model_caches
from harness.testing.pipelines import tiny_pipeline

# Must be set before torch is imported: tiny models run slower with more threads.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

EMOTIONS = ("happy", "sad", "angry", "neutral", "surprised", "worried")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`tiny("sdxl")` is the folder of a tiny real pipeline, built once; `tiny("sd-1.5", "blocks")` has a safety checker."""
    root = tmp_path_factory.mktemp("pipelines")

    def folder(family: str, safety: Any = None) -> Path:
        path = root / f"{family}-{safety}"
        return path if path.is_dir() else tiny_pipeline(path, family, safety=safety)

    return folder


@pytest.fixture
def make() -> Iterator[Callable[..., Any]]:
    """`make(folder, batch_size=2)` is a generator of 32 x 32 pixels in two steps; closed after the test."""
    from memobench_diffusers.generator import DiffusersGenerator

    generators: list[DiffusersGenerator] = []

    def generator(folder: Path, **options: Any) -> DiffusersGenerator:
        wanted = {"steps": 2, "width": 32, "height": 32, "device": "cpu", **options}
        generators.append(DiffusersGenerator(DiffusersGenerator.Options(ref=str(folder), **wanted)))
        return generators[-1]

    yield generator
    for one in generators:
        one.close()


def make_requests(n: int = 5, **fields: Any) -> list[ImageRequest]:
    """`n` requests; the prompts repeat after five."""
    texts = [f"A portrait of a {EMOTIONS[i % 5]} person" for i in range(n)]
    return [ImageRequest(f"r{i}", text, seed=100 + i, **fields) for i, text in enumerate(texts)]


def pixels(replies: Sequence[ImageReply]) -> dict[str, bytes]:
    """Id -> pixels; every reply must hold an image."""
    found = {}
    for reply in replies:
        assert reply.outcome == "ok", reply.error or reply.extra
        assert reply.image is not None
        assert reply.image.mode == "RGB"
        found[reply.id] = reply.image.tobytes()
    return found


def max_difference(first: dict[str, bytes], second: dict[str, bytes]) -> int:
    """The largest pixel difference between images with the same id, of 255."""
    assert first.keys() == second.keys()
    return max(abs(a - b) for k in first for a, b in zip(first[k], second[k], strict=True))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_model_caches(tmp_path_factory.mktemp("home"), monkeypatch.setenv)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def helpers() -> Any:
    """`helpers.make_requests`, `helpers.pixels`, `helpers.max_difference`."""
    from types import SimpleNamespace

    return SimpleNamespace(make_requests=make_requests, pixels=pixels, max_difference=max_difference)
