"""`harness report`: options, messages, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data, releases
from helpers.command import InProcess, generate_command

from harness.report.payload import unpack

Make = Callable[..., Path]
N = 36


@pytest.fixture
def two(harness: InProcess, make_data: Make) -> None:
    """Runs `old`, all right but one, and `new`, with three newly wrong samples and one reply that cannot be parsed."""
    make_data(N)
    releases.run(harness, "old", releases.said(N, {0: releases.other(0)}))
    releases.run(harness, "new", releases.said(N, {1: releases.other(1), 2: releases.other(2), 3: "no idea"}))


def table(path: Path) -> dict[str, list]:
    """The rows of the gallery of a page."""
    text = path.read_text(encoding="utf-8")
    return unpack(text.split('id="answers">', 1)[1].split("<", 1)[0])[1]["rows"]


@pytest.mark.usefixtures("two")
def test_a_report_is_one_file(harness: InProcess) -> None:
    done = harness("report", "old").ok()
    assert done.out.startswith("report.html: ")
    assert f"{N} answers, {N} of {N} pictures in it" in done.out
    assert [p.name for p in Path().glob("report*")] == ["report.html"]
    assert len(table(Path("report.html"))["task"]) == N


@pytest.mark.usefixtures("two")
def test_pictures_are_embedded_as_asked(harness: InProcess) -> None:
    for option, held in (("none", 0), ("5", 5), ("all", N)):
        out = harness("report", "old", "--embed", option, "--out", "deep/r.html").ok().out
        assert f"{held} of {N} pictures" in out
    assert "--embed 'some' is not a number" in harness("report", "old", "--embed", "some").fails(2).err


@pytest.mark.usefixtures("two")
def test_two_runs_are_compared(harness: InProcess) -> None:
    harness("report", "old", "new", "--out", "two.html").ok()
    text = Path("two.html").read_text(encoding="utf-8")
    compared = json.loads(harness("compare", "old", "new", "--samples", "--json").ok().out)
    [main] = [row for row in compared["rows"] if row["kind"] == "metric"]
    difference = main["differences"][0]
    for value in (
        difference["value"],
        difference["low"],
        difference["high"],
        difference["p_adjusted"],
        *main["values"],
    ):
        assert f'<data value="{value}">' in text
    rows = table(Path("two.html"))
    changes = [(rows["run"][k], change) for k, change in enumerate(rows["change"]) if change]
    assert sorted(changes) == [(1, "newly right"), *[(1, "newly wrong")] * 3]
    assert len(compared["samples"]) == 4
    assert len(set(rows["unit"])) == N, "both runs were asked the same"


@pytest.mark.usefixtures("two")
def test_runs_that_cannot_be_compared_stand_side_by_side(harness: InProcess) -> None:
    releases.run(harness, "other", {f"s{k:05}": "3" for k in range(N)}, task="fine_intensity")
    harness("report", "old", "other").ok()
    assert "These runs are not compared" in Path("report.html").read_text(encoding="utf-8")


def test_portraits_of_two_runs_are_compared_by_prompt(harness: InProcess) -> None:
    run = [
        "run",
        "--task",
        "t2i_emotion",
        "--judge",
        "echo",
        "--judge-option",
        "accuracy=0.6",
        "--limit",
        "24",
    ]
    for name, size in (("a", 64), ("b", 48)):
        harness(*run, "--model", "echo", "-o", f"size={size}", "--out", name).ok()
    harness("report", "a", "b").ok()
    compared = json.loads(harness("compare", "a", "b", "--samples", "--json").ok().out)
    rows = table(Path("report.html"))
    assert sum(1 for change in rows["change"] if change) == len(compared["samples"]) > 0
    both = [
        unit
        for unit, question in zip(rows["unit"], rows["question"], strict=True)
        if question == "coarse_emotion"
    ]
    assert len(both) == 2 * len(set(both)) == 48, "the k-th portrait of a prompt stands beside the k-th"


def test_failed_and_unparsed_questions_are_counted_by_reason(harness: InProcess, make_data: Make) -> None:
    make_data(N)
    run = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run"]
    harness(*run, "-o", "fail_every=6", "-o", "text=no idea").fails(3)
    harness("report", "run").ok()
    text = Path("report.html").read_text(encoding="utf-8")
    results = json.loads(Path("run/results.json").read_bytes())
    [task] = results["tasks"]
    assert task["failed"] > 0
    assert task["unparsed"] > 0
    assert "Failed questions by reason" in text
    rows = table(Path("report.html"))
    assert rows["state"].count("failed") == task["failed"]
    assert rows["state"].count("unparsed") == task["unparsed"]
    assert "incomplete: some questions have no answer" in text


def test_what_cannot_be_reported_says_why(harness: InProcess, make_data: Make) -> None:
    make_data(6)
    assert "A report needs a run" in harness("report").fails(2).err
    assert "There is no run 'nope'" in harness("report", "nope").fails(2).err
    harness(*generate_command(6), "portraits").ok()
    assert "holds portraits but no answers" in harness("report", "portraits").fails(2).err
    releases.run(harness, "run", releases.said(6))
    assert "is a folder" in harness("report", "run", "--out", "run").fails(2).err
    before = Path("run/run.json").read_bytes()
    harness("report", "run", "--out", "run/run.json").fails(2, "a file of the run itself", "run/report.html")
    assert Path("run/run.json").read_bytes() == before
    harness("report", "run", "--out", "page.pdf").fails(2, "not named as a page", "page.html")
    Path("run/results.json").unlink()
    assert "harness score run" in harness("report", "run").fails(2).err
    assert not Path("report.html").exists()


def test_the_data_may_be_gone(harness: InProcess, make_data: Make) -> None:
    folder = make_data(12)
    releases.run(harness, "run", releases.said(12))
    folder.rename("moved")
    assert "0 of 12 pictures" in harness("report", "run").ok().out
    data.make(Path("faces"), 3)
    assert "3 of 12 pictures" in harness("report", "run").ok().out
