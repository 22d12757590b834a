"""`harness run --gate`: stopped once the verdict is clear, the same after a kill, and read again from the folder."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers import data, releases
from helpers.command import SCRIPT, InProcess

import harness as public

N = 240


@pytest.fixture
def base(harness: InProcess) -> Path:
    """A baseline on 240 pictures that are each a cluster of their own, 228 of them right."""
    rows = [{key: value for key, value in data.row(i).items() if key != "subject"} for i in range(N)]
    for number, entry in enumerate(rows):
        data.picture(Path("faces") / entry["image"], number)
    data.manifest(Path("faces"), rows)
    releases.run(
        harness, "old", releases.said(N, {i: releases.other(i) for i in range(0, N, 20)}), "--release", "1"
    )
    harness("gate", "--bless", "old", "--baseline", "base").ok()
    return Path("base")


def write(name: str, replies: dict[str, str]) -> list[str]:
    """The command that runs a new release with these replies against the baseline."""
    Path(f"{name}.jsonl").write_text(
        "".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in replies.items())
    )
    return [
        "run", "--task", "coarse_emotion", "--model", "echo", "-o", f"replies={name}.jsonl", "--data", "faces",
        "--release", "2", "--out", name, "--gate", "base",
    ]  # fmt: skip


def half_wrong() -> dict[str, str]:
    return releases.said(N, {i: releases.other(i) for i in range(0, N, 2)})


def asked(folder: str) -> int:
    return sum(1 for _ in Path(folder, "replies.jsonl").open())


@pytest.mark.usefixtures("base")
def test_a_clear_regression_stops_the_run(harness: InProcess) -> None:
    done = harness(*write("new", half_wrong()))
    assert done.code == 1
    assert "REGRESSION" in done.out
    report = json.loads(Path("new/gate.json").read_text())
    assert report["verdict"] == "regression"
    sequential = report["sequential"]
    assert sequential["stopped"]
    assert sequential["planned"] == N
    assert sequential["asked"] == asked("new") < N / 2
    [check] = [c for c in report["checks"] if c["kind"] == "metric"]
    assert (check["p"], check["drop_at_most"]) == (None, None), (
        "those of a fixed number of samples do not hold"
    )
    assert check["method"] == "sequential: betting"
    assert check["n"] <= sequential["asked"]
    results = json.loads(Path("new/results.json").read_text())
    assert results["run"]["complete"]
    assert results["tasks"][0]["n"] == sequential["asked"]
    assert results["tasks"][0]["failed"] == 0
    assert any("stopped by the gate" in note for note in results["run"]["notes"])
    again = harness("gate", "--baseline", "base", "new", "--json")
    assert again.code == 1
    assert json.loads(again.out)["checks"] == report["checks"]
    other = harness("gate", "--baseline", "old", "new", "--json")
    assert "stopped early" not in json.dumps(json.loads(other.out)["warnings"]), "old is the same run as base"


@pytest.mark.usefixtures("base")
def test_no_difference_ends_with_a_pass(harness: InProcess) -> None:
    done = harness(
        *write("same", releases.said(N, {i: releases.other(i) for i in range(0, N, 20)})), "--json"
    )
    assert done.code == 0
    assert "PASS" in done.err
    assert json.loads(done.out)["run"]["complete"], "standard output holds the results alone"
    assert asked("same") < N
    result = public.evaluate(
        "coarse_emotion",
        "echo",
        options={"replies": "same.jsonl"},
        data="faces",
        release="2",
        out="python",
        gate="base",
    )
    assert result.settled
    assert public.gate(result, "base").verdict == "pass"
    assert asked("python") < N


@pytest.mark.usefixtures("base")
def test_what_stays_unclear_is_decided_at_the_end_with_half_of_alpha(harness: InProcess) -> None:
    wrong = {i: releases.other(i) for i in range(0, N, 20)} | {i: releases.other(i) for i in range(5, N, 36)}
    done = harness(*write("unclear", releases.said(N, wrong)))
    report = json.loads(Path("unclear/gate.json").read_text())
    assert not report["sequential"]["stopped"], report
    assert report["sequential"]["asked"] == asked("unclear") == N
    assert report["alpha"] == 0.025
    assert done.code == report["exit_code"] == 4
    fixed = public.gate("unclear", "old")
    assert fixed.alpha == 0.025, "a run with a sequential gate has spent the other half"


@pytest.mark.usefixtures("base")
def test_without_the_gate_the_rest_is_asked(harness: InProcess) -> None:
    command = write("new", half_wrong())
    harness(*command)
    before = asked("new")
    harness(*command[:-2]).ok()
    assert before < asked("new") == N
    results = json.loads(Path("new/results.json").read_text())
    assert results["tasks"][0]["n"] == N
    assert results["run"]["notes"] == []
    assert public.gate("new", "base").sequential is None
    assert harness(*command).code == 1, "all is stored: the gate needs no more replies"


@pytest.mark.usefixtures("base")
def test_a_killed_run_comes_to_the_same_verdict(harness: InProcess, tmp_path: Path) -> None:
    command = write("whole", half_wrong())
    assert harness(*command).code == 1
    whole = json.loads(Path("whole/gate.json").read_text())
    killed = [*command, "-o", "delay=0.02"]
    killed[killed.index("--out") + 1] = "killed"
    for _ in range(2):
        before = asked("killed") if Path("killed/replies.jsonl").exists() else 0
        process = subprocess.Popen(
            [SCRIPT, *killed], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if Path("killed/replies.jsonl").exists() and asked("killed") >= before + 8:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not Path("killed/gate.json").exists(), "the kills came before the verdict"
    done = harness(*killed)
    assert done.code == 1
    report = json.loads(Path("killed/gate.json").read_text())
    assert report["verdict"] == whole["verdict"]
    assert report["checks"] == whole["checks"], "the same clusters, in the same order"
    runs = [
        json.loads(Path(name, "run.json").read_text())["sequential"]["clusters"]
        for name in ("whole", "killed")
    ]
    assert runs[0] == runs[1]


@pytest.mark.usefixtures("base")
def test_a_sample_that_fails_is_left_out_of_its_cluster(harness: InProcess) -> None:
    done = harness(*write("faulty", half_wrong()), "-o", "fail_every=7", "--max-failures", "1000")
    assert done.code == 1
    report = json.loads(Path("faulty/gate.json").read_text())
    assert report["sequential"]["stopped"]
    assert report["failed"] > 0
    assert report["checks"][0]["n"] < report["sequential"]["asked"]


def test_what_cannot_be_stopped_early_is_said_and_gated_at_the_end(harness: InProcess, make_data) -> None:  # type: ignore[no-untyped-def]
    make_data(120)
    releases.run(harness, "base", releases.said(120))
    done = harness(*write("new", releases.said(120, {i: releases.other(i) for i in range(60)})))
    assert done.code == 1
    assert "cannot stop this run early" in done.err
    assert "12 clusters, and it takes 60" in " ".join(done.err.split())
    assert asked("new") == 120
    assert json.loads(Path("new/gate.json").read_text())["alpha"] == 0.05


@pytest.mark.usefixtures("base")
def test_a_request_that_is_not_comparable_is_refused_before_anything_is_asked(harness: InProcess) -> None:
    command = write("new", half_wrong())
    for more, words in {
        ("--seed", "5"): "the seed is 0 and 5",
        ("--task", "fine_intensity"): "",
        ("--gate", "nowhere"): "There is no run 'nowhere'",
    }.items():
        done = harness(*command, *more)
        assert done.code == (2 if words else 1), more
        assert words in done.err
    single = [*command]
    single[single.index("coarse_emotion")] = "fine_intensity"
    done = harness(*single, "--out", "other")
    assert done.code == 2
    assert "lacks what the baseline has: coarse_emotion on faces" in done.err
    assert not Path("other").exists()


@pytest.mark.usefixtures("base")
def test_a_budget_leaves_the_verdict_open(harness: InProcess) -> None:
    same = releases.said(N, {i: releases.other(i) for i in range(0, N, 20)})
    done = harness(*write("late", same), "-o", "delay=0.05", "--max-time", "1")
    assert done.code == 4
    report = json.loads(Path("late/gate.json").read_text())
    assert report["verdict"] == "inconclusive"
    assert asked("late") < N
    assert "--max-time" in done.err
    assert harness(*write("late", same)).code == 0
