"""Runs of two releases of one judge: echo with different replies to the same pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from helpers import data
from helpers.command import InProcess


def said(n: int, wrong: Mapping[int, str] | None = None) -> dict[str, str]:
    """The true emotion of each of `n` samples of `data.make`, but for those in `wrong`."""
    wrong = wrong or {}
    return {f"s{i:05}": wrong.get(i, data.EMOTIONS[i % 6]) for i in range(n)}


def other(number: int) -> str:
    """An emotion that sample `number` does not have."""
    return data.EMOTIONS[(number + 1) % 6]


def run(
    harness: InProcess, name: str, replies: Mapping[str, str], *more: object, task: str = "coarse_emotion"
) -> Path:
    """Run echo on the folder `faces` with these replies; the run folder is `name`."""
    Path(f"{name}.jsonl").write_text(
        "".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in replies.items())
    )
    command = ["run", "--task", task, "--model", "echo", "-o", f"replies={name}.jsonl", "--out", name]
    if "--data" not in more:
        command += ["--data", "faces"]
    harness(*command, *more, "--json").ok()
    return Path(name)


def task_with_temperature(name: str, path: Path, temperature: float) -> Path:
    """A copy of a built-in task whose judge samples its answers."""
    text = (Path(__file__).parents[2] / "tasks" / f"{name}.toml").read_text(encoding="utf-8")
    path.write_text(f"{text}\n[sampling]\ntemperature = {temperature}\n", encoding="utf-8")
    return path
