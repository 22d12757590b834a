"""What a run folder holds is moved aside by renames, and nothing is lost wherever the process is killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness import StorageError
from harness.errors import RunMismatch
from harness.store import RunFolder
from harness.store.files import read_lines

MOVED = ("run.json", "samples.jsonl", "replies.jsonl", "failures.jsonl", "results.json", "results.by-subject.json",
         "ratings.jsonl", "ratings.csv", "manifest.csv", "sheet.png", "images", "thumbnails", "replies.jsonl.gz")  # fmt: skip


def run(seed: int = 0) -> dict[str, Any]:
    return {"name": "n", "created": "now", "request": {"seed": seed}, "plan": {}, "versions": {}}


def reply(number: int) -> dict[str, Any]:
    return {"id": f"{number:032x}"}


def filled(path: Path, number: int = 1) -> None:
    """A run folder with one reply and one of each file that a run may have."""
    folder = RunFolder.open(path, run())
    folder.add_reply(reply(number))
    folder.close()
    for name in MOVED:
        if name in ("images", "thumbnails"):
            (path / name).mkdir()
            (path / name / "a.png").write_text(name)
        elif not (path / name).exists():
            (path / name).write_text(name)


def stored(path: Path) -> set[str]:
    return {r["id"] for r in read_lines(path / "replies.jsonl")}


def everywhere(path: Path) -> set[str]:
    return {i for file in path.rglob("replies.jsonl") for i in stored(file.parent)}


def test_everything_moves_and_the_run_begins_anew(tmp_path: Path) -> None:
    filled(tmp_path)
    folder = RunFolder.open(tmp_path, run(seed=7), fresh=True)
    assert folder.answered() == set()
    assert folder.run["request"] == {"seed": 7}, "the folder may have held another request"
    folder.add_reply(reply(2))
    folder.close()
    assert {p.name for p in (tmp_path / "previous" / "1").iterdir()} == set(MOVED)
    assert (tmp_path / "previous" / "1" / "images" / "a.png").read_text() == "images"
    assert (stored(tmp_path), stored(tmp_path / "previous" / "1")) == ({reply(2)["id"]}, {reply(1)["id"]})
    RunFolder.open(tmp_path, run(), fresh=True).close()
    assert sorted(p.name for p in (tmp_path / "previous").iterdir()) == ["1", "2"]
    assert stored(tmp_path / "previous" / "2") == {reply(2)["id"]}


def test_a_new_folder_has_nothing_to_move(tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "run", run(), fresh=True).close()
    assert not (tmp_path / "run" / "previous").exists()


def test_without_fresh_nothing_moves(tmp_path: Path) -> None:
    filled(tmp_path)
    RunFolder.open(tmp_path, run(), fresh=True).close()
    folder = RunFolder.open(tmp_path, run())
    folder.add_reply(reply(3))
    folder.close()
    folder = RunFolder.open(tmp_path, run())
    assert folder.answered() == {bytes.fromhex(reply(3)["id"])}
    folder.close()
    assert [p.name for p in (tmp_path / "previous").iterdir()] == ["1"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh again", "not fresh"])
@pytest.mark.parametrize("call", range(len(MOVED) + 3))
def test_a_kill_at_any_point_loses_nothing(
    call: int, fresh: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    calls = 0
    rename = os.rename

    def killed(source: Any, target: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > call:
            raise Killed
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed)
        try:
            RunFolder.open(tmp_path, run(), fresh=True).close()
        except Killed:
            assert call < len(MOVED) + 1
    assert everywhere(tmp_path) == {reply(1)["id"]}
    begun = calls > 1
    folder = RunFolder.open(tmp_path, run(), fresh=fresh)
    kept = set() if fresh or begun else {bytes.fromhex(reply(1)["id"])}
    assert folder.answered() == kept
    folder.add_reply(reply(2))
    folder.close()
    assert everywhere(tmp_path) == {reply(1)["id"], reply(2)["id"]}
    archived = {p.name for p in (tmp_path / "previous").iterdir() if any(p.iterdir())}
    if not kept and call <= len(MOVED):
        assert archived == {"1"}
        assert {p.name for p in (tmp_path / "previous" / "1").iterdir()} == set(MOVED)
    assert not list((tmp_path / "previous").glob(".*"))


def test_a_new_run_is_not_mixed_with_one_that_was_half_moved(tmp_path: Path) -> None:
    """Someone put another run into the folder between: only its own files are its own."""
    filled(tmp_path)
    moving = tmp_path / "previous" / ".1.moving"
    moving.mkdir(parents=True)
    (moving / "run.json").write_text("{}")
    RunFolder.open(tmp_path, run()).close()
    assert stored(tmp_path) == {reply(1)["id"]}
    assert [p.name for p in (tmp_path / "previous").iterdir()] == ["1"]


def test_folders_that_are_no_run_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "previous" / "1").mkdir(parents=True)
    (tmp_path / "previous" / "1" / "photo.jpg").touch()
    with pytest.raises(RunMismatch, match="previous"):
        RunFolder.open(tmp_path, run(), fresh=True)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RunMismatch, match="is not a run folder"):
        RunFolder.open(tmp_path, run(), fresh=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "previous"]


def test_a_run_in_progress_is_not_moved(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path, run())
    with pytest.raises(RunMismatch, match="Another process is writing"):
        RunFolder.open(tmp_path, run(), fresh=True)
    folder.close()
    assert not (tmp_path / "previous").exists()


def test_what_cannot_be_moved_is_an_error_of_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(StorageError, match="No space left"):
            RunFolder.open(tmp_path, run(), fresh=True)
    assert stored(tmp_path) == {reply(1)["id"]}
    RunFolder.open(tmp_path, run(), fresh=True).close()
    assert stored(tmp_path / "previous" / "1") == {reply(1)["id"]}
