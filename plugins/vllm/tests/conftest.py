"""Tiny real models, a data folder, questions, and the command, in a subprocess or in this process."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pytest

from harness import EMOTIONS, JudgeRequest, Message, Part, Question, Sampling, Scale
from harness.testing import face_picture, models
from harness.testing.command import CommandResult, Shell, isolate_model_caches

# Torch reads it on import. More threads would slow tiny models down.
os.environ["OMP_NUM_THREADS"] = "1"

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
BUILD = {
    "llava": models.tiny_llava,
    "qwen2-vl": models.tiny_qwen2_vl,
    "qwen2.5-vl": models.tiny_qwen2_5_vl,
    "thinking": models.tiny_thinking_llava,
}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`tiny("llava")`: the folder of a tiny real model, built once."""
    root = tmp_path_factory.mktemp("models")

    def folder(name: str) -> Path:
        return root / name if (root / name).is_dir() else BUILD[name](root / name)

    return folder


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of 24 faces in folders named after emotions, with intensities in a manifest."""
    root = tmp_path_factory.mktemp("data") / "faces"
    rows = []
    for number in range(24):
        emotion = EMOTIONS[number % 6]
        path = root / emotion / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = face_picture(number, 96).image
        assert image is not None
        image.save(path)
        strength = "" if emotion == "neutral" else str(1 + number // 6)
        rows.append([f"{emotion}/{path.name}", emotion, strength, f"person{number % 5}"])
    with (root / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["image", "emotion", "intensity", "subject"], *rows])
    return root


@pytest.fixture(scope="session")
def ask() -> Callable[..., list[JudgeRequest]]:
    """`ask(options, read, n)`: the same question about `n` pictures, with the options in a different order each time."""

    def questions(
        options: tuple[str, ...],
        read: str,
        n: int = 4,
        *,
        labels: tuple[str, ...] | None = None,
        first: int = 0,
        padding: str = "",
        **sampling: Any,
    ) -> list[JudgeRequest]:
        rating = options == LEVELS
        requests = []
        for number in range(first, first + n):
            turn = 0 if rating else number % len(options)
            shown = options[turn:] + options[:turn]
            listed = [f"{a}. {o}" for a, o in zip(labels, shown, strict=True)] if labels else shown
            words = f"{'How strong is it?' if rating else 'Which emotion?'} {padding}{', '.join(listed)}"
            question = Question(
                "rating" if rating else "choice",
                shown,
                labels,
                Scale(LEVELS) if rating else None,
                answer_mode=read,
            )  # type: ignore[arg-type]
            requests.append(
                JudgeRequest(
                    f"{number:032x}",
                    f"s{number}",
                    (face_picture(1000 + number, 80 + 8 * (number % 3)),),
                    (Message("user", (Part(image=0), Part(words))),),
                    question,
                    Sampling(**({"max_tokens": 12} | sampling)),
                )
            )
        return requests

    return questions


@pytest.fixture(autouse=True, scope="module")
def _environment(pytestconfig: pytest.Config) -> Iterator[None]:
    """Restore the environment: an engine in this process changes it."""
    before = dict(os.environ)
    # vLLM inspects each model class in a slow subprocess. The result depends only on vLLM, so it is cached between
    # test runs.
    assert pytestconfig.cache is not None
    os.environ["VLLM_CACHE_ROOT"] = str(pytestconfig.cache.mkdir("vllm"))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_model_caches(tmp_path_factory.mktemp("home"), monkeypatch.setenv)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


OUT, ERR = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
"""Streams on descriptors 1 and 2. vLLM's logger keeps its stream longer than a test's own stream lives."""


@contextmanager
def redirected(out: IO[bytes], err: IO[bytes]) -> Iterator[None]:
    """Redirects all output of this process into two files."""
    streams, saved = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = OUT, ERR
        yield
    finally:
        OUT.flush()
        ERR.flush()
        sys.stdout, sys.stderr = streams
        for kept, number in zip(saved, (1, 2), strict=True):
            os.dup2(kept, number)
            os.close(kept)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., CommandResult]]:
    """Calls the entry point of the command `harness` in this process, so that vLLM is imported only once."""
    [entry] = importlib.metadata.entry_points(group="console_scripts", name="harness")
    main = entry.load()
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> CommandResult:
        with TemporaryFile() as out, TemporaryFile() as err:
            with redirected(out, err), pytest.raises(SystemExit) as ended:
                main([str(a) for a in arguments])
            assert isinstance(ended.value.code, int)
            outputs = []
            for file in (out, err):
                file.seek(0)
                outputs.append(file.read().decode())
        return CommandResult(ended.value.code, *outputs)

    yield run
    signal.signal(signal.SIGTERM, handler)
