"""File systems without `flock`: still one writer at a time, and no lock outlives its process."""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadOutput, RunMismatch
from harness.store import RunFolder, claims
from harness.store.claims import Claim, ClaimHeld
from harness.store.locks import Lock

RUN: dict[str, Any] = {"request": {"seed": 0}, "plan": {}, "name": "x", "created": "", "versions": {}}


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL], ids=errno.errorcode.get)
def no_flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(file: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", fails)


@pytest.mark.usefixtures("no_flock")
def test_one_writer_at_a_time_without_flock(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path, RUN)
    with pytest.raises(RunMismatch, match=f"Another process is writing .*: process {os.getpid()} on "):
        RunFolder.open(tmp_path, RUN)
    folder.close()
    folder.close()
    RunFolder.open(tmp_path, RUN).close()
    with pytest.raises(FileNotFoundError):
        (tmp_path / "results.json").read_text()


@pytest.mark.usefixtures("no_flock")
def test_a_folder_with_only_a_lock_is_new(tmp_path: Path) -> None:
    """A run that was killed before it wrote anything else."""
    Lock(tmp_path).release()
    RunFolder.open(tmp_path, RUN).close()


@pytest.mark.usefixtures("no_flock")
def test_a_folder_that_takes_no_lock_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: Any, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_EXCL:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadOutput, match="cannot be written: Permission denied"):
        RunFolder.open(tmp_path, RUN)


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys, harness.store.claims as c; c.Claim(pathlib.Path(sys.argv[1])); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    claim = Claim(tmp_path)
    with pytest.raises(ClaimHeld, match=f"process {os.getpid()} on "):
        Claim(tmp_path)
    claim.release()
    assert [p.name for p in tmp_path.iterdir()] == [".lock-2"], "nothing accumulates"


def test_a_later_process_with_the_same_id_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / ".lock-4").write_text(json.dumps(claims._me() | {"start": "1"}))
    Claim(tmp_path).release()


@pytest.mark.parametrize("text", ['{"machine": "another", "host": "node7", "pid": 1, "start": "5"}', "", "{"])
def test_a_claim_of_another_machine_holds_while_it_is_refreshed(text: str, tmp_path: Path) -> None:
    path = tmp_path / ".lock-1"
    path.write_text(text)
    with pytest.raises(ClaimHeld, match="process 1 on node7" if "node7" in text else "starting"):
        Claim(tmp_path)
    old = time.time() - claims.ABANDONED_AFTER - 5
    os.utime(path, (old, old))
    Claim(tmp_path).release()


def test_a_claim_is_refreshed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "REFRESHED_EVERY", 0.02)
    claim = Claim(tmp_path)
    os.utime(tmp_path / ".lock-1", (0, 0))
    until = time.monotonic() + 20
    while (tmp_path / ".lock-1").stat().st_mtime == 0 and time.monotonic() < until:
        time.sleep(0.02)
    claim.release()
    assert (tmp_path / ".lock-1").stat().st_mtime > 0


def _compete(folder: str, seed: int, failures: Any) -> None:
    """Take and leave the folder as often as possible; the marker shows whether anybody else has it."""
    root, rng, marker = Path(folder), random.Random(seed), Path(folder, "marker")
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        try:
            claim = Claim(root)
        except ClaimHeld:
            continue
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            failures.put(seed)
            return
        time.sleep(rng.random() / 500)
        marker.unlink()
        if rng.random() < 0.01:
            os._exit(0)  # without leaving
        claim.release()


@pytest.mark.slow
def test_competing_processes_never_hold_a_folder_together(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    failures = context.SimpleQueue()
    processes = [context.Process(target=_compete, args=(str(tmp_path), n, failures)) for n in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert failures.empty()
    assert max(claims._numbers(tmp_path)) > 20, "they did compete"
