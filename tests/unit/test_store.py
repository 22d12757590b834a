"""The run folder: complete lines, a single writer, one request per folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import StorageError
from harness.errors import BadOutput, RunMismatch
from harness.store import RunFolder
from harness.store.files import LineFile, read_lines, write_atomically, write_json
from harness.store.locks import Lock
from harness.store.replies import judge_replies
from harness.store.runfolder import read_run


def run(**more: Any) -> dict[str, Any]:
    return {
        "name": "n",
        "created": "now",
        "request": {"model": {"name": "echo"}, "seed": 0},
        "plan": {"t@d": 3},
        "versions": {},
        **more,
    }


def reply(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"{number:032x}", "task": "t", "by": "echo", **more}


def sample(id_: str, data: str = "d", digest: str | None = "x") -> dict[str, Any]:
    return {"id": id_, "data": data, "digest": digest}


def test_stored_records_can_be_read_back(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "a" / "run", run())
    folder.add_reply(reply(1, text="happy"))
    folder.add_sample(sample("s1"))
    folder.add_failure({"id": None, "task": "t"})
    folder.close()
    folder.close()
    again = RunFolder.open(tmp_path / "a" / "run", run(created="later"))
    assert again.answered() == {(1).to_bytes(16, "big")}
    assert list(judge_replies(tmp_path / "a" / "run")) == [reply(1, text="happy")]
    assert again.run["created"] == "now", "the folder keeps its creation time"
    assert list(read_lines(tmp_path / "a" / "run" / "failures.jsonl")) == [], (
        "the file contains only the failures of the last attempt"
    )
    again.close()


def test_replies_are_written_immediately(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path, run())
    for number in range(3):
        folder.add_reply(reply(number))
        assert (tmp_path / "replies.jsonl").read_bytes().count(b"\n") == number + 1
    folder.close()


def test_a_sample_is_stored_again_only_if_its_picture_changed(tmp_path: Path) -> None:
    def attempt(*records: dict[str, object]) -> int:
        folder = RunFolder.open(tmp_path, run())
        for record in records:
            folder.add_sample(record)
        folder.close()
        return len(list(read_lines(tmp_path / "samples.jsonl")))

    assert attempt(sample("s"), sample("s", data="other"), sample("t")) == 3
    assert attempt(sample("s"), sample("s", data="other"), sample("t")) == 3
    assert attempt(sample("s", digest=None)) == 4  # the picture is missing once
    assert attempt(sample("s")) == 5  # and back again
    assert attempt(sample("s")) == 5


def test_counts_are_those_of_the_last_request(tmp_path: Path) -> None:
    RunFolder.open(tmp_path, run()).close()
    RunFolder.open(tmp_path, run(plan={"t@d": 9, "u@d": 1})).close()
    RunFolder.open(tmp_path, run(plan={"t@d": 2})).close()
    assert read_run(tmp_path)["plan"] == {"t@d": 2}


def test_a_different_request_is_refused_with_the_difference(tmp_path: Path) -> None:
    RunFolder.open(tmp_path, run()).close()
    with pytest.raises(RunMismatch, match=r'model\.name was "echo", is "fer"; seed was 0, is 1'):
        RunFolder.open(tmp_path, run(request={"model": {"name": "fer"}, "seed": 1}))
    RunFolder.open(tmp_path, run()).close()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path, run())
    with pytest.raises(RunMismatch, match="Another process is writing"):
        RunFolder.open(tmp_path, run())
    folder.close()
    RunFolder.open(tmp_path, run()).close()


def test_locks_end_with_their_process(tmp_path: Path) -> None:
    code = "import os, pathlib, sys, harness.store.locks as f; lock = f.Lock(pathlib.Path(sys.argv[1])); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    lock = Lock(tmp_path)  # raises while another process holds it
    assert any(tmp_path.iterdir()), "the lock file remains, but is not locked"
    lock.release()


@pytest.mark.parametrize("incomplete", ['{"id": "x', '{"id": "' + "x" * 200_000, "\0" * 70_000, '{"id":"x"}'])
def test_incomplete_last_lines_are_truncated(incomplete: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"id":1}\n{"id":2}\n' + incomplete)
    assert [r["id"] for r in read_lines(path)] == [1, 2]
    file = LineFile(path)
    file.append({"id": 3})
    file.close()
    assert path.read_text() == '{"id":1}\n{"id":2}\n{"id":3}\n'


@pytest.mark.parametrize("content", ["", "\n", "x", "x" * 70_000])
def test_files_without_a_complete_record(content: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(content)
    file = LineFile(path)
    file.close()
    assert path.read_text() == ("\n" if content == "\n" else "")


@pytest.mark.parametrize("line", ["{broken", "null", "[]", "3", '{"task": "t"}'])
def test_damaged_lines_are_reported_with_their_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"id":1}\n' + line + '\n{"id":2}\n')
    with pytest.raises(RunMismatch, match="line 2"):
        list(read_lines(path))


texts = st.text(st.characters(codec=None), max_size=40)


@given(
    st.lists(
        st.dictionaries(
            texts, texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=4
        ),
        max_size=5,
    )
)
def test_any_text_survives(records: list[dict[str, Any]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.jsonl"
        file = LineFile(path)
        expected = [{**record, "id": number} for number, record in enumerate(records)]
        for record in expected:
            file.append(record)
        file.close()
        assert list(read_lines(path)) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_is_never_written(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"value": value})
    file = LineFile(tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="not JSON compliant"):
        file.append({"value": value})
    file.close()
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_documents_are_replaced_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"], "no temporary file remains"


def test_failed_writes_leave_no_partial_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up mid-line, the next line must not be appended to the partial one."""
    path = tmp_path / "lines.jsonl"
    file = LineFile(path)
    file.append({"id": 1})
    whole, calls = os.write, []

    def filling(fd: int, line: bytes) -> int:
        calls.append(line)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return whole(fd, line[: len(line) // 2] if len(calls) == 1 else line)

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(StorageError, match="No space left"):
        file.append({"id": 2, "text": "long enough to be cut"})
    file.append({"id": 3})
    file.close()
    assert [r["id"] for r in read_lines(path)] == [1, 3]


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write_atomically(tmp_path / "missing" / "x.json", b"")
    with pytest.raises(BadOutput, match="Choose a different --out"):
        RunFolder.open(Path("/proc/memobench"), run())


def test_the_lock_is_released_when_closing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.open(tmp_path, run())
    folder.add_sample(sample("s"))

    def full(fd: int, line: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageError):
            folder.close()
    RunFolder.open(tmp_path, run()).close()


def test_folders_that_are_not_run_folders(tmp_path: Path) -> None:
    with pytest.raises(RunMismatch, match=r"contains no run\.json"):
        read_run(tmp_path)
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(RunMismatch, match=r"'photo\.jpg'"):
        RunFolder.open(tmp_path, run())
