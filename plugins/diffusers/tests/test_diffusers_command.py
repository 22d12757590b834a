"""The real command: generate, kill, resume; every image is generated once."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")
N = 30


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    rows = [
        [
            f"p{i}",
            EMOTIONS[i % 6],
            f"A portrait of a person, {EMOTIONS[i % 6]}" + ", in a hat" * (12 * (i == 7)),
        ]
        for i in range(N)
    ]
    with (tmp_path / "prompts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["prompt_id", "emotion", "prompt"], *rows])
    return tmp_path / "prompts.csv"


def replies(folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for line in (folder / "replies.jsonl").read_bytes().split(b"\n")[:-1]:
        reply = json.loads(line)
        assert reply["id"] not in found, "an image was generated twice"
        found[reply["id"]] = reply
    return found


@pytest.mark.timeout(400)
def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(
    shell: Any, tiny: Callable[..., Path], prompts: Path
) -> None:
    arguments = [
        *("generate", "--model", f"diffusers:{tiny('sd-1.5')}", "--prompts", prompts),
        *("-o", "width=32", "-o", "height=32", "-o", "device=cpu"),
    ]

    whole = shell(*arguments, "-o", "steps=4", "--out", "whole")
    assert whole.code == 0, whole.err
    assert "Warning" not in whole.err + whole.out, "libraries must not print warnings"
    complete = replies(shell.folder / "whole")
    assert len(complete) == N
    [cut] = [r["extra"]["prompt_tokens_cut"] for r in complete.values() if r["extra"]]
    assert cut["text_encoder"] > 0

    killed = shell.start(*arguments, "-o", "steps=4", "-o", "batch_size=2", "--out", "run")
    stored = kill_in_the_middle(killed, shell.folder / "run")
    resumed = shell(*arguments, "-o", "steps=4", "-o", "batch_size=5", "--out", "run")
    assert resumed.code == 0, resumed.err
    again = replies(shell.folder / "run")
    assert again.keys() == complete.keys()
    assert {k: again[k] for k in stored} == stored, "images generated before the kill are kept"
    for id_ in complete:
        first, second = (Image.open(shell.folder / d / "images" / f"{id_}.png") for d in ("whole", "run"))
        extrema = ImageChops.difference(first, second).getextrema()
        assert max(high for _, high in extrema) <= 1  # type: ignore[misc]
    with (shell.folder / "run" / "manifest.csv").open() as file:
        assert len(list(csv.DictReader(file))) == N

    other = shell(*arguments, "-o", "steps=5", "--out", "run")
    assert other.code == 2
    assert "steps" in other.err


def kill_in_the_middle(process: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """Kill the command once some images are stored; returns their replies."""
    file, end = folder / "replies.jsonl", time.monotonic() + 150
    while not file.exists() or file.read_bytes().count(b"\n") < 4:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)
    process.kill()
    process.communicate()
    found = replies(folder)
    assert 4 <= len(found) < N
    return found


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("diffusers:/no/such/folder", [], "neither an existing folder"),
        ("diffusers", [], "'ref' must be given"),
        ("diffusers:x/y", ["-o", "step=3"], "'steps'"),
        ("sdxl", [], "not in the local cache"),
        ("sdxl-turb", [], "sdxl-turbo"),
    ],
)
def test_user_errors_are_reported_without_a_traceback(
    model: str, options: list[str], message: str, shell: Any, prompts: Path
) -> None:
    result = shell("generate", "--model", model, "--prompts", prompts, "--out", "out", *options)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
