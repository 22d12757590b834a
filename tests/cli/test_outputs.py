"""Output that can never be written is a wrong request (exit code 2); a full disk is a failure (exit code 3)."""

from __future__ import annotations

import csv
import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.command import InProcess, Shell

Make = Callable[..., Path]
RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run"]
IMPOSSIBLE = ["/proc/memobench/x", "file/x", "x" * 300, "/dev/null/x"]


@pytest.fixture
def rated(faces: Path) -> Path:
    """A data set whose samples were rated by three people."""
    with (faces / "manifest.csv").open(newline="") as file:
        rows = [(r["id"], f"r{n}", "emotion", r["emotion"]) for r in csv.DictReader(file) for n in range(3)]
    with (faces / "ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "rater", "question", "value"), *rows])
    return faces


def limit_file_size(limit: int) -> Callable[[], None]:
    """Writing beyond `limit` bytes of a file fails, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def fail_to_open(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Let the system fail to open files with this name: tests may run as root, which may write everywhere."""
    opened = os.open

    def fail(path: str | Path, *arguments: int, **keywords: int) -> int:
        if Path(path).name == name:
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", fail)


def test_score_a_folder_whose_lock_cannot_be_created(harness: InProcess, faces: Path) -> None:
    harness(*RUN).ok()
    Path("run/.lock").unlink()
    Path("run/.lock").mkdir()
    harness("score", "run").refuses(2, "'run/.lock' is a folder, not a file", "remove it if it is not yours")


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EACCES, 2), (errno.EROFS, 2), (errno.ENOSPC, 3), (errno.EDQUOT, 3)]
)
def test_score_a_folder_that_cannot_be_written(
    number: int, code: int, harness: InProcess, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness(*RUN).ok()
    whole = Path("run/results.json").read_bytes()
    with monkeypatch.context() as patch:
        fail_to_open(patch, ".lock", number)
        harness("score", "run").refuses(code, "'run/.lock' cannot be written", os.strerror(number))
    assert Path("run/results.json").read_bytes() == whole
    assert harness("score", "run").ok()


@pytest.mark.parametrize(("number", "code"), [(errno.EACCES, 2), (errno.EROFS, 2), (errno.ENOSPC, 3)])
def test_run_into_a_folder_that_cannot_be_written(
    number: int, code: int, harness: InProcess, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_to_open(monkeypatch, ".lock", number)
    harness(*RUN).refuses(code, "cannot be written", "different --out")


@pytest.mark.parametrize("out", IMPOSSIBLE)
def test_data_people_into_an_impossible_place(out: str, harness: InProcess, rated: Path) -> None:
    Path("file").touch()
    harness("data", "people", "faces", "--out", out).refuses(2, "cannot be written", "different --out")


@pytest.mark.parametrize("suffix", ["", ".parquet"])
@pytest.mark.parametrize("out", IMPOSSIBLE)
def test_data_export_into_an_impossible_place(out: str, suffix: str, harness: InProcess, faces: Path) -> None:
    Path("file").touch()
    for more in ([], ["--replace"]):
        exported = harness("data", "export", "faces", "--out", out + suffix, *more)
        exported.refuses(2, "cannot be written", "different --out")


@pytest.mark.e2e
def test_a_full_disk_is_a_failure(shell: Shell, rated: Path) -> None:
    people = ["data", "people", "faces", "--out", "people.csv"]
    shell(*people, preexec_fn=limit_file_size(100)).fails(3, "'people.csv' cannot be written: File too large")
    assert not Path("people.csv").exists()
    assert not list(shell.folder.glob(".people.csv*")), "no temporary file is left"
    shell(*people).ok()
    export = ["data", "export", "faces", "--out", "faces.parquet"]
    shell(*export, preexec_fn=limit_file_size(1_000)).fails(3, "'faces.parquet' cannot be written")
    shell(*export).ok()
