"""Names that are too long for a file, and pipes in place of files, are refused wherever a command takes a path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.command import InProcess

pytestmark = pytest.mark.faults

LONG = "x" * 5000
NAMED = [
    "gate --baseline {} run",
    "gate --bless run --baseline {}",
    "gate --baseline run --config {} run",
    "show {}",
    "verify {}",
    "score {}",
    "cite {}",
    "compare run {}",
    "leaderboard {}",
    "report run --out {}.html",
    "plot run --out {}.svg",
    "export run --format csv --out {}",
    "export run --format jsonl --out {}",
    "run --model echo --task {}",
    "run --model echo --task a/{}.toml",
    "run --model {} --task coarse_emotion",
    "run --model echo --task coarse_emotion --data a/{}",
    "run --model echo --task coarse_emotion --data faces --out {}",
    "run --model echo --task coarse_emotion --data faces --out other -o replies={}",
    "generate --model echo --prompts a/{}.csv --out other",
    "generate --model echo --prompts emotion_600 --limit 1 -o size=64 --out {}",
    "data import manifest {} --label perceived",
    "data import manifest faces --label perceived --name {}",
    "data verify {}",
    "data people {}",
    "data export {} --out other",
    "data export faces --out {}",
]


@pytest.fixture
def run(harness: InProcess, faces: Path) -> None:
    harness("run", "--model", "echo", "--task", "coarse_emotion", "--data", "faces", "--out", "run").ok()


@pytest.mark.usefixtures("run")
def test_names_that_are_too_long(harness: InProcess) -> None:
    wrong = []
    for command in NAMED:
        done = harness(*(part.format(LONG) for part in command.split()))
        if done.code != 2 or "\n  -> " not in done.err or len(done.err) > 3000:
            wrong.append(f"{command}: exit {done.code}\n{done.err[-300:]}")
    assert not wrong, "\n".join(wrong)


def test_a_suite_that_lists_a_name_that_is_too_long(harness: InProcess) -> None:
    Path("suite.toml").write_text(f'kind = "suite"\nname = "suite"\ntasks = ["{LONG}"]\n')
    harness("run", "--task", "./suite.toml", "--model", "echo", "--dry-run").fails(2, "suite.toml: tasks: ")
    text = (Path(__file__).parents[2] / "tasks" / "t2i_emotion.toml").read_text()
    for key in ("prompt_set", "asks"):
        value = f'"{LONG}"' if key == "prompt_set" else f'["{LONG}", "coarse_emotion"]'
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in text.splitlines()]
        Path("t2i_emotion.toml").write_text("\n".join(lines))
        harness(
            "run", "--task", "./t2i_emotion.toml", "--model", "echo", "--judge", "echo", "--dry-run"
        ).fails(2)


PIPES = [
    "show {}",
    "run --model echo --dry-run --task {}.toml",
    "run --model echo --task coarse_emotion --data {}",
    "generate --model echo --prompts {}.csv --out other",
    "gate --baseline run --config {} other",
    *(f"data import {kind} {{}} --label perceived" for kind in ("manifest", "hf", "class-folders")),
    "data import fer2013 {}.csv",
    "data people {}",
]


@pytest.mark.usefixtures("run")
def test_pipes_are_not_waited_for(harness: InProcess) -> None:
    harness("run", "--model", "echo", "--task", "coarse_emotion", "--data", "faces", "--out", "other").ok()
    for name in ("pipe", "pipe.toml", "pipe.csv"):
        os.mkfifo(name)
    for command in PIPES:
        harness(*(part.format("./pipe") for part in command.split())).fails(2)


def test_a_prompt_file_of_gigabytes_is_not_read(harness: InProcess, tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(3 * 2**30)
    harness("generate", "--prompts", "./large.csv", "--model", "echo", "--out", "run").refuses(
        2, "large.csv' is larger than 64 MiB"
    )
