"""Locks say who holds them, are not inherited by forked children, and go when their process dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import data, plugins
from helpers.command import Shell
from helpers.plugins import Install

from harness import RequestError
from harness.datasets.home import data_home
from harness.errors import RunMismatch
from harness.store import claims
from harness.store.locks import ImportLock, Lock

pytestmark = pytest.mark.faults
Make = Callable[..., Path]

HOLDER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from harness.store.locks import ImportLock, Lock
lock = {lock}
{does}
print(os.getpid(), flush=True)
time.sleep(60)
"""
FOLDER = "Lock(Path(sys.argv[1]))"
NAME = "ImportLock(Path(sys.argv[1]), 'faces')"
BOTH = pytest.mark.parametrize("lock", [FOLDER, NAME], ids=["run folder", "import"])


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """`hold(LOCK, CODE)`: another process takes the lock in the test's folder and runs the code; returns its id."""
    started: list[subprocess.Popen[str]] = []

    def start(lock: str, does: str = "") -> int:
        code = HOLDER.format(lock=lock, does=textwrap.dedent(does))
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def take(lock: str, folder: Path) -> Lock:
    return Lock(folder) if lock == FOLDER else ImportLock(folder, "faces")


def free(lock: str, folder: Path) -> bool:
    try:
        take(lock, folder).release()
    except (RunMismatch, RequestError):
        return False
    return True


def refused(lock: str, folder: Path) -> str:
    with pytest.raises((RunMismatch, RequestError)) as error:
        take(lock, folder)
    return error.value.message


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    until(lambda: claims.start_of(process) is None)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


@BOTH
def test_they_say_who_holds_them(lock: str, hold: Callable[..., int], tmp_path: Path) -> None:
    holder = hold(lock)
    assert f"process {holder} on {socket.gethostname()}" in refused(lock, tmp_path)


@BOTH
def test_they_go_when_the_process_is_killed(lock: str, hold: Callable[..., int], tmp_path: Path) -> None:
    kill(hold(lock))
    take(lock, tmp_path).release()


CHILDREN = {
    "forked": "if not os.fork(): time.sleep(60)",
    "forked twice": "if not os.fork():\n    os.fork()\n    time.sleep(60)",
    "started": "subprocess.Popen(['sleep', '60'], close_fds=False)",
    "started through a shell": "subprocess.Popen('sleep 60', shell=True, close_fds=False)",
    "of multiprocessing": """
        import multiprocessing
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
        """,
}


@BOTH
@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN.keys())
def test_children_that_outlive_the_process_hold_nothing(
    child: str, lock: str, hold: Callable[..., int], tmp_path: Path
) -> None:
    holder = hold(lock, child)
    refused(lock, tmp_path)  # The child has not released what its parent holds.
    kill(holder)
    until(lambda: free(lock, tmp_path))  # A child lets go once it runs.


@BOTH
def test_a_child_that_ends_releases_nothing(lock: str, hold: Callable[..., int], tmp_path: Path) -> None:
    hold(lock, "child = os.fork()\nif not child:\n    lock.release()\n    os._exit(0)\nos.waitpid(child, 0)")
    refused(lock, tmp_path)


@pytest.mark.parametrize("ends", [True, False], ids=["released", "killed"])
def test_without_flock(
    ends: bool, hold: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_flock(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_flock)
    setup = "import fcntl\ndef no(*_): raise OSError(38, 'Function not implemented')\nfcntl.flock = no\n"
    # The lock is taken in the code, after flock is gone.
    code = f"{setup}lock = {FOLDER}\nif not os.fork(): time.sleep(60)\n{'lock.release()' if ends else ''}"
    holder = hold("None", code)
    if not ends:
        assert f"process {holder} on {socket.gethostname()}" in refused(FOLDER, tmp_path)
        kill(holder)
    Lock(tmp_path).release()


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 3000, '{"pid": 1e999, "host": 3}', "null", '{"pid": "x"}', "9" * 4000]
)
def test_a_lock_that_says_nothing_useful_still_holds(
    text: str, hold: Callable[..., int], tmp_path: Path
) -> None:
    hold(FOLDER)
    (tmp_path / ".lock").write_text(text)
    assert "Another process is writing the run folder" in refused(FOLDER, tmp_path)


def test_two_imports_at_once_into_one_name(shell: Shell, tmp_path: Path) -> None:
    data.make(tmp_path / "faces", 500)
    command = ["data", "import", "manifest", "faces", "--label", "perceived", "--name", "faces", "--copy"]
    first = shell.start(*command)
    lock = data_home() / ".faces.lock"
    until(lambda: lock.exists() and lock.stat().st_size > 0)
    first.send_signal(signal.SIGSTOP)
    assert lock.exists(), "the first import was done too soon"
    second = shell(*command, "--replace")
    first.send_signal(signal.SIGCONT)
    second.refuses(
        2, "Another process is importing into the name 'faces'", f"process {first.pid} on ", "--name"
    )
    out, err = first.communicate(timeout=100)
    assert first.returncode == 0, out + err
    assert [p.name for p in data_home().iterdir()] == ["faces"], "nothing is left of either"
    shell("data", "verify", "faces").ok()


def test_imports_into_other_names_do_not_wait(shell: Shell, tmp_path: Path) -> None:
    data.make(tmp_path / "faces", 6)
    home = data_home()
    home.mkdir(parents=True)
    lock = ImportLock(home, "faces")
    command = ["data", "import", "manifest", "faces", "--label", "perceived", "--name"]
    shell(*command, "faces").refuses(2, f"process {os.getpid()} on {socket.gethostname()}")
    shell(*command, "others").ok()
    lock.release()
    shell(*command, "faces").ok()


def test_a_second_run_names_the_first(shell: Shell, install: Install, faces: Path) -> None:
    body = "def judge(self, batch):\n    import time\n    time.sleep(60)\n    return []"
    install("slow", plugins.judge("slow", body))
    command = ["run", "--task", "coarse_emotion", "--model", "slow", "--data", "faces", "--out", "runs/slow"]
    first = shell.start(*command)
    try:
        until(lambda: (shell.folder / "runs" / "slow" / "run.json").exists())
        shell(*command).fails(2, "Another process is writing the run folder", f"process {first.pid} on ")
        rows = json.loads(shell("list", "runs", "--json").ok().out)
        assert [row["state"] for row in rows] == ["running"]
    finally:
        first.kill()
        first.communicate()
    rows = json.loads(shell("list", "runs", "--json").ok().out)
    assert [row["state"] for row in rows] == ["interrupted"]
