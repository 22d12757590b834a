"""Folders that cannot be written, are full, damaged, or used for something else: nothing stored is lost."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess, Shell, generate_command
from helpers.plugins import Install

RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--json"]
Make = Callable[..., Path]


@pytest.mark.parametrize("out", ["/proc/memobench/run", "file/run", "x" * 300, "/dev/null/run"])
def test_folder_that_cannot_be_created(out: str, harness: InProcess, faces: Path) -> None:
    Path("file").touch()
    assert harness(*RUN, "--out", out).fails(2, "cannot be written", "different --out")


def test_out_is_a_file(harness: InProcess, faces: Path) -> None:
    Path("file").touch()
    assert harness(*RUN, "--out", "file").fails(2, "'file' is a file, not a run folder", "different --out")


def test_out_is_a_folder_with_other_files(harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--out", "faces").fails(2, "'faces' is not a run folder", "no run.json")
    assert not (faces / "run.json").exists()


def test_the_current_folder_as_run_folder(
    harness: InProcess, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    results = harness(*RUN[:-2], str(faces), "--json", "--out", ".").ok().results
    assert results["run"]["name"] == "here"


DIFFERENT = {
    "seed": (["--seed", "1"], "seed was 0, is 1"),
    "option": (["-o", "accuracy=0.5"], "model.options.accuracy was 1.0, is 0.5"),
    "repeats": (["--repeats", "2"], "repeats was 1, is 2"),
    "task": (["--task", "fine_intensity"], "tasks"),
    "answer mode": (["--read", "text"], 'read was "auto", is "text"'),
}


@pytest.mark.parametrize(("change", "expected"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_run_folder_of_a_different_request(
    change: list[str], expected: str, harness: InProcess, faces: Path
) -> None:
    assert harness(*RUN, "--out", "run").ok()
    before = Path("run/replies.jsonl").read_bytes()
    assert harness(*RUN, "--out", "run", *change).fails(
        2, "'run' contains a different request", expected, "different --out"
    )
    assert Path("run/replies.jsonl").read_bytes() == before


def test_run_folder_of_other_labels(harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--out", "run").ok()
    manifest = faces / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",sad,", ",angry,", 1))
    assert harness(*RUN, "--out", "run").fails(2, "'run' contains a different request", "data.faces")


@pytest.mark.parametrize("change", [["-o", "delay=0.001"], ["--max-failures", "5"], ["-o", "fail_every=50"]])
def test_what_does_not_affect_answers_may_change(change: list[str], harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--out", "run").ok()
    before = Path("run/replies.jsonl").read_bytes()
    assert harness(*RUN, "--out", "run", *change).ok()
    assert Path("run/replies.jsonl").read_bytes() == before


DAMAGE = {
    "a line that is not JSON": ("replies.jsonl", lambda text: text.replace("\n", "\n{broken\n", 1), ["replies.jsonl, line 2"]),
    "a line that is not a record": ("replies.jsonl", lambda text: "null\n" + text, ["replies.jsonl, line 1"]),
    "a line of zeros": ("replies.jsonl", lambda text: text + "\0" * 64 + "\n" + text, ["replies.jsonl, line 13"]),
    "a sample that is not JSON": ("samples.jsonl", lambda text: "{\n" + text, ["samples.jsonl, line 1"]),
    "run.json that is not JSON": ("run.json", lambda text: text[:100], ["run.json", "cannot be read"]),
    "run.json that is a list": ("run.json", lambda text: "[]", ["run.json", "cannot be read"]),
    "run.json without a request": ("run.json", lambda text: '{"name": "x"}', ["run.json", "request"]),
    "run.json of a request without tasks": (
        "run.json",
        lambda text: text.replace('"tasks"', '"taks"'),
        ["tasks"],
    ),
    "run.json of a different version": (
        "run.json",
        lambda text: text.replace('"stage"', '"phase"'),
        ["phase"],
    ),
    "empty run.json": ("run.json", lambda text: "", ["run.json", "cannot be read"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "damage", "expected"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_run_folder(
    name: str, damage: Callable[[str], str], expected: list[str], harness: InProcess, faces: Path
) -> None:
    assert harness(*RUN, "--out", "runs/run").ok()
    path = Path("runs/run") / name
    whole = path.read_text()
    path.write_text(damage(whole))
    assert harness(*RUN, "--out", "runs/run").fails(2, *expected)
    assert harness("score", "runs/run").fails(2, *expected)
    assert "run" in harness("list", "runs").ok().out
    path.write_text(whole)
    assert harness(*RUN, "--out", "runs/run").ok()


def test_damaged_results_are_recomputed(harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--out", "run").ok()
    whole = Path("run/results.json").read_text()
    Path("run/results.json").write_text(whole[:50])
    assert harness("show", "run").fails(2, "results.json", "harness score run")
    assert harness("score", "run").ok()
    assert Path("run/results.json").read_text() == whole
    Path("run/results.json").unlink()
    assert harness("show", "run").fails(2, "no results yet", "harness score run")


def test_incomplete_last_lines_are_truncated(harness: InProcess, faces: Path) -> None:
    whole = harness(*RUN, "--out", "run").ok().results
    replies = Path("run/replies.jsonl")
    lines = replies.read_text().splitlines(keepends=True)
    replies.write_text("".join(lines[:7]) + lines[7][:40])
    samples = Path("run/samples.jsonl")
    samples.write_text(samples.read_text()[:-30])
    again = harness(*RUN, "--out", "run").ok()
    assert "12 requests, 7 already stored" in again.err
    assert again.results == whole
    assert sorted(replies.read_text().splitlines()) == sorted(line.rstrip() for line in lines)


def test_leftover_temporary_files_do_no_harm(harness: InProcess, faces: Path) -> None:
    Path("run").mkdir()
    Path("run/.run.json.4711.tmp").write_text('{"half":')
    Path("run/.lock").touch()
    assert harness(*RUN, "--out", "run").ok()


def small_files(limit: int) -> Callable[[], None]:
    """No file of the process may grow beyond `limit` bytes: writing fails as it does on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.e2e
@pytest.mark.parametrize("limit", [7_000, 30_001])
def test_disk_that_fills_up(limit: int, shell: Shell, make_data: Make) -> None:
    make_data(200)
    whole = shell(*RUN, "--out", "whole").ok().results
    outcome = shell(*RUN, "--out", "run", preexec_fn=small_files(limit))
    outcome.fails(3, "cannot be written", "run the same command again")
    stored = (shell.folder / "run" / "replies.jsonl").read_text().count("\n") if limit > 7_000 else 0
    resumed = shell(*RUN, "--out", "run").ok()
    assert f"{stored} already stored" in resumed.err or not stored
    assert {**resumed.results, "run": None} == {**whole, "run": None}


@pytest.mark.e2e
def test_disk_that_fills_up_while_generating(shell: Shell) -> None:
    generate = generate_command(30)
    assert shell(*generate, "whole").ok()
    assert shell(*generate, "run", preexec_fn=small_files(9_000)).fails(
        3, "cannot be written", "run the same command again"
    )
    assert shell(*generate, "run").ok()
    pictures = {p.name: p.read_bytes() for p in (shell.folder / "whole" / "images").iterdir()}
    assert {p.name: p.read_bytes() for p in (shell.folder / "run" / "images").iterdir()} == pictures
    ids = [
        json.loads(line)["id"] for line in (shell.folder / "run" / "replies.jsonl").read_text().splitlines()
    ]
    assert len(ids) == len(set(ids)) == 30


@pytest.mark.e2e
def test_output_that_cannot_be_written(shell: Shell, make_data: Make) -> None:
    make_data(6)
    with open("/dev/full", "w") as full:
        outcome = shell(*RUN, "--out", "run", stdout=full)
    outcome.fails(3, "No space left on device")
    assert json.loads((shell.folder / "run" / "results.json").read_text())["run"]["complete"] is True
    with open("/dev/full", "w") as full:
        assert shell("list", "tasks", stdout=full).fails(3, "No space left on device")


@pytest.mark.e2e
def test_output_whose_reader_has_closed(shell: Shell) -> None:
    process = shell.start("list", "metrics")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) == 0


@pytest.mark.e2e
def test_output_with_a_limited_encoding(shell: Shell, make_data: Make) -> None:
    make_data(6)
    plain = shell(*RUN[:-1], "--out", "run", env={"PYTHONIOENCODING": "latin-1"}).ok()
    assert "accuracy" in plain.out
    assert shell("show", "run", "--samples", env={"PYTHONIOENCODING": "ascii"}).ok()


def test_scoring_needs_neither_pictures_nor_model(
    harness: InProcess, install: Install, faces: Path, make_data: Make
) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
def judge(self, batch):
    return [JudgeReply(r.id, text=sorted(r.question.options)[int(r.sample_id[1:]) % 4 % len(r.question.options)]) for r in batch]
""",
        ),
    )
    assert harness(
        "run", "--task", "comprehension", "--model", "mine", "--data", "faces", "--out", "run"
    ).ok()
    whole = Path("run/results.json").read_bytes()
    shutil.rmtree(faces)
    shutil.rmtree("site")
    from harness.registry.registry import registry

    registry.cache_clear()
    Path("run/results.json").unlink()
    assert harness("score", "run").ok()
    assert Path("run/results.json").read_bytes() == whole
    shutil.move("run", "moved")
    assert harness("score", "moved", "--json").ok().results == json.loads(whole)


def test_files_of_the_folder(harness: InProcess, faces: Path) -> None:
    assert harness(*RUN, "--out", "run").ok()
    assert {p.name for p in Path("run").iterdir()} == {
        ".lock",
        "run.json",
        "samples.jsonl",
        "replies.jsonl",
        "failures.jsonl",
        "results.json",
    }
    run = json.loads(Path("run/run.json").read_text())
    assert run["request"]["model"]["identity"]["version"]
    assert run["request"]["tasks"]["coarse_emotion"]["answer"]["options"][0] == "happy"
    assert {"memobench", "python", "numpy", "pillow", "memobench-plugin-echo"} <= set(run["versions"])
    assert {"git", "hardware", "created"} <= set(run)
    sample = json.loads(Path("run/samples.jsonl").read_text().splitlines()[0])
    assert {"id", "data", "image", "emotion", "intensity", "attributes", "digest", "shown"} <= set(sample)
    reply = json.loads(Path("run/replies.jsonl").read_text().splitlines()[0])
    assert {"id", "task", "by", "sample_id", "text"} <= set(reply)


def test_scoring_a_generator_run_needs_no_portraits(harness: InProcess) -> None:
    run = [
        "run",
        "--task",
        "generation",
        "--model",
        "echo",
        "--judge",
        "echo",
        "--limit",
        "12",
        "-o",
        "size=64",
    ]
    assert harness(*run, "--out", "run").ok()
    whole = Path("run/results.json").read_bytes()
    shutil.rmtree("run/images")
    Path("run/results.json").unlink()
    assert harness("score", "run").ok()
    assert Path("run/results.json").read_bytes() == whole
