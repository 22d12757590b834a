"""The engine's processes end with the judge, even if the judge is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from memobench_vllm.watchdog import Watchdog

JUDGE_SCRIPT = """
import subprocess, sys, time
from memobench_vllm.watchdog import Watchdog
engine = subprocess.Popen([sys.executable, "-S", "-c", {engine!r}], stdin=subprocess.DEVNULL)
watchdog = Watchdog([engine.pid])
print(engine.pid, watchdog._process.pid, flush=True)
time.sleep(600)
"""
SLEEP = "import time; time.sleep(600)"


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def exits(pid: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(pid)


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Process ids to kill after the test."""
    pids: list[int] = []
    yield pids
    for pid in filter(running, pids):
        os.kill(pid, signal.SIGKILL)


def test_a_killed_judge_takes_its_engine_with_it(started: list[int]) -> None:
    judge = subprocess.Popen(
        [sys.executable, "-c", JUDGE_SCRIPT.format(engine=SLEEP)], stdout=subprocess.PIPE, text=True
    )
    assert judge.stdout is not None
    engine, watchdog = map(int, judge.stdout.readline().split())
    started += [judge.pid, engine, watchdog]
    assert running(engine)
    assert running(watchdog)
    judge.kill()
    judge.communicate()
    assert exits(engine)
    assert exits(watchdog)


def test_a_stopped_watchdog_exits_and_kills_nothing(started: list[int]) -> None:
    engine = subprocess.Popen([sys.executable, "-S", "-c", SLEEP])
    watchdog = Watchdog([engine.pid])
    assert watchdog._process is not None
    pid = watchdog._process.pid
    started += [engine.pid, pid]
    watchdog.stop()
    watchdog.stop()
    assert exits(pid)
    assert running(engine.pid)
    engine.kill()
    engine.wait()


def test_an_engine_in_the_same_process_needs_no_watchdog() -> None:
    assert Watchdog([])._process is None
