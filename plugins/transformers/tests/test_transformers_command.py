"""The real command on a tiny real model."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import EMOTIONS
from harness.testing import face_picture

pytestmark = pytest.mark.e2e
SCRIPT = Path(sys.executable).parent / "harness"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command in its own folder, with a data folder of 18 faces."""
    rows = []
    for number in range(18):
        emotion, path = EMOTIONS[number % 6], Path("faces") / f"{number:02}.png"
        (tmp_path / path).parent.mkdir(exist_ok=True)
        image = face_picture(number, 64 + 8 * (number % 3)).image
        assert image is not None
        image.save(tmp_path / path)
        rows.append([path.name, emotion, "" if emotion == "neutral" else 1 + number // 6])
    with (tmp_path / "faces" / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["image", "emotion", "intensity"], *rows])

    def command(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(SCRIPT), "run", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            env=os.environ | {"OMP_NUM_THREADS": "1", "XDG_DATA_HOME": str(tmp_path)},
        )

    return command


def test_a_suite_and_its_resumption(run: Run, tiny: Callable[[str], Path], tmp_path: Path) -> None:
    arguments = (
        "--task",
        "coarse_emotion,fine_intensity",
        "--model",
        f"transformers:{tiny('llava')}",
        "--data",
        "faces",
        "--json",
    )
    whole = run(*arguments, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    tasks = json.loads(whole.stdout)["tasks"]
    assert [(t["task"], t["n"], t["answered"], t["failed"], t["read"]) for t in tasks] == [
        ("coarse_emotion", 18, 18, 0, "logprobs"),
        ("fine_intensity", 15, 15, 0, "logprobs"),
    ]

    stored = (tmp_path / "whole" / "replies.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    (tmp_path / "cut" / "replies.jsonl").write_text("".join(stored[:9]), encoding="utf-8")
    resumed = run(*arguments, "-o", "batch_size=5", "--out", "cut")
    assert resumed.returncode == 0, resumed.stderr
    for one, other in zip(tasks, json.loads(resumed.stdout)["tasks"], strict=True):
        for metric, again in zip(one["metrics"], other["metrics"], strict=True):
            assert again["value"] == pytest.approx(metric["value"], abs=1e-4)


@pytest.mark.parametrize("read", ["choice", "text"])
def test_other_answer_modes(read: str, run: Run, tiny: Callable[[str], Path], tmp_path: Path) -> None:
    done = run(
        "--task",
        "fine_intensity",
        "--model",
        f"transformers:{tiny('qwen2-vl')}",
        "--data",
        "faces",
        "--read",
        read,
        "--json",
        "--out",
        "made",
    )
    assert done.returncode == 0, done.stderr
    [task] = json.loads(done.stdout)["tasks"]
    assert (task["answered"], task["failed"], task["read"]) == (15, 0, read)
    if read == "choice":
        assert task["unparsed"] == 0
    line = (tmp_path / "made" / "replies.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(line)["usage"]["prompt_tokens"] > 10


@pytest.mark.parametrize(("model", "read"), [("llava", "logprobs"), ("qwen2-vl", "choice")])
def test_two_pictures_are_compared(model: str, read: str, run: Run, tiny: Callable[[str], Path]) -> None:
    done = run(
        "--task",
        "nuance_pairs",
        "--model",
        f"transformers:{tiny(model)}",
        "--data",
        "faces",
        "--read",
        read,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    [task] = json.loads(done.stdout)["tasks"]
    # One pair per emotion except neutral, in both orders.
    assert (task["answered"], task["failed"], task["unparsed"], task["read"]) == (10, 0, 0, read)


def test_a_missing_model_gives_one_clear_message(run: Run, tmp_path: Path) -> None:
    done = run("--task", "fine_intensity", "--model", f"transformers:{tmp_path / 'none'}", "--data", "faces")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [line[:4] for line in done.stderr.splitlines() if line.startswith(("error:", "  ->"))] == [
        "erro",
        "  ->",
    ]
