"""Progress and output that cannot be written, or fail in any way: the command does its work, and ends with the right code."""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.bash import sh
from helpers.command import InProcess
from helpers.plugins import Install

import harness
from harness.run.watch import SafeWatch, Watch

pytestmark = pytest.mark.faults
Make = Callable[..., Path]

N = 24
SLOW = plugins.judge(
    "slow",
    """
def judge(self, batch):
    import time
    for r in batch:
        time.sleep(0.002)
        yield JudgeReply(r.id, text=r.question.options[0])
""",
    batch=1,
)
RUN = "run --task coarse_emotion --data faces --model slow --out run"
GENERATE = "generate --model echo --prompts emotion_600 --limit 12 -o size=32 --out mine"
READERS = [
    "2>&1 | head -1",
    "2>&1 | head -c 1",
    "2>&1 | true",
    "2> >(true)",
    "> >(true)",
    "2>/dev/full",
    "2>&1 | (sleep 0.3; true)",
]


def first(folder: Path, command: str) -> tuple[int, str]:
    """The exit code of the first command of a pipeline, and what was printed."""
    codes, printed = sh(folder, command)
    return codes[0], printed


def whole(folder: Path, replies: int) -> bool:
    """Whether a run folder holds all replies, and no failure, and says that it is complete."""
    run = json.loads((folder / "run.json").read_text())
    lines = (folder / "replies.jsonl").read_bytes().count(b"\n")
    return run["state"] == "complete" and lines == replies and not (folder / "failures.jsonl").read_bytes()


@pytest.fixture
def folder(tmp_path: Path, install: Install, make_data: Make) -> Path:
    install("slow", SLOW)
    make_data(N)
    return tmp_path


@pytest.mark.parametrize(
    ("unbuffered", "reader"),
    [*(("", reader) for reader in READERS), *(("PYTHONUNBUFFERED=1 ", reader) for reader in READERS[:3])],
)
def test_a_run_is_whole_whoever_reads_it(reader: str, unbuffered: str, folder: Path) -> None:
    code, printed = first(folder, f"{unbuffered}harness {RUN} {reader}")
    assert code == 0
    assert "Traceback" not in printed
    assert "Exception ignored" not in printed
    assert whole(folder / "run", N)
    assert json.loads((folder / "run" / "results.json").read_text())["tasks"][0]["answered"] == N


def test_other_commands_are_whole_whoever_reads_them(folder: Path, harness: InProcess) -> None:
    assert first(folder, f"harness {GENERATE} {READERS[1]}")[0] == 0
    assert whole(folder / "mine", 12)
    harness(*RUN.split()).ok()
    for number, command in enumerate(
        (
            "score run",
            "export run --out samples.csv",
            "show run --samples",
            "list runs",
            "compare run run",
        )
    ):
        code, printed = first(folder, f"harness {command} {READERS[number % 2]}")
        assert code == 0, command
        assert "Traceback" not in printed
    assert (folder / "samples.csv").read_text().count("\n") == N + 1


def test_a_generator_run_is_whole(folder: Path) -> None:
    run = "run --task t2i_emotion --model echo --judge slow --limit 12 -o size=32 --out run"
    assert first(folder, f"harness {run} 2>&1 | head -1")[0] == 0
    assert whole(folder / "run", 34)


SCRIPT_OF_PYTHON = """
import harness
result = harness.evaluate("coarse_emotion", "slow", data="faces", out="run", progress=True)
open("answered", "w").write(str(result.tasks[0].answered))
"""


@pytest.mark.parametrize("reader", ["2>&1 | head -1", "2>&-", "2>/dev/full"])
def test_evaluate_is_whole(reader: str, folder: Path) -> None:
    (folder / "script.py").write_text(SCRIPT_OF_PYTHON)
    first(folder, f"{sys.executable} script.py {reader}")
    assert (folder / "answered").read_text() == str(N)
    assert whole(folder / "run", N)


class Own(BaseException):
    """No `Exception`."""


class Odd(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise Odd


class Interrupt(KeyboardInterrupt):
    """Not what Ctrl-C raises."""


ERRORS = [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device"), ValueError("I/O operation on closed file."),
          asyncio.CancelledError(), GeneratorExit(), SystemExit(0), Own(), Odd(), Interrupt(), harness.RequestError("no"),
          harness.StorageError("no")]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_what_a_watch_raises_is_never_the_judges_failure(
    error: BaseException, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[str] = set()

    def failing(name: str) -> Callable[..., None]:
        def fail(self: Watch, *arguments: Any, **named: Any) -> None:
            called.add(name)
            raise error

        return fail

    class Listening(harness.Judge):
        def judge(self, batch: Any) -> Any:
            return [harness.JudgeReply(r.id, text="happy") for r in batch]

    monkeypatch.chdir(tmp_path)
    methods = ("phase", "advance", "working", "end", "note", "close")
    watch = type("Failing", (Watch,), {name: failing(name) for name in methods})()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = harness.evaluate("coarse_emotion", Listening(), data=faces, watch=watch, out="run")
    assert called >= {"phase", "advance", "end", "close"}
    assert (result.tasks[0].answered, result.failed, result.faults) == (12, 0, ())
    assert whole(tmp_path / "run", 12)


def test_warnings_that_cannot_be_written() -> None:
    """The warning that progress fails is itself written to a stream that fails."""

    class Closed:
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

        flush = write

    class Failing(Watch):
        def note(self, text: str) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    before = sys.stderr
    sys.stderr = Closed()  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            SafeWatch(Failing()).note("x")
    finally:
        sys.stderr = before


@pytest.mark.parametrize(
    "code", ["raise BrokenPipeError(32, 'Broken pipe')", "import sys; sys.stderr.close(); sys.stdout.close()"]
)
def test_a_judge_whose_own_pipe_breaks_is_no_broken_output(code: str, folder: Path, install: Install) -> None:
    install(
        "piped",
        plugins.judge(
            "piped",
            f"def judge(self, batch):\n    {code}\n    return [JudgeReply(r.id, text='happy') for r in batch]",
        ),
    )
    exit_code, printed = first(folder, f"harness {RUN} 2>&1".replace("slow", "piped"))
    assert exit_code in (0, 2)
    assert "Traceback" not in printed
    if exit_code:
        assert "all failed alike: BrokenPipeError" in printed
