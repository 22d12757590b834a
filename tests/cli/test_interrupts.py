"""Runs that are killed, interrupted, or started twice: stored answers are kept and not requested again."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import data, plugins
from helpers.command import SCRIPT, Shell
from helpers.plugins import Install

pytestmark = pytest.mark.e2e
Make = Callable[..., Path]

RUN = ["run", "--task", "coarse_emotion", "--model", "slow", "--data", "faces", "--out", "run", "--json"]

SLOW = plugins.judge(
    "slow",
    """
class Options(HarnessOptions):
    delay: float = option(0.0, "seconds for each request", affects_answer=False)

def open(self):
    with open("opened", "a") as log:
        log.write("x")

def judge(self, batch):
    import time
    for r in batch:
        with open("asked", "a") as log:
            log.write(r.id + chr(10))
        time.sleep(self.options.delay)
        yield JudgeReply(r.id, text=r.question.options[int(r.id[:6], 16) % 5])
""",
    batch=1,
)

IMAGER = plugins.generator(
    "imager",
    """
batch_size = 1

class Options(HarnessOptions):
    delay: float = option(0.0, "seconds for each portrait", affects_answer=False)

def generate(self, batch):
    import time
    for r in batch:
        with open("generated", "a") as log:
            log.write(r.id + chr(10))
        time.sleep(self.options.delay)
        yield ImageReply(r.id, Image.new("RGB", (16, 16), (r.seed % 255, r.seed // 255 % 255, 99)))
""",
)


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole records of a JSON Lines file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def count(path: Path) -> int:
    """How many whole records a JSON Lines file holds."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def asked(folder: Path, log: str = "asked") -> Counter[str]:
    return Counter((folder / log).read_text().split()) if (folder / log).exists() else Counter()


def until(done: Callable[[], bool], process: subprocess.Popen[Any], seconds: float = 60) -> None:
    """Wait until `done` returns true while a process runs."""
    end = time.monotonic() + seconds
    while not done():
        assert process.poll() is None, "the command ended before it could be interrupted"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.005)


def without_times(results: dict[str, Any]) -> dict[str, Any]:
    run = {k: v for k, v in results["run"].items() if k not in ("created", "name")}
    return {**results, "run": run}


@pytest.mark.slow
def test_killed_at_any_moment(shell: Shell, install: Install, make_data: Make) -> None:
    """Killed ten times, from before the folder exists until near the end; each time the same command resumes."""
    install("slow", SLOW)
    make_data(2000)
    replies = shell.folder / "run" / "replies.jsonl"
    moments = [None, 0, 1, 90, 300, 700, 701, 1200, 1600, 1800]
    for moment in moments:
        stored = {r["id"] for r in lines(replies)}
        before = asked(shell.folder)
        process = shell.start(*RUN, "-o", "delay=0.0005")
        if moment is None:
            time.sleep(0.35)
        else:
            until(lambda m=moment: count(replies) >= m and (shell.folder / "run").exists(), process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        again = asked(shell.folder) - before
        assert not set(again) & stored, "an answered request was sent again"
        assert stored <= {r["id"] for r in lines(replies)}, "an answer was lost"
    stored = {r["id"] for r in lines(replies)}
    assert 1800 <= len(stored) < 2000, "the last kill came near the end"
    before = asked(shell.folder)
    resumed = shell(*RUN).ok()
    assert not set(asked(shell.folder) - before) & stored
    assert f"2000 requests, {len(stored)} already stored" in resumed.err
    twice = [i for i, n in asked(shell.folder).items() if n > 1]
    assert len(twice) <= len(moments), "only requests in flight are sent again"

    whole = shell(*RUN[:-3], "--out", "whole", "--json").ok()
    assert without_times(resumed.results) == without_times(whole.results)
    by_id = {r["id"]: r for r in lines(replies)}
    assert len(lines(replies)) == len(by_id) == 2000
    assert by_id == {r["id"]: r for r in lines(shell.folder / "whole" / "replies.jsonl")}
    stored_results = json.loads((shell.folder / "run" / "results.json").read_text())
    assert stored_results == resumed.results


def test_killed_while_generating_and_while_judging(shell: Shell, install: Install) -> None:
    install("slow", SLOW)
    install("imager", IMAGER)
    run = ["run", "--task", "t2i_emotion", "--model", "imager", "--judge", "slow", "--limit", "60", "--json"]
    slowly = ["-o", "delay=0.02", "--judge-option", "delay=0.01"]
    replies = shell.folder / "run" / "replies.jsonl"
    in_flight = 0
    for moment in (5, 30, 55, 70, 150):
        stored = {r["id"] for r in lines(replies)}
        before = asked(shell.folder, "generated") + asked(shell.folder)
        process = shell.start(*run, *slowly, "--out", "run")
        until(lambda m=moment: count(replies) >= m, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = asked(shell.folder, "generated") + asked(shell.folder)
        assert not set(now - before) & stored, "a stored request was sent again"
        in_flight += len(set(now) - {r["id"] for r in lines(replies)})
    resumed = shell(*run, "--out", "run").ok()
    assert sum(n - 1 for n in asked(shell.folder, "generated").values()) <= in_flight
    assert len(asked(shell.folder, "generated")) == 60
    whole = shell(*run, "--out", "whole").ok()
    assert without_times(resumed.results) == without_times(whole.results)
    assert {r["id"]: r for r in lines(replies)} == {
        r["id"]: r for r in lines(shell.folder / "whole" / "replies.jsonl")
    }
    pictures = {p.name: p.read_bytes() for p in (shell.folder / "whole" / "images").iterdir()}
    assert {p.name: p.read_bytes() for p in (shell.folder / "run" / "images").iterdir()} == pictures
    assert (shell.folder / "run" / "manifest.csv").read_bytes() == (
        shell.folder / "whole" / "manifest.csv"
    ).read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: signal.Signals, shell: Shell, install: Install, make_data: Make) -> None:
    install("slow", SLOW)
    make_data(200)
    replies = shell.folder / "run" / "replies.jsonl"
    process = shell.start(*RUN, "-o", "delay=0.02")
    until(lambda: count(replies) >= 5, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert (
        err.strip().splitlines()[-1] == "  -> What was stored is kept: run the same command again to resume."
    )
    stored = len(lines(replies))
    assert 5 <= stored < 200
    assert {s["id"] for s in lines(shell.folder / "run" / "samples.jsonl")} >= {
        r["sample_id"] for r in lines(replies)
    }
    resumed = shell(*RUN).ok()
    assert f"{stored} already stored" in resumed.err
    assert (resumed.task["answered"], max(asked(shell.folder).values()) <= 2) == (200, True)


def test_interrupted_while_generating(shell: Shell, install: Install) -> None:
    install("imager", IMAGER)
    generate = ["generate", "--model", "imager", "--prompts", "emotion_600", "--limit", "50", "--out", "run"]
    process = shell.start(*generate, "-o", "delay=0.03")
    until(lambda: len(asked(shell.folder, "generated")) >= 5, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run the same command again to resume" in err
    assert shell(*generate).ok()
    generated = asked(shell.folder, "generated")
    assert len(generated) == 50
    assert sum(generated.values()) <= 51, "only the portrait in flight is generated twice"


@pytest.fixture(params=["flock", "no flock"])
def locks(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems with and without `flock`: a library in front of libc refuses it, as Lustre without locks does."""
    if request.param == "flock":
        return
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux")
    source, library = tmp_path / "noflock.c", tmp_path / "noflock.so"
    source.write_text("#include <errno.h>\nint flock(int file, int how) { errno = ENOSYS; return -1; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    monkeypatch.setenv("LD_PRELOAD", str(library))


@pytest.mark.usefixtures("locks")
def test_two_processes_on_one_run_folder(shell: Shell, install: Install, make_data: Make) -> None:
    install("slow", SLOW)
    make_data(200)
    replies = shell.folder / "run" / "replies.jsonl"
    first = shell.start(*RUN, "-o", "delay=0.05")
    until(lambda: count(replies) >= 2, first)
    assert shell(*RUN).fails(2, "Another process is writing the run folder 'run'", "different folder")
    assert shell("score", "run").fails(2, "Another process is writing the run folder 'run'")
    assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert shell(*RUN).ok().task["answered"] == 200


@pytest.mark.usefixtures("locks")
def test_two_processes_that_start_together(shell: Shell, install: Install, make_data: Make) -> None:
    install("slow", SLOW)
    make_data(60)
    both = [shell.start(*RUN, "-o", "delay=0.05") for _ in range(2)]
    outcomes = [(p.communicate(timeout=60)[1], p.returncode) for p in both]
    assert sorted(code for _, code in outcomes) == [0, 2]
    (refused,) = [err for err, code in outcomes if code == 2]
    assert "Another process is writing the run folder 'run'" in refused
    assert set(asked(shell.folder).values()) == {1}


def test_interrupted_on_a_terminal(shell: Shell, install: Install, make_data: Make) -> None:
    """The progress bar hides the cursor: it must be visible again afterwards."""
    install("slow", SLOW)
    make_data(60)
    ours, theirs = pty.openpty()
    terminal = {
        "stdout": theirs,
        "stderr": theirs,
        "stdin": theirs,
        "env": {**os.environ, "TERM": "xterm-256color"},
    }
    process = subprocess.Popen([SCRIPT, *RUN[:-1], "-o", "delay=0.05"], cwd=shell.folder, **terminal)  # type: ignore[call-overload]
    os.close(theirs)
    until(lambda: count(shell.folder / "run" / "replies.jsonl") >= 5, process)
    process.send_signal(signal.SIGINT)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert process.wait(20) == 130
    assert b"judging with slow" in shown
    assert b"/60" in shown
    assert b"unparsed" in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l"), "the cursor is shown again"
    assert b"run the same command again to resume" in shown
    assert b"Traceback" not in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other side has closed
        return b""


def test_finished_runs_open_no_model(shell: Shell, install: Install, make_data: Make) -> None:
    install("slow", SLOW)
    make_data(6)
    first = shell(*RUN).ok()
    assert (shell.folder / "opened").read_text() == "x"
    again = shell(*RUN).ok()
    assert (shell.folder / "opened").read_text() == "x", "the model was loaded without any request"
    assert again.results == first.results
    data.picture(shell.folder / "faces" / data.row(2)["image"], 77)
    changed = shell(*RUN).ok()
    assert sum(asked(shell.folder).values()) == 7, "only the changed picture is requested again"
    assert changed.task["answered"] == 6
