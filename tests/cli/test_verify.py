"""`harness verify RUN`: whole folders pass, and whatever was changed in one is named with its file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data
from helpers.command import InProcess, generate_command
from helpers.results import lines

pytestmark = pytest.mark.e2e
Change = Callable[[Path], object]

JUDGE = [
    "run",
    "--task",
    "coarse_emotion",
    "--model",
    "echo",
    "-o",
    "accuracy=0.7",
    "--data",
    "faces",
    "--repeats",
    "2",
]


@pytest.fixture
def run(harness: InProcess, faces: Path) -> Path:
    """A whole run of a judge."""
    harness(*JUDGE, "--out", "run").ok()
    return Path("run")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_whole_runs_of_each_kind(harness: InProcess, run: Path) -> None:
    assert harness("verify", run).ok().out == "run: 12 samples, 24 replies, 0 failures: whole\n"
    harness(*JUDGE, "-o", "fail_every=3", "--out", "failing").fails(3)
    assert "8 failures: whole" in harness("verify", "failing").ok().out
    few = ["--model", "echo", "-o", "size=64", "--limit", "3"]
    harness("run", "--task", "t2i_emotion", *few, "--judge", "echo", "--out", "generator").ok()
    assert "3 images: whole" in harness("verify", "generator").ok().out
    harness(*generate_command(3), "drawn").ok()
    assert "3 images: whole" in harness("verify", "drawn").ok().out
    harness("gate", "--bless", run, "--baseline", "baseline").ok()
    assert "24 replies" in harness("verify", "baseline").ok().out
    harness(*JUDGE, "--limit", "7", "--out", run).ok()
    assert ": whole" in harness("verify", run).ok().out


def test_runs_are_found_by_name(harness: InProcess, faces: Path) -> None:
    harness(*JUDGE, "--out", "runs/mine").ok()
    harness("verify", "mine").ok()
    harness("verify", "other").refuses(2, "There is no run 'other'")


CHANGES: dict[str, tuple[Change, str]] = {
    "a reply twice": (
        lambda run: (run / "replies.jsonl").open("a").write((run / "replies.jsonl").read_text().splitlines()[3] + "\n"),
        "replies.jsonl, line 25: the id ",
    ),
    "a foreign sample": (
        lambda run: edit(run / "replies.jsonl", '"sample_id":"s00001"', '"sample_id":"other"'),
        "the sample 'other' is not in samples.jsonl: a foreign reply",
    ),
    "a foreign task": (
        lambda run: edit(run / "replies.jsonl", '"task":"coarse_emotion"', '"task":"other"'),
        "replies.jsonl, line 1: the task 'other' is not asked in this run",
    ),
    "a foreign judge": (
        lambda run: edit(run / "replies.jsonl", '"by":"echo"', '"by":"other"'),
        "replies.jsonl, line 1: 'other' takes no part in this run",
    ),
    "an id that is none": (
        lambda run: edit(run / "replies.jsonl", '"id":"', '"id":"x'),
        "replies.jsonl, line 1: the id ",
    ),
    "a label": (
        lambda run: edit(run / "samples.jsonl", '"emotion":"happy"', '"emotion":"sad"'),
        "results.json: tasks[0]",
    ),
    "a lost reply": (
        lambda run: (run / "replies.jsonl").write_text("".join((run / "replies.jsonl").read_text().splitlines(True)[1:])),
        "results.json: tasks[0]",
    ),
    "a value of the results": (
        lambda run: edit(run / "results.json", '"n": 24', '"n": 25'),
        "is 25, and a fresh score gives 24",
    ),
    "no results": (lambda run: (run / "results.json").unlink(), "results.json: missing; score the run: harness score run"),
    "a cut line": (
        lambda run: (run / "replies.jsonl").open("a").write('{"id":"'),
        "replies.jsonl, line 25: the last line is incomplete",
    ),
    "no JSON": (lambda run: edit(run / "samples.jsonl", '{"id"', '{id"'), "samples.jsonl, line 1: "),
    "a key": (lambda run: edit(run / "samples.jsonl", '"data":', '"date":'), "samples.jsonl, line 1: the key 'data' is missing"),
    "a kind": (lambda run: edit(run / "replies.jsonl", '"repeat":0', '"repeat":"0"'), "replies.jsonl, line 1: repeat cannot be"),
    "a link": (
        lambda run: ((run / "samples.jsonl").unlink(), (run / "samples.jsonl").symlink_to("/dev/zero")),
        "samples.jsonl",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_is_named(change: Change, expected: str, harness: InProcess, run: Path) -> None:
    change(run)
    before = {p: p.lstat().st_mtime_ns for p in run.iterdir()}
    done = harness("verify", run)
    assert done.code == 2
    assert expected in done.out
    assert "found wrong" in done.out.splitlines()[-1]
    document = json.loads(harness("verify", run, "--json").out)
    assert any(
        expected.partition(":")[0].partition(",")[0] == f["file"] or expected in f["what"]
        for f in document["findings"]
    )
    assert {p: p.lstat().st_mtime_ns for p in run.iterdir()} == before, "nothing is written"


def test_a_folder_without_a_readable_request_is_refused(harness: InProcess, run: Path) -> None:
    (run / "run.json").write_text("{")
    harness("verify", run).refuses(2, "run/run.json cannot be read", "line 1")


def test_many_findings_are_counted(harness: InProcess, run: Path) -> None:
    (run / "replies.jsonl").write_text("x\n" * 5000)
    done = harness("verify", run)
    assert done.code == 2
    assert len(done.out.splitlines()) < 60
    assert "--json lists them" in done.out


def test_a_picture_judged_before_it_was_exchanged(harness: InProcess) -> None:
    few = ["--model", "echo", "-o", "size=64", "--limit", "2"]
    harness("run", "--task", "t2i_emotion", *few, "--judge", "echo", "--out", "run").ok()
    reply = next(r for r in lines(Path("run/replies.jsonl")) if r.get("outcome") == "ok")
    data.picture(Path(f"run/images/{reply['id']}.png"), 7)
    done = harness("verify", "run")
    assert done.code == 2
    assert f"images/{reply['id']}.png: not the image that was generated" in done.out
