"""The ladder from coarse to nuance: prompt variants, suites, neighbours, several data sets."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.people import PEOPLE
from helpers.plugins import Install
from helpers.results import lines, replies, value

import harness as public

Make = Callable[..., Path]
ECHO = ("--model", "echo")
LADDER = ["coarse_polarity", "coarse_emotion", "fine_intensity", "nuance_confusable", "nuance_pairs"]


@pytest.mark.usefixtures("people")
def test_the_whole_ladder(harness: InProcess) -> None:
    results = (
        harness("run", "--task", "memo-bench", *ECHO, "--data", "people", "--json", "--out", "run")
        .ok()
        .results
    )
    assert [t["task"] for t in results["tasks"]] == [*LADDER[:3], "fine_quality", *LADDER[3:]]
    assert [t["stage"] for t in results["tasks"]] == ["coarse", "coarse", "fine", "fine", "nuance", "nuance"]
    assert results["run"]["notes"] == []
    for entry in results["tasks"]:
        main = next(m for m in entry["metrics"] if m["primary"])
        assert main["value"] == pytest.approx(1.0), entry["task"]
        assert any(s["source"] == "assumed" for s in entry["settings"])
    shown = harness("show", "run").ok().out
    lines = {
        line.removeprefix(f"{t['stage']} ").split()[0]
        for line in shown.splitlines()
        for t in results["tasks"]
        if line
    }
    assert {t["task"] for t in results["tasks"]} <= lines
    assert "assumed settings" in harness("show", "run", "--full").ok().out


@pytest.mark.usefixtures("people")
def test_quality_on_a_different_scale_gives_correlations_and_a_warning(harness: InProcess) -> None:
    entry = (
        harness("run", "--task", "fine_quality", *ECHO, "-o", "text=fair", "--data", "people", "--json")
        .ok()
        .task
    )
    assert any("outside the scale 1 to 5" in w for w in entry["warnings"])
    assert next(m for m in entry["metrics"] if m["primary"])["value"] is None


def test_quality_is_rated(harness: InProcess, people: Path, tmp_path: Path) -> None:
    levels = ["bad", "poor", "fair", "good", "excellent"]
    rows = [f'{{"id": "s{n:02}", "text": "{levels[n * 37 % 101 * 5 // 101]}"}}\n' for n in range(PEOPLE * 11)]
    (tmp_path / "replies.jsonl").write_text("".join(rows))
    entry = (
        harness(
            "run", "--task", "fine_quality", *ECHO, "-o", "replies=replies.jsonl", "--data", people, "--json"
        )
        .ok()
        .task
    )
    assert value(entry, "srcc") > 0.95
    assert value(entry, "plcc") > 0.95
    assert value(entry, "distinct_values") == 5


def test_a_suite_omits_what_data_or_judge_lack(harness: InProcess, install: Install, faces: Path) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            "def judge(self, batch):\n    for r in batch:\n        yield JudgeReply(r.id, text='first')",
        ),
    )
    done = harness("run", "--task", "memo-bench", "--model", "mine", "--data", faces, "--json").ok()
    assert [t["task"] for t in done.results["tasks"]] == LADDER[:4]
    notes = done.results["run"]["notes"]
    assert [n.partition(" is omitted from memo-bench: ")[0] for n in notes] == [
        "nuance_pairs",
        "fine_quality",
    ]
    assert "takes one" in notes[0]
    assert "quality" in notes[1]
    assert all(note in done.err for note in notes)
    harness("run", "--task", "nuance_pairs", "--model", "mine", "--data", faces).refuses(
        2, "mine", "two pictures"
    )
    harness("run", "--task", "fine_quality", "--model", "mine", "--data", faces).refuses(2, "quality")
    harness("run", "--task", "memo-bench,nuance_pairs", "--model", "mine", "--data", faces).refuses(
        2, "two pictures"
    )


def test_a_suite_without_any_task_left_is_refused(harness: InProcess, faces: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('kind = "suite"\nname = "mine"\ntasks = ["fine_quality"]\n')
    run = ("run", "--task", "./mine.toml", *ECHO, "--data", faces)
    assert harness(*run).refuses(2, "quality")
    assert harness(*run, "--read", "rating").refuses(2, "fine_quality")


BY_PROMPT = """
def judge(self, batch):
    for r in batch:
        text = " ".join(p.text for m in r.messages for p in m.parts)
        first = text.startswith("Look at the person in the picture")
        yield JudgeReply(r.id, text="happy" if first else "sad")
"""


def test_the_spread_over_prompt_variants(harness: InProcess, install: Install, make_data: Make) -> None:
    make_data(30)
    install("mine", plugins.judge("mine", BY_PROMPT))
    run = ("run", "--task", "coarse_emotion", "--model", "mine", "--data", "faces")
    results = harness(*run, "--prompt-variants", "all", "--out", "all", "--json").ok().results
    assert [t["wording"] for t in results["tasks"]] == ["plain", "look"]
    values = [value(t, "accuracy") for t in results["tasks"]]
    [difference] = results["tasks"][0]["wordings"].pop("differences")
    assert results["tasks"][1]["wordings"].pop("differences") == [difference]
    assert difference["name"] == "look - plain"
    assert difference["value"] == pytest.approx(values[1] - values[0])
    assert difference["low"] <= difference["value"] <= difference["high"]
    assert (difference["n"], difference["clusters"]) == (30, 5)
    assert difference["p"] <= difference["p_adjusted"] <= 1
    assert "difference of" in harness("show", "all", "--full").ok().out
    spread = {"metric": "accuracy", "values": dict(zip(["plain", "look"], values, strict=True)), "min": min(values),
              "max": max(values), "sd": pytest.approx(statistics.stdev(values))}  # fmt: skip
    assert [t["wordings"] for t in results["tasks"]] == [spread, spread]
    for entry in results["tasks"]:
        assert [s["value"] for s in entry["settings"] if s["name"] == "wording"] == [entry["wording"]]
    assert sorted(Counter(r["wording"] for r in replies("all").values()).items()) == [
        ("look", 30),
        ("plain", 30),
    ]
    one = harness(*run, "--prompt-variants", "look", "--out", "one", "--json").ok().task
    assert (one["wording"], one.get("wordings")) == (None, None)
    assert [s["value"] for s in one["settings"] if s["name"] == "wording"] == ["look"]
    assert set(replies("one")) < set(replies("all")), "the same question has the same id"
    assert harness(*run, "--out", "one").fails(2, "a different request")


@pytest.mark.usefixtures("faces")
def test_prompt_variants_apply_to_each_task(harness: InProcess) -> None:
    run = ("run", "--task", "coarse_emotion,fine_intensity", *ECHO, "--data", "faces")
    names = {"all": 4, "default": 2, "plain,named": 2, "default,named": 3}
    for variants, entries in names.items():
        results = (
            harness(*run, "--prompt-variants", variants, "--json", "--out", variants.replace(",", "_"))
            .ok()
            .results
        )
        assert len(results["tasks"]) == entries
        for entry in results["tasks"]:
            assert not any("not asked" in w and entry["task"] == "coarse_emotion" for w in entry["warnings"])
    assert len({p.name for p in Path("runs").glob("*")}) == 0
    harness(*run, "--prompt-variants", "all").ok()
    harness(*run).ok()
    assert len(list(Path("runs").iterdir())) == 2, "the prompt variants are part of the run's name"
    harness(*run, "--prompt-variants", "named").refuses(2, "coarse_emotion", "plain, look")
    harness(*run, "--prompt-variants", "plane").refuses(2, "plane", "Did you mean 'plain'")
    generate = ("run", "--task", "t2i_emotion", *ECHO, "--judge", "echo")
    harness(*generate, "--prompt-variants", "all").refuses(2, "--prompt-variants")


@pytest.mark.usefixtures("faces")
def test_prompt_variants_from_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = public.evaluate("coarse_emotion", "echo", data="faces", prompt_variants=["plain", "look"])
    assert [t.prompt_variant for t in result.tasks] == ["plain", "look"]
    assert len(public.evaluate("coarse_emotion", "echo", data="faces", prompt_variants="all").tasks) == 2
    with pytest.raises(public.RequestError, match="No prompt variant"):
        public.evaluate("coarse_emotion", "echo", data="faces", prompt_variants=[])


def test_neighbours_are_shown_and_chance_is_one_in_two(
    harness: InProcess, install: Install, make_data: Make
) -> None:
    make_data(120)
    install(
        "mine",
        plugins.judge(
            "mine",
            "def judge(self, batch):\n    for r in batch:\n        yield JudgeReply(r.id, text=r.question.options[0])",
        ),
    )
    run = ("run", "--task", "nuance_confusable", "--data", "faces", "--json", "--out")
    entry = harness(*run, "run", "--model", "mine").ok().task
    near = {
        "worry": {"sad", "angry"},
        "sad": {"worry"},
        "angry": {"worry"},
        "happy": {"surprise"},
        "surprise": {"happy"},
    }
    seen = set()
    for line in lines(Path("run/samples.jsonl")):
        shown = line["shown"]["nuance_confusable"]
        [other] = set(shown) - {line["emotion"]}
        assert len(shown) == 2
        assert other in near[line["emotion"]]
        seen.add((line["emotion"], other))
    assert len(seen) == 6, "each neighbour is shown to some sample"
    assert entry["n"] == 100, "neutral has no neighbour"
    baselines = {b["name"]: b["value"] for b in entry["baselines"]}
    assert baselines == {"chance": 0.5, "majority": pytest.approx(0.5, abs=0.1)}
    assert (entry["version"], entry["baselines"][0]["metric"]) == ("2", "balanced_accuracy")
    assert abs(value(entry, "accuracy") - 0.5) < 0.25
    assert abs(value(entry, "position_bias") - 0.5) < 1e-9
    assert any("not shown to beat" in w for w in entry["warnings"])
    right = harness(*run, "echo", "--model", "echo", "-o", "accuracy=0.9").ok().task
    assert value(right, "accuracy") == pytest.approx(0.9, abs=0.12)
    assert right["unparsed"] == 0


def test_runs_of_the_first_version_are_scored_as_they_were(
    harness: InProcess, make_data: Make, tmp_path: Path
) -> None:
    built_in = harness("show", "nuance_confusable", "--json").ok()
    text = Path(json.loads(built_in.out)[0]["file"]).read_text()
    metrics, groups = text.index("[[metrics]]"), text.index("[group]")
    first = text[:metrics] + '[[metrics]]\nname = "accuracy"\nprimary = true\n' + text[groups:]
    (tmp_path / "first.toml").write_text(first.replace('version = "2"', 'version = "1"'))
    run = ("run", "--task", tmp_path / "first.toml", *ECHO, "--data", make_data(60), "--out", "run", "--json")
    before = harness(*run).ok().task
    [metric] = [m for m in before["metrics"] if m["primary"]]
    assert (before["task"], before["version"], metric["name"]) == ("nuance_confusable", "1", "accuracy")
    assert harness("score", "run", "--json").ok().task == before


def test_drops_between_data_sets(harness: InProcess, make_data: Make) -> None:
    for name, n in (("one", 60), ("two", 90), ("three", 30)):
        make_data(n, name)
    run = (
        "run",
        "--task",
        "coarse_emotion,fine_intensity",
        *ECHO,
        "-o",
        "accuracy=0.6",
        "--data",
        "one,two,three",
        "--json",
    )
    results = harness(*run, "--out", "run").ok().results
    assert [(t["task"], t["metric"]) for t in results["transfer"]] == [
        ("coarse_emotion", "accuracy"),
        ("fine_intensity", "srcc"),
    ]
    for moved in results["transfer"]:
        entries = [t for t in results["tasks"] if t["task"] == moved["task"]]
        first, *others = moved["sets"]
        assert first["drop"] is None
        for part, entry in zip(moved["sets"], entries, strict=True):
            main = next(m for m in entry["metrics"] if m["primary"])
            assert (part["data"], part["value"], part["low"], part["n"]) == (
                entry["data"]["name"],
                main["value"],
                main["low"],
                main["n"],
            )
        for part in others:
            drop = part["drop"]
            assert drop["value"] == pytest.approx(first["value"] - part["value"])
            assert drop["low"] < drop["value"] < drop["high"]
            widths = [p["high"] - p["low"] for p in (first, part)]
            assert max(widths) < drop["high"] - drop["low"] < 1.25 * sum(widths)
    assert harness("score", "run", "--json").ok().results["transfer"] == results["transfer"]
    alone = harness(*run[:7], "--data", "one", "--json").ok().results
    assert alone["transfer"] == []


GENERATED = """
name = "mine"
role = "generator"
stage = "nuance"
prompt_set = "emotion_600"
asks = ["nuance_confusable"]
[[metrics]]
name = "fidelity"
asks = "nuance_confusable"
primary = true
"""


def test_generated_portraits_are_distinguished_from_their_neighbours(
    harness: InProcess, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(GENERATED)
    run = ("run", "--task", "./mine.toml", *ECHO, "--judge", "echo", "-o", "size=64", "--limit", 12, "--json")
    entry = harness(*run).ok().task
    assert value(entry, "fidelity") == 1.0
    assert {b["name"]: b["value"] for b in entry["baselines"]}["chance"] == 0.5
    (tmp_path / "mine.toml").write_text(GENERATED.replace("confusable", "pairs"))
    harness(*run).refuses(2, "nuance_pairs", "each question once")


def test_missing_values_are_null_in_drops(harness: InProcess, make_data: Make, people: Path) -> None:
    make_data(6, "one")
    run = ("run", "--task", "fine_quality", *ECHO, "--data", f"{people},one", "--json")
    [moved] = harness(*run).ok().results["transfer"]
    assert moved["sets"][1]["n"] == 0
    assert moved["sets"][1]["drop"] == {"value": None, "low": None, "high": None}
