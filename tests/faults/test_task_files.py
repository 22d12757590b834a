"""Task files, suites and settings that nest, repeat or never end are refused at once, with their file and line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from helpers.command import InProcess

from harness import BadTask
from harness.tasks.catalog import find_tasks
from harness.tasks.spec import load_spec
from harness.toml import read_toml

pytestmark = pytest.mark.faults

SECONDS = 5.0
"""Generous: all of it takes milliseconds, and what was refused took minutes."""
BAD = {
    "arrays": ("x = " + "[" * 100_000, "nests more than 50 deep (at line 2)"),
    "tables": ("x = " + "{a=" * 100_000, "nests more than 50 deep (at line 2)"),
    "digits": ("x = " + "9" * 10_000, "a number or a key of more than 300 characters (at line 2)"),
    "hexadecimal": ("x = 0x" + "f" * 10_000, "more than 300 characters (at line 2)"),
    "parts": ("a." * 100_000 + "a = 1", "a key of more than 50 parts (at line 2)"),
    "quoted parts": ('"a" . ' * 100_000 + "a = 1", "a key of more than 50 parts (at line 2)"),
    "after a text": ('s = """[[[\n\\""" \n"""\nx = ' + "[" * 51, "nests more than 50 deep (at line 5)"),
    "large": ("# " + "x" * 2**20, "larger than 1 MiB"),
    "unfinished": ('s = """' + '\\"""' * 50_000, "Unterminated string"),
    "not text": ("\x00", "line 2"),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD.keys())
def test_toml_that_takes_long_to_read(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    path.write_text(f'name = "x"\n{text}\n')
    began = time.monotonic()
    with pytest.raises(BadTask) as error:
        read_toml(path, "task file")
    assert expected in error.value.message
    assert str(path) in error.value.message
    assert time.monotonic() - began < SECONDS


def test_what_stands_in_texts_and_comments_is_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "task.toml"
    path.write_text(
        f"a = '{'[' * 100}'  # {'{' * 100}\nb = \"{'9' * 400} \\\" {'x.' * 100}\"\nc = '''\n{'[' * 100}\n'''\n"
    )
    table = read_toml(path, "task file")
    assert [len(table[key]) for key in "abc"] == [100, 603, 101]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_read(kind: str, tmp_path: Path, harness: InProcess) -> None:
    path = tmp_path / "task.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    harness("show", path).refuses(2, str(path), "cannot be read")


def suite(path: Path, tasks: list[str]) -> Path:
    listed = ", ".join(f'"{task}"' for task in tasks)
    path.write_text(f'kind = "suite"\nname = "{path.stem}"\ntasks = [{listed}]\n')
    return path


def test_suites_that_list_themselves(tmp_path: Path) -> None:
    one = suite(tmp_path / "one.toml", ["two"])
    suite(tmp_path / "two.toml", ["coarse_emotion", "one"])
    with pytest.raises(BadTask, match="contains itself"):
        find_tasks([str(one)])


def test_a_suite_that_others_list_twice_each_is_read_once(tmp_path: Path) -> None:
    began = time.monotonic()
    for number in range(15):
        suite(tmp_path / f"s{number}.toml", [f"s{number + 1}", f"./s{number + 1}.toml"])
    suite(tmp_path / "s15.toml", ["coarse_emotion"])
    (found,) = find_tasks([str(tmp_path / "s0.toml")])
    assert (found.spec.name, found.suite) == ("coarse_emotion", "s0")
    assert time.monotonic() - began < SECONDS


def test_suites_that_nest_too_deeply(tmp_path: Path) -> None:
    for number in range(30):
        suite(tmp_path / f"s{number}.toml", [f"s{number + 1}"])
    suite(tmp_path / "s30.toml", ["coarse_emotion"])
    with pytest.raises(BadTask, match=r"suites nest more than 20 deep"):
        find_tasks([str(tmp_path / "s0.toml")])


def test_suites_that_list_a_task_many_times(tmp_path: Path, harness: InProcess) -> None:
    path = suite(tmp_path / "many.toml", ["x"] * 50_000)
    began = time.monotonic()
    harness("show", path).refuses(2, str(path), "at most 1000 items")
    assert time.monotonic() - began < SECONDS
    assert len(load_spec(suite(path, ["coarse_emotion"] * 900)).tasks) == 900
    assert [task.spec.name for task in find_tasks([str(path)])] == ["coarse_emotion"]


def test_a_task_that_is_requested_itself_belongs_to_no_suite() -> None:
    for order in (["comprehension", "coarse_emotion"], ["coarse_emotion", "comprehension"]):
        found = {task.spec.name: task.suite for task in find_tasks(order)}
        assert found["coarse_emotion"] == ""
        assert found["fine_intensity"] == "comprehension"
