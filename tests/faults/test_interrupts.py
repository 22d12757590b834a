"""Ctrl-C at any moment, and what a run says of itself afterwards."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.command import InProcess, Shell
from helpers.plugins import Install

from harness.errors import BadTask
from harness.tasks.promptsets import read_prompts

pytestmark = pytest.mark.faults
Make = Callable[..., Path]

RUN = ("run", "--task", "coarse_emotion", "--data", "faces", "--json", "--model", "slow")
SLOW = plugins.judge(
    "slow",
    """
class Options(HarnessOptions):
    delay: float = option(0.0, "seconds for each request", affects_answer=False)

def judge(self, batch):
    import time
    for r in batch:
        time.sleep(self.options.delay)
        yield JudgeReply(r.id, text=r.question.options[0])
""",
    batch=1,
)
GENERATOR = plugins.generator(
    "slowly",
    """
class Options(HarnessOptions):
    delay: float = option(0.0, "seconds for each portrait", affects_answer=False)

def generate(self, batch):
    import time
    for r in batch:
        time.sleep(self.options.delay)
        yield ImageReply(r.id, Image.new("RGB", (16, 16), (r.seed % 255, 9, 99)))
""",
)


def until(done: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert process.poll() is None, "the command ended before it could be interrupted"
        assert time.monotonic() < end
        time.sleep(0.005)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def of_python(err: str) -> bool:
    """Whether a message is of the interpreter before it runs any code of ours: nothing can be done about it."""
    ours = re.search(r'File "[^"]*/harness/[^"]*\.py"', err)
    return not ours and (
        "Fatal Python error" in err
        or re.search(r"line \d, in <module>\n    import (re|sys)", err) is not None
    )


def test_in_the_first_moments(shell: Shell, install: Install, make_data: Make) -> None:
    """From the start of the process until requests are answered."""
    install("slow", SLOW)
    make_data(200)
    ended: list[int] = []
    for step in range(12):
        process = shell.start(*RUN, "--out", "run", "-o", "delay=0.02")
        time.sleep(step * 0.08)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        if process.returncode == -signal.SIGINT or of_python(err):
            continue  # Python itself had not started.
        assert "Traceback" not in err, err
        assert process.returncode == 130, err
        ended.append(step)
    assert len(ended) >= 7
    assert shell(*RUN, "--out", "run").ok().task["answered"] == 200


def test_once_the_command_is_done(shell: Shell, install: Install, faces: Path) -> None:
    """While plugins' threads and exit handlers end."""
    install("slow", SLOW + "\nimport atexit, time\natexit.register(time.sleep, 30)\n")
    process = shell.start(*RUN, "--out", "run")
    assert process.stdout is not None
    until(lambda: lines(shell.folder / "run" / "replies.jsonl") == 12, process)
    until(lambda: (shell.folder / "run" / "results.json").exists(), process)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert json.loads(out)["run"]["complete"] is True


def test_twice_ends_a_call_that_cannot_be_interrupted(shell: Shell, install: Install, faces: Path) -> None:
    body = """
def judge(self, batch):
    while True:
        try:
            open("asked", "w").close()
            __import__("time").sleep(1000)
        except BaseException:
            pass
"""
    install("slow", plugins.judge("slow", body))
    process = shell.start(*RUN, "--out", "run")
    until((shell.folder / "asked").exists, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run the same command again to resume" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_says_how_it_ended(
    number: signal.Signals, shell: Shell, harness: InProcess, install: Install, make_data: Make
) -> None:
    install("slow", SLOW)
    make_data(60)
    run = shell.folder / "runs" / "mine"

    def states() -> list[str]:
        stored = json.loads((run / "run.json").read_text())["state"]
        [row] = json.loads(harness("list", "runs", "--json").ok().out)
        return [stored, row["state"]]

    process = shell.start(*RUN, "--out", "runs/mine", "-o", "delay=0.1")
    until(lambda: lines(run / "replies.jsonl") >= 3, process)
    assert states() == ["running", "running"]
    harness("show", "mine").fails(2, "has no results yet: it is running")
    process.send_signal(number)
    process.communicate(timeout=20)
    (run / ".results.json.00000000-1-1-1.tmp").touch()
    assert states() == ["running" if number == signal.SIGKILL else "interrupted", "interrupted"]
    assert "interrupted" in harness("list", "runs").ok().out
    harness("show", "mine").fails(2, "has no results yet: it is interrupted")
    assert harness("score", "mine", "--json").fails(3).results["run"]["complete"] is False
    again = harness("show", "mine").fails(3, "interrupted")
    assert "mine" in again.out
    harness(*RUN, "--out", "runs/mine").ok()
    assert states() == ["complete", "complete"]
    harness("show", "mine").ok()


def test_runs_with_failures_and_limits(harness: InProcess, install: Install, make_data: Make) -> None:
    install("slow", SLOW)
    faces = make_data(12)
    (faces / "0003.png").unlink(missing_ok=True)
    next(iter(sorted(faces.rglob("*.png")))).write_bytes(b"broken")
    harness(*RUN, "--out", "runs/failed").fails(3)
    harness(*RUN, "--out", "runs/stopped", "--max-time", "0.3", "-o", "delay=0.1").fails(3)
    rows = {row["run"]: row["state"] for row in json.loads(harness("list", "runs", "--json").ok().out)}
    assert rows == {"failed": "failed", "stopped": "interrupted"}


def test_generating_says_how_it_ended(shell: Shell, harness: InProcess, install: Install) -> None:
    install("slowly", GENERATOR)
    generate = (
        "generate",
        "--model",
        "slowly",
        "--prompts",
        "emotion_600",
        "--limit",
        "20",
        "--out",
        "runs/mine",
    )
    images = shell.folder / "runs" / "mine" / "images"
    process = shell.start(*generate, "-o", "delay=0.1")
    until(lambda: images.is_dir() and len(list(images.glob("*.png"))) >= 3, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    [row] = json.loads(harness("list", "runs", "--json").ok().out)
    assert row["state"] == "interrupted"
    harness(*generate).ok()
    [row] = json.loads(harness("list", "runs", "--json").ok().out)
    assert row["state"] == "complete"


def test_runs_of_earlier_versions_have_no_state(harness: InProcess, faces: Path) -> None:
    harness(
        "run", "--task", "coarse_emotion", "--data", "faces", "--model", "echo", "--out", "runs/mine"
    ).ok()
    path = Path("runs/mine/run.json")
    document = json.loads(path.read_text())
    for value in (None, 7, "walking", []):
        document["state"] = value
        if value is None:
            del document["state"]
        path.write_text(json.dumps(document))
        [row] = json.loads(harness("list", "runs", "--json").ok().out)
        assert row["state"] == "complete"
        harness("show", "mine").ok()


def test_duplicate_ids_among_many_prompts_are_found_at_once(tmp_path: Path) -> None:
    rows = [f"p{i},a face" for i in range(60_000)]
    path = tmp_path / "many.csv"
    path.write_text("prompt_id,prompt\n" + "\n".join([*rows, "p59999,a face"]) + "\n")
    began = time.process_time()
    with pytest.raises(BadTask, match="'p59999' is duplicated"):
        read_prompts(path)
    assert time.process_time() - began < 15
