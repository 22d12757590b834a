"""What is printed beside a value is on the same rows, the same unit and the same truth, in results of real runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.data import EMOTIONS
from helpers.plugins import Install
from helpers.results import lines

Make = Callable[..., Path]
Entry = dict[str, Any]
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
TASK = """
name = "mine"
role = "generator"
stage = "coarse"
prompt_set = "prompts.csv"
asks = ["coarse_emotion", "fine_intensity"]
[[metrics]]
name = "fidelity"
asks = "coarse_emotion"
primary = true
[[metrics]]
name = "valence_gap"
asks = "coarse_emotion"
[[metrics]]
name = "mean_rating"
asks = "fine_intensity"
[group]
by = ["emotion"]
"""
OWN = """
def judge(self, batch):
    for r in batch:
        yield JudgeReply(r.id, text=r.question.options[(int(r.id[:6], 16) + STEP) % len(r.question.options)])
"""


def beside(entry: Entry) -> Iterator[tuple[str, Entry, Entry]]:
    """Each pair of a value and what stands beside it: what it is, the value, the other."""
    values = {m["name"]: m for m in entry["metrics"] if not m["group"]}
    for baseline in entry["baselines"]:
        yield f"baseline {baseline['name']} of {baseline['metric']}", values[baseline["metric"]], baseline
    for test in entry["tests"]:
        if test["name"] in values:
            yield f"test {test['name']}", values[test["name"]], test


def check(entry: Entry) -> list[str]:
    """Asserts that all pairs agree in rows and clusters, and baselines in truth; returns what the pairs are."""
    names = []
    for what, value, other in beside(entry):
        assert (other["n"], other["clusters"]) == (value["n"], value["clusters"]), what
        names.append(what)
    for test in entry["tests"]:
        metric, by, column = test["name"].partition(" by ")
        if by:
            groups = [m["n"] for m in entry["metrics"] if m["name"] == metric and [*m["group"]] == [column]]
            assert test["n"] == sum(groups), "a test of groups has the rows of the groups"
            names.append(f"test {test['name']}")
    values = {m["name"]: m for m in entry["metrics"] if not m["group"]}
    for name, value in values.items():
        if name.endswith("_bound"):
            left_out = value["n"] - values[name.removesuffix("_bound")]["n"]
            assert left_out > 0, "a bound has the rows of the value and those without a parsed reply"
    if entry["confusion"]:
        true = [sum(row) for row in entry["confusion"]["matrix"]]
        main = next(m for m in entry["metrics"] if m["primary"])
        assert sum(true) == main["n"]
        for baseline in entry["baselines"]:
            if (baseline["name"], baseline["metric"]) in (("majority", "accuracy"), ("majority", "fidelity")):
                assert baseline["value"] == pytest.approx(max(true) / sum(true)), "the same truth"
    for column in {key for m in entry["metrics"] for key in m["group"] if len(m["group"]) == 1}:
        for group in {m["group"][column] for m in entry["metrics"] if column in m["group"]}:
            rows = {
                m["n"] for m in entry["metrics"] if m["group"] == {column: group} and m["value"] is not None
            }
            assert len(rows) <= 1, f"{column}={group}: one row of the table, one n"
    return names


def test_values_of_a_judge_that_refuses(harness: InProcess, make_data: Make, tmp_path: Path) -> None:
    data = make_data(120)
    replies = [
        {"id": f"s{i:05}", "text": "I cannot tell." if i % 10 < 3 else LEVELS[(i // 6 + (i % 7 == 0)) % 5]}
        for i in range(120)
    ]
    (tmp_path / "replies.jsonl").write_text("\n".join(map(json.dumps, replies)))
    run = ("run", "--task", "fine_intensity", "--data", data, "--model", "echo", "--json", "--out", "run")
    entry = harness(*run, "-o", f"replies={tmp_path / 'replies.jsonl'}").ok().task
    names = check(entry)
    for metric in ("srcc", "mae", "mae_bound"):
        assert f"baseline emotion-mean of {metric}" in names
    for metric in ("srcc", "srcc_within_emotion", "krcc", "plcc"):
        assert {f"baseline chance of {metric}", f"baseline chance of {metric}_bound"} <= {*names}
    values = {m["name"]: m for m in entry["metrics"] if not m["group"]}
    assert (values["mae"]["n"], values["mae_bound"]["n"], values["mae"]["clusters"]) == (68, 100, 12)
    truth = {s["id"]: s["intensity"] for s in lines(Path("run/samples.jsonl"))}
    rated = [truth[r["id"]] for r in replies if r["text"] in LEVELS and truth.get(r["id"]) is not None]
    mean = sum(rated) / len(rated)
    [constant] = [b for b in entry["baselines"] if (b["name"], b["metric"]) == ("constant", "mae")]
    assert constant["value"] == pytest.approx(sum(abs(t - mean) for t in rated) / len(rated)), (
        "the same truth"
    )
    assert constant["fitted"] == "in-sample"
    shown = harness("show", "run", "--full").ok().out
    assert "32 of 100 rows (32%) have no parsed reply" in " ".join(shown.split())
    assert "srcc_bound" in shown
    assert "in-sample" in shown


@pytest.mark.parametrize("task", ["coarse_emotion", "nuance_confusable", "nuance_pairs", "fine_intensity"])
def test_values_of_judges(harness: InProcess, make_data: Make, task: str) -> None:
    data = make_data(120)
    for judge in (["echo", "-o", "accuracy=0.7"], ["fer"])[: 1 if task == "nuance_pairs" else 2]:
        entry = harness("run", "--task", task, "--data", data, "--model", *judge, "--json").ok().task
        assert len(check(entry)) >= 2


@pytest.mark.parametrize("judges", [2, 3])
def test_values_of_generators(harness: InProcess, install: Install, tmp_path: Path, judges: int) -> None:
    prompts = [f"{e}-{i},{i},{e},a {e} person {i}" for e in EMOTIONS for i in range(12)]
    (tmp_path / "prompts.csv").write_text("\n".join(["prompt_id,pair_id,emotion,prompt", *prompts]))
    (tmp_path / "mine.toml").write_text(TASK)
    asked = ["--judge", "fer"]
    for name, step in (("one", "0"), ("two", "1"))[: judges - 1]:
        install(name, plugins.judge(name, OWN.replace("STEP", step)))
        asked += ["--judge", name]
    task = tmp_path / "mine.toml"
    run = harness("run", "--task", task, "--model", "echo", *asked, "-o", "size=64", "--json").ok()
    entries = run.results["tasks"]
    *alone, panel = entries
    assert [entry["judge"] for entry in entries][-1] == "panel"
    for entry in alone:
        assert "baseline majority of fidelity" in check(entry)
        assert sum(outcome for outcome in entry["outcomes"].values()) == 72
    names = [m["name"] for m in panel["metrics"] if not m["group"]]
    agreed = {(a["question"], a["name"]): a for a in panel["agreement"]}
    assert agreed["coarse_emotion", "alpha"]["n"] == 72
    if judges == 2:
        assert names == ["mean_rating"]
        assert (panel["confusion"], panel["tests"], panel["baselines"]) == (None, [], [])
        assert panel["unparsed"] == 0, "a disagreement is no unparsed reply"
        assert panel["warnings"][0].startswith("two judges have no majority")
    else:
        assert names[0] == "fidelity"
        assert "baseline majority of fidelity" in check(panel)
        assert not any("no majority" in warning for warning in panel["warnings"])
