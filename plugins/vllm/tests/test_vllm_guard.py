"""What the judge started in other processes ends with it, also when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from memobench_vllm.guard import Guard

GUARDED = """
import subprocess, sys, time
from memobench_vllm.guard import Guard
engine = subprocess.Popen([sys.executable, "-S", "-c", {engine!r}], stdin=subprocess.DEVNULL)
guard = Guard([engine.pid])
print(engine.pid, guard._watch.pid, flush=True)
time.sleep(600)
"""
SLEEPS = "import time; time.sleep(600)"


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(pid)


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Process ids that are ended after the test, whatever becomes of it."""
    pids: list[int] = []
    yield pids
    for pid in filter(running, pids):
        os.kill(pid, signal.SIGKILL)


def test_a_killed_judge_takes_its_engine_with_it(started: list[int]) -> None:
    judge = subprocess.Popen(
        [sys.executable, "-c", GUARDED.format(engine=SLEEPS)], stdout=subprocess.PIPE, text=True
    )
    assert judge.stdout is not None
    engine, guard = map(int, judge.stdout.readline().split())
    started += [judge.pid, engine, guard]
    assert running(engine)
    assert running(guard)
    judge.kill()
    judge.communicate()
    assert ends(engine)
    assert ends(guard)


def test_a_dismissed_guard_ends_and_kills_nothing(started: list[int]) -> None:
    engine = subprocess.Popen([sys.executable, "-S", "-c", SLEEPS])
    guard = Guard([engine.pid])
    assert guard._watch is not None
    watch = guard._watch.pid
    started += [engine.pid, watch]
    guard.dismiss()
    guard.dismiss()
    assert ends(watch)
    assert running(engine.pid)
    engine.kill()
    engine.wait()


def test_an_engine_in_the_same_process_needs_no_guard() -> None:
    assert Guard([])._watch is None
