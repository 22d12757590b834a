"""`harness compare`: paired differences, refusals that name what differs, samples, formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data, releases
from helpers.command import InProcess

import harness as public

Make = Callable[..., Path]
N = 120


@pytest.fixture
def two(harness: InProcess, make_data: Make) -> None:
    """Runs `old`, all right, and `new`, with 12 newly wrong samples; the reply to one cannot be parsed."""
    make_data(N)
    releases.run(harness, "old", releases.said(N, {0: releases.other(0)}))
    wrong = {i: releases.other(i) for i in range(20, 31)} | {31: "no idea"}
    releases.run(harness, "new", releases.said(N, wrong))


def compared(harness: InProcess, *arguments: object) -> dict:
    return json.loads(harness("compare", *arguments, "--json").ok().out)


def row(document: dict, kind: str = "metric", **group: str) -> dict:
    return next(r for r in document["rows"] if r["kind"] == kind and r["group"] == group)


@pytest.mark.usefixtures("two")
def test_differences_are_paired_and_counted(harness: InProcess) -> None:
    found = compared(harness, "old", "new")
    main = row(found)
    assert (main["task"], main["metric"], main["n"], main["clusters"]) == (
        "coarse_emotion",
        "accuracy",
        N,
        12,
    )
    assert main["values"] == pytest.approx([119 / N, 108 / N])
    [difference] = main["differences"]
    assert difference["value"] == pytest.approx(-11 / N)
    assert (difference["newly_wrong"], difference["newly_right"]) == (12, 1)
    assert difference["low"] < difference["value"] < difference["high"]
    assert difference["p"] <= difference["p_adjusted"] <= 1
    assert difference["detectable"] > 0
    unparsed = row(found, "unparsed")
    assert unparsed["values"] == pytest.approx([0, 1 / N])
    assert (unparsed["differences"][0]["newly_wrong"], unparsed["direction"]) == (1, "lower")
    assert row(found, "failed")["differences"] == [None], "nothing failed: there is nothing to test"


@pytest.mark.usefixtures("two")
def test_groups_and_samples(harness: InProcess) -> None:
    found = compared(harness, "old", "new", "--group-by", "emotion", "--samples")
    groups = [r for r in found["rows"] if r["group"]]
    assert [r["group"]["emotion"] for r in groups] == list(data.EMOTIONS)
    assert sum(r["n"] for r in groups) == N
    changes = found["samples"]
    assert [c["change"] for c in changes] == ["newly wrong"] * 12 + ["newly right"]
    assert {c["sample"] for c in changes[:12]} == {f"s{i:05}" for i in range(20, 32)}
    unparsed = next(c for c in changes if c["sample"] == "s00031")
    assert unparsed["after"].startswith("(")
    assert unparsed["truth"] == unparsed["before"]
    tests = [d["p"] for r in found["rows"] for d in r["differences"] if d]
    assert len(tests) == 8, "one for all, six for groups, one for unparsed replies"
    smallest = min(d["p_adjusted"] for r in found["rows"] for d in r["differences"] if d)
    assert smallest == pytest.approx(min(1, 8 * min(tests)))


@pytest.mark.usefixtures("two")
def test_several_runs_and_all_formats(harness: InProcess) -> None:
    releases.run(harness, "third", releases.said(N))
    found = compared(harness, "old", "new", "third")
    assert len(row(found)["values"]) == 3
    assert row(found)["differences"][1]["newly_right"] == 1
    for form in ("table", "markdown", "csv", "latex"):
        out = harness("compare", "old", "new", "third", "--format", form).ok().out
        assert "coarse" in out
        assert "0.9" in out
    rows = list(csv.DictReader(io.StringIO(harness("compare", "old", "new", "--format", "csv").ok().out)))
    assert {r["metric"] for r in rows} >= {"accuracy"}


@pytest.mark.usefixtures("two")
def test_python(harness: InProcess) -> None:
    found = public.compare(["old", Path("new")])
    assert isinstance(found, public.Comparison)
    assert found.rows[0].values == pytest.approx([119 / N, 108 / N])
    with pytest.raises(public.RequestError, match="two runs"):
        public.compare(["old"])


def test_each_cause_that_runs_are_not_comparable_is_named(harness: InProcess, make_data: Make) -> None:
    make_data(24)
    make_data(24, "others", offset=7)
    answers = releases.said(24)
    releases.run(harness, "old", answers)
    releases.run(harness, "seed", answers, "--seed", "1")
    releases.run(harness, "contents", answers, "--data", "others")
    releases.run(harness, "task", dict.fromkeys(answers, "strong"), task="fine_intensity")
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "oracle").ok()
    portraits = ("run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "--limit", "6")
    harness(*portraits, "--out", "portraits").ok()
    for name, cause in {
        "seed": "the seed is 0 and 1",
        "task": "share no task",
        "portraits": "old tests a judge, portraits tests a generator",
    }.items():
        refused = harness("compare", "old", name)
        assert refused.code == 2
        assert cause in refused.err, name
    task = Path("mine.toml")
    for version, text in (("1", "What is shown?"), ("1", "Which emotion?"), ("2", "Which emotion?")):
        task.write_text(
            f'name = "mine"\nversion = "{version}"\nrole = "judge"\nstage = "coarse"\nmetrics = [{{name = "accuracy", primary = true}}]\n'
            f'[answer]\nkind = "choice"\noptions = {list(data.EMOTIONS)!r}\ntruth = {{field = "emotion"}}\n'
            f'[[prompts]]\nname = "plain"\ntext = "{text} {{options}}"\n'
        )
        releases.run(harness, f"mine{version}{text[0:5]}", answers, task="mine.toml")
    worded = harness("compare", "mine1What ", "mine1Which")
    assert worded.code == 2
    assert "the prompt variant of mine on faces is worded differently" in worded.err
    assert "the version of mine is 1 and 2" in harness("compare", "mine1Which", "mine2Which").err
    anyway = harness("compare", "old", "seed", "--anyway", "--json").ok()
    assert "although seed differs from old: the seed is 0 and 1" in json.loads(anyway.out)["warnings"][0]
    assert harness("compare", "old", "oracle").code == 0


def test_samples_that_only_one_run_has_are_said(harness: InProcess, make_data: Make) -> None:
    make_data(48)
    releases.run(harness, "whole", releases.said(48))
    releases.run(harness, "part", releases.said(48), "--limit", "12")
    found = compared(harness, "whole", "part")
    assert row(found)["n"] == 12
    assert any("36 of 48 answers of whole have no counterpart" in warning for warning in found["warnings"])


def test_failed_samples_are_a_row_of_their_own(harness: InProcess, make_data: Make) -> None:
    make_data(60)
    releases.run(harness, "old", releases.said(60))
    few = {key: text for key, text in releases.said(60).items() if int(key[1:]) % 5}
    Path("few.jsonl").write_text("".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in few.items()))
    done = harness(
        "run", "--task", "coarse_emotion", "--model", "echo", "-o", "replies=few.jsonl", "--data", "faces",
        "--out", "few",
    )  # fmt: skip
    assert done.code == 3
    found = compared(harness, "old", "few")
    assert row(found)["values"] == [1.0, 1.0]
    assert row(found)["n"] == 48
    failed = row(found, "failed")
    assert failed["values"] == [0.0, 0.2]
    assert failed["differences"][0]["newly_wrong"] == 12
    assert failed["differences"][0]["p"] < 0.001
    assert "few is incomplete" in found["warnings"]


def test_generators_are_paired_by_prompt(harness: InProcess) -> None:
    for name, size in (("small", 64), ("large", 72)):
        harness(
            "run", "--task", "t2i_emotion", "--model", "echo", "-o", f"size={size}", "--judge", "echo",
            "--judge-option", "accuracy=0.7", "--judge-option", f"seed={0}", "--limit", "36", "--out", name,
        ).ok()  # fmt: skip
    found = compared(harness, "small", "large")
    main = row(found)
    assert (main["judge"], main["metric"], main["n"], main["clusters"]) == ("echo", "fidelity", 36, 6)
    assert main["values"][0] != main["values"][1]
    harness(
        "run", "--task", "t2i_emotion", "--model", "echo", "-o", "size=64", "--judge", "echo",
        "--judge-option", "accuracy=0.6", "--limit", "36", "--out", "judged",
    ).ok()  # fmt: skip
    refused = harness("compare", "small", "judged")
    assert refused.code == 2
    assert "the option accuracy of the judge echo is 0.7 and 0.6" in refused.err


def test_ratings_and_wrong_requests(harness: InProcess, make_data: Make) -> None:
    make_data(60)
    harness("run", "--task", "fine_intensity", "--model", "echo", "--data", "faces", "--out", "right").ok()
    noisy = ("-o", "accuracy=0.4")
    harness(
        "run", "--task", "fine_intensity", "--model", "echo", *noisy, "--data", "faces", "--out", "noisy"
    ).ok()
    main = row(compared(harness, "right", "noisy"))
    assert main["metric"] == "srcc"
    assert main["differences"][0]["low"] < main["differences"][0]["value"] < 0
    assert main["differences"][0]["newly_wrong"] is None
    assert (
        "nothing" in harness("compare", "right", "missing").err
        or harness("compare", "right", "missing").code == 2
    )
    assert harness("compare", "right").code == 2
    unknown = harness("compare", "right", "noisy", "--group-by", "emotoin")
    assert unknown.code == 2
    assert "Did you mean 'emotion'?" in unknown.err


def test_a_sample_of_another_person_in_one_run_has_no_counterpart(harness: InProcess, faces: Path) -> None:
    """Clusters are resampled together, so that they must be the same in both runs."""
    judge = ["run", "--task", "coarse_emotion", "--model", "echo", "-o", "accuracy=0.7", "--data", "faces"]
    harness(*judge, "--out", "one").ok()
    harness(*judge, "--out", "two").ok()
    path = Path("two/samples.jsonl")
    text = path.read_text()
    assert '"subject":"person0"' in text
    path.write_text(text.replace('"subject":"person0"', '"subject":"somebody"', 1))
    done = harness("compare", "one", "two").ok()
    assert "1 of 12 answers of one have no counterpart" in done.out + done.err


def test_runs_without_any_answer_are_said_to_share_no_sample(make_data: Make, tmp_path: Path) -> None:
    faces = make_data(6)
    for name in ("a", "b"):
        public.evaluate("coarse_emotion", "echo", data=faces, out=tmp_path / name, options={"fail_every": 1})
    with pytest.raises(public.RequestError) as raised:
        public.compare([tmp_path / "a", tmp_path / "b"])
    assert raised.value.message == "The runs share no sample."
