"""`harness gate`: verdicts with their exit codes, baselines, settings, artifacts, self-test."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import releases
from helpers.command import InProcess

import harness as public
from harness.results import read_results

Make = Callable[..., Path]
N = 120


@pytest.fixture
def base(harness: InProcess, make_data: Make) -> Path:
    """The blessed baseline `base` of a run with 110 of 120 right."""
    make_data(N)
    releases.run(
        harness, "old", releases.said(N, {i: releases.other(i) for i in range(10)}), "--release", "1.0"
    )
    harness("gate", "--bless", "old", "--baseline", "base").ok()
    return Path("base")


def new(harness: InProcess, wrong: int, *, name: str = "new", release: str = "1.1") -> Path:
    replies = releases.said(N, {i: releases.other(i) for i in range(wrong)})
    return releases.run(harness, name, replies, "--release", release)


@pytest.mark.parametrize(
    ("wrong", "margin", "code", "verdict"),
    [
        (10, 0.2, 0, "pass"),
        (40, 0.05, 1, "regression"),
        (20, 0.05, 4, "inconclusive"),
        (10, 0.01, 4, "inconclusive"),
    ],
)
def test_verdicts_and_exit_codes(
    harness: InProcess, base: Path, wrong: int, margin: float, code: int, verdict: str
) -> None:
    run = new(harness, wrong)
    done = harness("gate", "--baseline", base, run, "--margin", margin, "--json")
    assert done.code == code
    report = json.loads(done.out)
    assert (report["verdict"], report["exit_code"]) == (verdict, code)
    check = report["checks"][0]
    assert (check["metric"], check["n"], check["clusters"]) == ("accuracy", N, 12)
    assert check["drop"] == pytest.approx((wrong - 10) / N)
    assert check["drop_at_most"] > check["drop"]
    assert check["detectable"] > 0
    assert (report["run"]["release"], report["baseline"]["release"]) == ("1.1", "1.0")
    shown = harness("gate", "--baseline", base, run, "--margin", margin)
    words = {"pass": "PASS", "regression": "REGRESSION", "inconclusive": "CANNOT TELL"}
    assert shown.code == code
    assert shown.out.startswith(words[verdict])
    for choice, mapped in (("pass", 0), ("fail", 1)):
        mapped = mapped if verdict == "inconclusive" else code
        again = ("gate", "--baseline", base, run, "--margin", margin, "--inconclusive", choice)
        assert harness(*again).code == mapped
    assert public.gate(run, base, margin=margin).verdict == verdict


def test_a_run_folder_is_a_baseline_too(harness: InProcess, base: Path) -> None:
    run = new(harness, 40)
    one, two = (
        json.loads(harness("gate", "--baseline", found, run, "--json").out) for found in (base, "old")
    )
    assert one["checks"] == two["checks"]
    assert harness("gate", "--baseline", "old", "old").code == 2


def test_blessing(harness: InProcess, base: Path) -> None:
    files = {path.name: path.read_bytes() for path in base.iterdir()}
    assert set(files) == {"results.json", "run.json", "samples.jsonl.gz", "replies.jsonl.gz"}
    assert json.loads(files["run.json"])["baseline"] is True
    assert sum(map(len, files.values())) < 200_000
    harness("gate", "--bless", "old", "--baseline", base).ok()
    assert {path.name: path.read_bytes() for path in base.iterdir()} == files, "the same run, the same bytes"
    scored = harness("show", base, "--json").ok()
    assert read_results(json.loads(scored.out)) == read_results(
        json.loads(Path("old/results.json").read_bytes())
    )
    assert "is a baseline of the gate" in releases_refused(harness, base)
    assert harness("gate", "--bless", base, "--baseline", "again").code == 2
    Path("notes").mkdir()
    Path("notes/mine.txt").write_text("keep me")
    refused = harness("gate", "--bless", "old", "--baseline", "notes")
    assert refused.code == 2
    assert "not a baseline" in refused.err
    assert [path.name for path in Path("notes").iterdir()] == ["mine.txt"]


def releases_refused(harness: InProcess, folder: Path) -> str:
    done = harness(
        "run", "--task", "coarse_emotion", "--model", "echo", "-o", "replies=old.jsonl", "--data", "faces",
        "--release", "1.0", "--out", folder,
    )  # fmt: skip
    assert done.code == 2
    return done.err


def test_an_incomplete_run_is_no_baseline_and_no_evidence(harness: InProcess, base: Path) -> None:
    few = {key: text for key, text in releases.said(N).items() if int(key[1:]) % 10}
    Path("few.jsonl").write_text("".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in few.items()))
    done = harness(
        "run", "--task", "coarse_emotion", "--model", "echo", "-o", "replies=few.jsonl", "--data", "faces",
        "--release", "1.1", "--out", "few",
    )  # fmt: skip
    assert done.code == 3
    refused = harness("gate", "--bless", "few", "--baseline", "other")
    assert refused.code == 2
    assert "incomplete" in refused.err
    gated = harness("gate", "--baseline", base, "few", "--margin", "0.2", "--json")
    assert gated.code == 4
    report = json.loads(gated.out)
    failed = next(check for check in report["checks"] if check["kind"] == "failed")
    assert failed["verdict"] == "inconclusive"
    assert "10.0% of the samples failed" in failed["reason"]
    assert report["failed"] == 12
    Path("gate.toml").write_text("margin = 0.2\n[limits]\nfailed = 0.1\n")
    assert harness("gate", "--baseline", base, "few", "--config", "gate.toml").code == 0


def test_settings_of_tasks_and_groups(harness: InProcess, base: Path) -> None:
    hurt = {i: releases.other(i) for i in range(10)} | {i: releases.other(i) for i in range(N) if i % 6 == 1}
    releases.run(harness, "sad", releases.said(N, hurt), "--release", "1.1")
    (base / "gate.toml").write_text('margin = 0.5\ngroups = ["emotion"]\n')
    done = harness("gate", "--baseline", base, "sad", "--json")
    assert done.code == 1
    report = json.loads(done.out)
    worse = [check["group"] for check in report["checks"] if check["verdict"] == "regression"]
    assert worse == [{"emotion": "sad"}]
    assert report["checks"][0]["verdict"] == "pass"
    (base / "gate.toml").write_text("margin = 0.5\n[tasks.coarse_emotion]\nmargin = 0.05\n")
    report = json.loads(harness("gate", "--baseline", base, "sad", "--json").out)
    assert report["checks"][0]["margin"] == 0.05
    harness("gate", "--bless", "old", "--baseline", base).ok()
    assert (base / "gate.toml").exists(), "settings outlive a new baseline"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("margins = 0.1\n", "did you mean 'margin'?"),
        ("margin = 'a'\n", "margin"),
        ("alpha = 0.9\n", "alpha"),
        ("margin = \n", "line 1"),
        ("[limits]\nfailde = 1\n", "did you mean 'failed'?"),
        ("[tasks.coarse]\nmargin = 0.1\n", "which the baseline does not have"),
        ("groups = ['emotoin']\n", "emotion"),
    ],
)
def test_wrong_settings_are_named(harness: InProcess, base: Path, text: str, words: str) -> None:
    Path("gate.toml").write_text(text)
    run = new(harness, 10)
    done = harness("gate", "--baseline", base, run, "--config", "gate.toml")
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_rise_of_unparsed_replies_is_a_regression(harness: InProcess, make_data: Make) -> None:
    make_data(N)
    wrong = {i: releases.other(i) for i in range(60)}
    releases.run(harness, "old", releases.said(N, wrong))
    releases.run(harness, "new", releases.said(N, dict.fromkeys(wrong, "no idea")))
    done = harness("gate", "--baseline", "old", "new", "--margin", "0.2", "--json")
    assert done.code == 1
    [worse] = [check for check in json.loads(done.out)["checks"] if check["verdict"] == "regression"]
    assert (worse["kind"], worse["drop"]) == ("unparsed", 0.5)


def test_what_is_not_comparable_or_missing_is_refused(harness: InProcess, base: Path) -> None:
    seeded = releases.run(harness, "seeded", releases.said(N), "--seed", "3")
    done = harness("gate", "--baseline", base, seeded)
    assert done.code == 2
    assert "the seed is 0 and 3" in done.err
    assert harness("gate", "--baseline", base, seeded, "--anyway", "--margin", "0.3").code == 0
    harness("run", "--task", "comprehension", "--model", "echo", "--data", "faces", "--out", "suite").ok()
    lacking = harness("gate", "--baseline", "suite", new(harness, 10))
    assert lacking.code == 2
    assert "lacks what the baseline has" in lacking.err
    only = Path("gate.toml")
    only.write_text('only = ["coarse_emotion"]\nmargin = 0.3\n')
    assert harness("gate", "--baseline", "suite", "new", "--config", only).code in (0, 1)
    for wrong in ([], ["new", "--self-test"], ["--bless", "old", "--self-test"]):
        assert harness("gate", "--baseline", base, *wrong).code == 2
    assert harness("gate", "--baseline", "nowhere", "new").code == 2


def test_artifacts(harness: InProcess, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new(harness, 40)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Path("summary.md").write_text("before\n")
    files = ("--junit", "gate.xml", "--markdown", "gate.md", "--badge", "badge.json")
    done = harness("gate", "--baseline", base, run, *files, "--json")
    assert done.code == 1
    suite = ET.parse("gate.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "0")
    assert "REGRESSION" in Path("gate.md").read_text()
    assert json.loads(Path("badge.json").read_text())["message"].startswith("regression")
    summary = Path("summary.md").read_text()
    assert summary.startswith("before\n")
    assert "REGRESSION" in summary
    assert "::error " in done.err
    assert json.loads(done.out)["verdict"] == "regression", "standard output is JSON alone"
    assert harness("gate", "--baseline", base, run, "--junit", "no/such/folder.xml").code == 2


def test_self_test_on_samples_and_repeats(harness: InProcess, base: Path) -> None:
    [found] = json.loads(harness("gate", "--baseline", base, "--self-test", "--json").ok().out)
    assert (found["task"], found["splits"]) == ("coarse_emotion", 1000)
    assert found["alarms"] <= found["rejections"] <= 0.08
    assert "two clusters" in found["how"]
    for name, temperature in (("same", 0.0), ("repeated", 1.0)):
        releases.task_with_temperature("coarse_emotion", Path(f"{name}.toml"), temperature)
        harness(
            "run", "--task", f"{name}.toml", "--model", "echo", "-o", "accuracy=0.8", "--repeats", "3",
            "--data", "faces", "--out", name,
        ).ok()  # fmt: skip
    [found] = json.loads(harness("gate", "--baseline", "same", "--self-test", "--json").ok().out)
    assert "two clusters" in found["how"], "repeats that never differ test nothing"
    [found] = json.loads(harness("gate", "--baseline", "repeated", "--self-test", "--json").ok().out)
    assert "repeats" in found["how"]
    assert found["alarms"] <= 0.05
    assert "false alarms" in harness("gate", "--baseline", base, "--self-test").ok().out


def test_generators_are_gated(harness: InProcess) -> None:
    for name, accuracy in (("good", 1.0), ("bad", 0.5)):
        harness(
            "run", "--task", "t2i_emotion", "--model", "echo", "-o", f"size={64 if name == 'good' else 72}",
            "--judge", "echo", "--limit", "60", "--out", name,
            "--judge-option", f"accuracy={accuracy}",
        ).ok()  # fmt: skip
    refused = harness("gate", "--baseline", "good", "bad")
    assert refused.code == 2
    assert "the option accuracy of the judge echo" in refused.err
    done = harness("gate", "--baseline", "good", "bad", "--anyway", "--json")
    assert done.code == 1
    assert json.loads(done.out)["checks"][0]["judge"] == "echo"


def test_a_damaged_baseline_is_named(harness: InProcess, base: Path) -> None:
    run = new(harness, 10)
    packed = base / "replies.jsonl.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    done = harness("gate", "--baseline", base, run)
    assert done.code == 2
    assert "is damaged" in done.err


def test_a_metric_without_a_paired_difference_cannot_tell(harness: InProcess, make_data: Make) -> None:
    make_data(48)
    task = Path("gap.toml")
    task.write_text(
        'name = "gap"\nrole = "judge"\nstage = "coarse"\nmetrics = [{name = "valence_gap", primary = true}]\n'
        '[answer]\nkind = "choice"\noptions = ["happy", "sad", "angry", "surprise", "worry", "neutral"]\n'
        'truth = {field = "emotion"}\n[[prompts]]\nname = "plain"\ntext = "Which? {options}"\n'
    )
    for name in ("old", "new"):
        wrong = {0: releases.other(0)} if name == "new" else {}
        releases.run(harness, name, releases.said(48, wrong), task="gap.toml")
    done = harness("gate", "--baseline", "old", "new", "--json")
    assert done.code == 4
    assert json.loads(done.out)["checks"][0]["reason"] == "the metric has no paired difference"
