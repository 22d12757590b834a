"""What is no evidence for the gate, and what it must not overlook: mixtures, early stops, groups, other names of data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers import data, releases
from helpers.command import InProcess

import harness as public

Make = Callable[..., Path]
CLUSTERS, SIZE = 80, 6
N = CLUSTERS * SIZE


def wrong(numbers: range) -> dict[str, str]:
    return releases.said(N, {i: releases.other(i) for i in numbers})


@pytest.fixture
def base(harness: InProcess) -> Path:
    """A baseline on 480 pictures of 80 people, 456 of them right."""
    rows = [{**data.row(i), "subject": f"person{i // SIZE}"} for i in range(N)]
    for number, entry in enumerate(rows):
        data.picture(Path("faces") / entry["image"], number)
    data.manifest(Path("faces"), rows)
    releases.run(harness, "old", wrong(range(0, N, 20)), "--release", "1")
    harness("gate", "--bless", "old", "--baseline", "base").ok()
    return Path("base")


def gated(harness: InProcess, name: str, replies: Mapping[str, str]) -> Any:
    """A new release, run against the baseline with `--gate`."""
    Path(f"{name}.jsonl").write_text(
        "".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in replies.items())
    )
    return harness(
        "run", "--task", "coarse_emotion", "--model", "echo", "-o", f"replies={name}.jsonl", "--data", "faces",
        "--release", "2", "--out", name, "--gate", "base",
    )  # fmt: skip


def report_of(name: str) -> dict[str, Any]:
    return dict(json.loads(Path(name, "gate.json").read_text()))


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("every", [3, 4, 5, 20])
def test_a_run_stopped_on_people_is_reported_as_it_was_stopped(harness: InProcess, every: int) -> None:
    code = {20: 0}.get(every, 1)
    assert gated(harness, "new", wrong(range(0, N, every))).code == code
    report = report_of("new")
    stored = json.loads(Path("new/run.json").read_text())["sequential"]
    assert stored["stopped"] == report["sequential"]["stopped"]
    assert stored["stopped"], "480 pictures are more than it takes"
    assert report["checks"][0]["method"] == "sequential: asymptotic"
    assert report["checks"][0]["p"] is None
    assert report["checks"][0]["verdict"] == report["verdict"]
    again = harness("gate", "--baseline", "base", "new", "--json")
    assert (again.code, json.loads(again.out)["checks"]) == (code, report["checks"])


@pytest.mark.usefixtures("base")
def test_an_early_stop_is_no_evidence_for_other_settings_baselines_and_new_baselines(
    harness: InProcess,
) -> None:
    assert gated(harness, "new", wrong(range(0, N, 3))).code == 1
    lenient = public.gate("new", "base", margin=0.3)
    assert lenient.verdict == "inconclusive"
    assert [check.reason for check in lenient.checks] == ["not clear when the run was stopped"]
    releases.run(harness, "older", wrong(range(0, N, 24)), "--release", "0")
    other = public.gate("new", "older")
    assert (other.verdict, other.exit_code) == ("inconclusive", 4)
    assert any("stopped early against another baseline" in warning for warning in other.warnings)
    done = harness("gate", "--bless", "new", "--baseline", "next")
    assert done.code == 2
    assert "stopped early by its gate" in done.err
    assert not Path("next").exists()


def test_groups_that_are_watched_are_looked_at_before_a_pass(harness: InProcess, base: Path) -> None:
    (base / "gate.toml").write_bytes(b'margin = 0.15\r\ngroups = ["emotion"]\r\n')
    sad = range(1, N, 6)
    done = gated(harness, "new", wrong(range(sad.start, N, 12)))
    assert done.code == 1
    assert "only a regression stops this run early" in done.err
    found = {
        check["group"].get("emotion"): check["verdict"]
        for check in report_of("new")["checks"]
        if check["group"]
    }
    assert len(found) == 6
    assert found["sad"] == "regression"


def test_groups_that_are_too_small_are_named(harness: InProcess, base: Path) -> None:
    (base / "gate.toml").write_text('groups = ["subject", "intensity"]\n')
    run = releases.run(harness, "new", wrong(range(0, N, 20)), "--release", "2")
    warnings = public.gate(run, base).warnings
    assert any("no groups by subject" in warning for warning in warnings), warnings
    rows = [{**data.row(i), "subject": f"person{i // SIZE}", "hat": f"hat{i // 100}"} for i in range(410)]
    data.manifest(Path("hats"), rows)
    shutil.copytree("faces/faces", "hats/faces")
    for name in ("one", "two"):
        releases.run(harness, name, wrong(range(0, N, 20)), "--data", "hats")
    found = public.compare(["one", "two"], group_by=["hat"])
    assert any("with fewer than 20 rows: hat=hat4 (10)" in warning for warning in found.warnings)
    assert sum("hat" in row.group for row in found.rows) == 4


def mix(folder: Path, *, lacking: int = 0) -> None:
    """Say that every other reply came from another release, and remove the last ones."""
    lines = (folder / "replies.jsonl").read_text().splitlines()
    records = [
        {**json.loads(line), "served": {"model": f"m{i % 2}"}}
        for i, line in enumerate(lines[: len(lines) - lacking])
    ]
    (folder / "replies.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize("every", [20, 2])
def test_a_mixture_of_releases_is_no_evidence_whatever_else_is_so(
    harness: InProcess, base: Path, lacking: int, every: int
) -> None:
    run = releases.run(harness, "new", wrong(range(0, N, every)), "--release", "2")
    mix(run, lacking=lacking)
    assert harness("score", "new").code == 3
    results = run / "results.json"
    for change in (
        None,
        results.read_text().replace('"complete": false', '"complete": true'),
        "",
    ):
        if change is not None:
            results.write_text(change)
        done = harness("gate", "--baseline", base, run, "--json")
        assert done.code == 4, "results edited by hand change nothing"
        report = json.loads(done.out)
        assert not report["run"]["complete"]
        assert any("mixes replies of two releases" in warning for warning in report["warnings"])
    shown = harness("gate", "--baseline", base, run)
    assert "mixes replies of two releases" in " ".join(shown.out.splitlines()[:2])
    assert harness("gate", "--baseline", run, "old").code == 4, "a mixture is no baseline either"


@pytest.mark.usefixtures("base")
def test_data_under_another_name_is_compared_and_checked_as_the_same(harness: InProcess) -> None:
    shutil.copytree("faces", "elsewhere")
    replies = wrong(range(0, N, 20))
    releases.run(harness, "same", replies, "--data", "elsewhere", "--release", "2")
    assert public.gate("same", "base").checks[0].n == N
    assert public.compare(["old", "same"]).warnings == []
    releases.run(harness, "asked", replies, "--data", "elsewhere", "--prompt-variants", "look")
    for command in (("compare", "old", "asked"), ("gate", "--baseline", "base", "asked")):
        done = harness(*command)
        assert done.code == 2
        assert "the prompt variant of coarse_emotion on faces is worded differently" in done.err


def test_a_run_is_not_gated_with_itself(harness: InProcess, base: Path) -> None:
    command = [
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "echo",
        "-o",
        "replies=old.jsonl",
        "--data",
        "faces",
    ]
    done = harness(*command, "--release", "1", "--out", "old", "--gate", "old")
    assert done.code == 2
    assert "same folder" in done.err
    assert not Path("old/gate.json").exists()
    assert base.exists()


def test_baselines_hold_no_command_and_no_git_state_of_the_machine(base: Path) -> None:
    document = json.loads((base / "run.json").read_text())
    assert document["attempts"]
    for record in (document, *document["attempts"]):
        assert not {"command", "git", "folders"} & set(record)
    assert document["versions"]


def test_outputs_that_cannot_be_written(
    harness: InProcess, base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = releases.run(harness, "new", wrong(range(0, N, 2)), "--release", "2")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    done = harness("gate", "--baseline", base, run)
    assert done.code == 1, "the verdict matters more than the summary"
    assert "GITHUB_STEP_SUMMARY cannot be written" in done.err
    Path("file").touch()
    done = harness("gate", "--bless", run, "--baseline", "file/base")
    assert done.code == 2
    assert "cannot be written" in done.err
    done = harness("gate", "--baseline", base, run, "--margin", "inf", "--json")
    assert done.code == 2
    assert "finite" in done.err


def test_repeats_of_pairs_are_split_within_their_orders(harness: InProcess, make_data: Make) -> None:
    make_data(120)
    releases.task_with_temperature("nuance_pairs", Path("pairs.toml"), 1.0)
    harness(
        "run", "--task", "pairs.toml", "--model", "echo", "-o", "accuracy=0.8", "--data", "faces",
        "--repeats", "2", "--out", "old",
    ).ok()  # fmt: skip
    done = harness("gate", "--baseline", "old", "--self-test", "--json").ok()
    [found] = json.loads(done.out)
    assert found["how"] == "repeats of each sample"


def test_a_pass_says_which_checks_cannot_tell(harness: InProcess, base: Path) -> None:
    (base / "gate.toml").write_text('margin = 0.02\ngroups = ["emotion"]\n')
    run = releases.run(harness, "new", wrong(range(0, N, 20)), "--release", "2")
    done = harness("gate", "--baseline", base, run).ok()
    first = done.out.splitlines()[0]
    report = json.loads(harness("gate", "--baseline", base, run, "--json").out)
    counted = [check["verdict"] for check in report["checks"]]
    assert "inconclusive" in counted
    assert f"{counted.count('pass')} check" in first
    assert f"{counted.count('inconclusive')} of groups" in first


def test_the_self_test_names_prompt_variants(harness: InProcess, make_data: Make) -> None:
    make_data(48)
    harness(
        "run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--prompt-variants", "all", "--out", "old"
    ).ok()  # fmt: skip
    shown = " ".join(harness("gate", "--baseline", "old", "--self-test").ok().out.split())
    assert "prompt variant plain" in shown
    assert "prompt variant look" in shown
