"""`--fresh`: everything is asked anew in the same folder, and what it held is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess, generate_command
from helpers.plugins import Install
from helpers.results import lines

from harness import evaluate

Make = Callable[..., Path]
COUNTING = """
def identity(self):
    return {"version": "1"}

def judge(self, batch):
    for r in batch:
        with open("asked", "a") as log:
            log.write(r.id + chr(10))
        if os.path.exists("stop"):
            raise KeyboardInterrupt
        yield JudgeReply(r.id, text=r.question.options[0])
"""
RUN = ("run", "--task", "coarse_emotion", "--model", "counting", "--data", "faces", "--out", "run")


@pytest.fixture
def counting(install: Install, faces: Path) -> Callable[[], int]:
    """How many requests the judge was asked so far."""
    install("counting", plugins.judge("counting", COUNTING, batch=1))
    return lambda: len(Path("asked").read_text().splitlines()) if Path("asked").exists() else 0


def test_everything_is_asked_anew(harness: InProcess, counting: Callable[[], int]) -> None:
    first = harness(*RUN, "--json").ok().results
    harness(*RUN).ok()
    assert counting() == 12
    again = harness(*RUN, "--fresh", "--json").ok().results
    assert counting() == 24
    assert again["tasks"] == first["tasks"]
    for folder in ("run", "run/previous/1"):
        assert len(lines(Path(folder, "replies.jsonl"))) == 12
        assert harness("score", folder, "--json").ok().results["tasks"] == first["tasks"]
    assert "12 requests" in harness(*RUN, "--fresh", "--dry-run").ok().out
    assert "would be moved to its folder previous and asked anew" in harness(*RUN, "--fresh", "--dry-run").out
    assert not Path("run/previous/2").exists()


def test_a_folder_with_another_request_can_be_used(harness: InProcess, counting: Callable[[], int]) -> None:
    harness(*RUN, "--seed", "4").ok()
    harness(*RUN).fails(2, "contains a different request")
    harness(*RUN, "--fresh").ok()
    assert json.loads(Path("run/previous/1/run.json").read_text())["request"]["seed"] == 4
    assert json.loads(Path("run/run.json").read_text())["request"]["seed"] == 0


def test_an_interrupted_fresh_run_is_resumed_without_fresh(
    harness: InProcess, counting: Callable[[], int]
) -> None:
    harness(*RUN).ok()
    harness(*RUN, "--fresh", "--limit", "5").ok()
    Path("stop").touch()
    assert harness(*RUN).code == 130
    Path("stop").unlink()
    asked = counting()
    results = harness(*RUN, "--json").ok().results
    assert results["tasks"][0]["answered"] == 12
    assert counting() - asked == 7, "the five answers of the fresh run were kept"
    assert [p.name for p in Path("run/previous").iterdir()] == ["1"]


def test_generated_folders_keep_their_pictures(harness: InProcess) -> None:
    run = ("run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "-o", "size=64", "--limit", "6",
           "--out", "run")  # fmt: skip
    harness(*run).ok()
    before = {p.name: p.read_bytes() for p in Path("run/images").iterdir()}
    harness(*run, "--fresh").ok()
    assert {p.name: p.read_bytes() for p in Path("run/previous/1/images").iterdir()} == before
    for name in ("manifest.csv", "sheet.png", "thumbnails", "results.json", "samples.jsonl"):
        assert Path("run", name).exists()
        assert Path("run/previous/1", name).exists()
    for folder in ("run", "run/previous/1"):
        judged = harness(
            "run", "--task", "coarse_emotion", "--model", "echo", "--data", folder, "--json"
        ).ok()
        assert judged.results["tasks"][0]["n"] == 6, "pictures of earlier runs are no part of the data set"


def test_earlier_runs_are_not_listed(harness: InProcess, faces: Path) -> None:
    run = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces")
    harness(*run).ok()
    harness(*run, "--fresh").ok()
    assert len(json.loads(harness("list", "runs", "--json").ok().out)) == 1
    harness(*generate_command(6), "faces2").ok()


def test_fresh_from_python(faces: Path, tmp_path: Path) -> None:
    for _ in range(3):
        result = evaluate("coarse_emotion", "echo", data=faces, out=tmp_path / "run", fresh=True)
    assert sorted(p.name for p in (result.path / "previous").iterdir()) == ["1", "2"]
