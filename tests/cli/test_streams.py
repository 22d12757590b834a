"""Outputs that cannot be written, readers that leave, terminals that vanish: the command does its work to the end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import plugins
from helpers.bash import sh
from helpers.command import SCRIPT, Shell
from helpers.plugins import Install

pytestmark = pytest.mark.e2e
Make = Callable[..., Path]

N = 24
RUN = "run --task coarse_emotion --model talker --data faces --out run"

TALKER = plugins.judge(
    "talker",
    """
class Options(HarnessOptions):
    delay: float = option(0.0, "seconds for each request", affects_answer=False)
    fails: int = option(0, "fail the first requests", affects_answer=False)

def open(self):
    import json, subprocess
    standard = [[os.readlink(f"/proc/self/fd/{n}"), os.get_inheritable(n)] for n in range(3)]
    with open("descriptors", "w") as file:
        json.dump([*standard, file.fileno()], file)
    subprocess.run(["sh", "-c", "echo a child; echo a child >&2"], check=False)

def judge(self, batch):
    import sys, time
    for r in batch:
        self.asked = getattr(self, "asked", 0) + 1
        print("a library says something", file=sys.stderr)
        time.sleep(self.options.delay)
        if self.asked <= self.options.fails:
            yield JudgeReply(r.id, error=ReplyError("odd", r.sample_id))
        else:
            yield JudgeReply(r.id, text=r.question.options[0])
""",
    batch=1,
)


def count(folder: Path) -> int:
    """How many replies are stored in the run folder."""
    return (folder / "run" / "replies.jsonl").read_bytes().count(b"\n")


def complete(folder: Path) -> bool:
    """Whether the run folder holds all replies, no failures, and results that say that it is complete."""
    results = json.loads((folder / "run" / "results.json").read_text())
    failures = (folder / "run" / "failures.jsonl").read_bytes()
    return (
        results["run"]["complete"] and results["tasks"][0]["answered"] == count(folder) == N and not failures
    )


@pytest.fixture
def folder(tmp_path: Path, install: Install, make_data: Make) -> Path:
    install("talker", TALKER)
    make_data(N)
    return tmp_path


@pytest.mark.parametrize(
    ("streams", "code"),
    [
        ("2>&1 | head -1", 0),
        ("--json | true", 0),
        ("2> >(head -c 1 >/dev/null)", 0),
        ("2>/dev/full", 0),
        ("2>&-", 0),
        (">&-", 0),
        ("<&- >&- 2>&-", 0),
        (">/dev/full", 3),
        (">/dev/full 2>&1", 3),
        ("1</dev/null 2>&1", 3),
    ],
)
def test_a_run_is_complete_whatever_becomes_of_its_output(streams: str, code: int, folder: Path) -> None:
    codes, printed = sh(folder, f"harness {RUN} -o delay=0.005 {streams}")
    assert codes[0] == code
    assert "Traceback" not in printed
    assert "Exception ignored" not in printed
    assert complete(folder)
    *standard, other = json.loads((folder / "descriptors").read_text())
    assert other > 2, "a file got the number of a standard stream"
    assert all(inherited for _, inherited in standard)
    for number, stream in enumerate(("<&-", " >&-", "2>&-")):
        if stream in f" {streams}":
            # What a judge prints on standard output goes to standard error.
            expected = standard[2][0] if number == 1 else "/dev/null"
            assert standard[number][0] == expected


def test_failures_keep_their_exit_code_when_the_reader_leaves(folder: Path) -> None:
    codes, _ = sh(folder, f"harness {RUN} -o fails=2 2>&1 | true")
    assert codes[0] == 3
    assert count(folder) == N - 2


def test_wrong_requests_keep_their_exit_code(folder: Path) -> None:
    for streams in ("2>&-", ">/dev/full 2>&1"):
        codes, _ = sh(folder, f"harness {RUN} --limit 0 {streams}")
        assert codes[0] == 2


COMMANDS = {
    "generate": "generate --model echo --prompts emotion_600 --limit 3 -o size=32 --out mine",
    "score": "score run",
    "data import": "data import manifest faces --label perceived --name mine --copy --replace",
    "data verify": "data verify mine",
    "data export": "data export faces --out faces.parquet",
    "list": "list tasks",
}


@pytest.mark.parametrize("streams", ["2>&1 | true", "<&- >&- 2>&-"])
def test_other_commands(streams: str, folder: Path) -> None:
    assert sh(folder, f"harness {RUN}")[0] == [0]
    (folder / "run" / "results.json").unlink()
    for name, command in COMMANDS.items():
        codes, printed = sh(folder, f"harness {command} {streams}")
        assert codes[0] == 0, name
        assert "Traceback" not in printed
    assert complete(folder)
    assert (folder / "faces.parquet").stat().st_size > 1000
    assert len(list((folder / "mine" / "images").glob("*.png"))) == 3
    codes, printed = sh(folder, f"harness {COMMANDS['data verify']} >/dev/full")
    assert codes == [3], "what was asked for could not be written"
    assert "The output cannot be written: No space left on device." in printed


@pytest.fixture
def terminal(folder: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], int]]]:
    """Starts a command as a terminal does: it owns the session, and is hung up when the terminal closes."""

    def own() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **variables: str | None) -> tuple[subprocess.Popen[bytes], int]:
        ours, theirs = pty.openpty()
        env = {k: v for k, v in {**os.environ, **variables}.items() if v is not None}
        process = subprocess.Popen(
            [SCRIPT, *arguments],
            cwd=folder,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=own,
        )
        os.close(theirs)
        started.append(process)
        return process, ours

    yield start
    for process in started:
        process.kill()
        process.wait()


def _shown(terminal: int, until: bytes = b"\0") -> bytes:
    shown = b""
    with contextlib.suppress(OSError):  # Linux: the other side has closed
        while until not in shown and (chunk := os.read(terminal, 65536)):
            shown += chunk
    return shown


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_the_terminal_vanishes(
    kind: str, terminal: Callable[..., tuple[subprocess.Popen[bytes], int]], folder: Path
) -> None:
    process, ours = terminal(*RUN.split(), "-o", "delay=0.02", TERM=kind)
    assert b"a library says" in _shown(ours, b"a library says")
    os.close(ours)
    assert process.wait(30) == 0
    assert complete(folder)


def test_hung_up(shell: Shell, folder: Path) -> None:
    process = shell.start(
        *RUN.split(), "-o", "delay=0.02", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)
    )
    assert process.stderr is not None
    assert "judging" in process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert complete(folder)


@pytest.mark.parametrize("kind", ["dumb", "unknown", None, "xterm"])
def test_terminals_that_show_escapes_as_text_get_none(
    kind: str | None, terminal: Callable[..., tuple[subprocess.Popen[bytes], int]], folder: Path
) -> None:
    process, ours = terminal(*RUN.split(), TERM=kind, NO_COLOR=None, FORCE_COLOR=None)
    shown = _shown(ours)
    os.close(ours)
    assert process.wait(30) == 0
    assert b"accuracy" in shown
    assert (b"\x1b" in shown) == (kind == "xterm")
    if kind != "xterm":
        assert f"judging with talker: {N} requests".encode() in shown
