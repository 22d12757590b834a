"""Run folders, options and names of earlier versions still work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.results import lines

import harness as public
from harness.deprecations import HarnessDeprecationWarning
from harness.store.replies import image_replies, judge_replies

Make = Callable[..., Path]
JUDGE_RUN = [
    "run",
    "--task",
    "coarse_emotion",
    "--model",
    "echo",
    "--data",
    "faces",
    "--out",
    "run",
    "--json",
]
GENERATOR_RUN = ["run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "-o", "size=64",
                 "--limit", "12", "--out", "run", "--json"]  # fmt: skip
ADDED_TO_TASKS = ("agreement", "people", "calibrated", "faces", "drawing", "usage", "timings", "unparsed_reasons",
                  "tests", "confusion", "wording", "wordings", "judge")  # fmt: skip
"""Keys of a task's entry that earlier versions did not write, or only for some tasks."""


def without_roles(folder: str = "run") -> int:
    """Remove `role` from every reply, as earlier versions stored them; returns how many had one."""
    path = Path(folder, "replies.jsonl")
    replies = lines(path)
    path.write_text("".join(json.dumps({k: v for k, v in r.items() if k != "role"}) + "\n" for r in replies))
    return sum("role" in r for r in replies)


def test_replies_have_a_role(harness: InProcess) -> None:
    harness(*GENERATOR_RUN).ok()
    roles = [r["role"] for r in lines(Path("run/replies.jsonl"))]
    assert roles == ["generator"] * 12 + ["judge"] * 12
    assert [r["role"] for r in judge_replies(Path("run"))] == ["judge"] * 12
    assert [r["role"] for r in image_replies(Path("run"))] == ["generator"] * 12


def test_the_role_decides_and_not_what_a_reply_contains(tmp_path: Path) -> None:
    replies = [
        {"id": "1", "role": "judge", "outcome": "ok", "text": '"outcome"'},
        {"id": "2", "role": "generator", "outcome": "ok"},
        {"id": "3", "role": "judge", "extra": {"outcome": "ok"}},
    ]
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in replies))
    assert [r["id"] for r in judge_replies(tmp_path)] == ["1", "3"]
    assert [r["id"] for r in image_replies(tmp_path)] == ["2"]


def test_replies_without_a_role_are_distinguished(tmp_path: Path) -> None:
    replies = [
        {"id": "1", "text": 'the "outcome"', "extra": {"outcome": "ok"}},
        {"id": "2", "outcome": "ok"},
        {"id": "3", "outcome": "blocked"},
        {"id": "4", "scores": {"outcome": 0.5}},
    ]
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in replies))
    assert [r["id"] for r in judge_replies(tmp_path)] == ["1", "4"]
    assert [r["id"] for r in image_replies(tmp_path)] == ["2", "3"]


@pytest.mark.parametrize("run", [JUDGE_RUN, GENERATOR_RUN], ids=["judge", "generator"])
def test_folders_without_roles_are_scored_shown_and_resumed(
    run: list[str], harness: InProcess, faces: Path
) -> None:
    whole = harness(*run).ok().results
    samples = harness("show", "run", "--samples").ok().out
    assert without_roles() == (24 if run is GENERATOR_RUN else 12)
    assert harness("score", "run", "--json").ok().results == whole
    assert harness("show", "run", "--samples").ok().out == samples
    again = harness(*run).ok()
    assert again.results == whole
    assert again.err.count("12 already stored") == (2 if run is GENERATOR_RUN else 1)
    assert without_roles() == 0, "nothing was requested again"


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
@pytest.mark.parametrize("run", [JUDGE_RUN, GENERATOR_RUN], ids=["judge", "generator"])
def test_results_of_earlier_versions_are_shown(
    run: list[str], form: str, harness: InProcess, faces: Path
) -> None:
    harness(*run).ok()
    path = Path("run/results.json")
    document = json.loads(path.read_text())
    for key in ("transfer",):
        document.pop(key)
    document["run"].pop("notes")
    for entry in document["tasks"]:
        for key in ADDED_TO_TASKS:
            entry.pop(key, None)
    path.write_text(json.dumps(document))
    out = harness("show", "run", "--format", form).ok().out
    assert document["tasks"][0]["metrics"][0]["name"] in out
    if form == "json":
        shown = json.loads(out)
        assert (shown["transfer"], shown["run"]["notes"], shown["tasks"][0]["people"]) == ([], [], None)


def test_results_of_later_versions_are_shown(harness: InProcess, faces: Path) -> None:
    harness(*JUDGE_RUN).ok()
    path = Path("run/results.json")
    document = json.loads(path.read_text())
    document["tasks"][0]["metrics"][0]["later"] = document["later"] = 1
    path.write_text(json.dumps(document))
    assert "accuracy" in harness("show", "run").ok().out


def test_results_that_lack_a_required_key_are_damaged(harness: InProcess, faces: Path) -> None:
    harness(*JUDGE_RUN).ok()
    path = Path("run/results.json")
    document = json.loads(path.read_text())
    del document["tasks"][0]["metrics"]
    path.write_text(json.dumps(document))
    harness("show", "run").fails(2, "results.json is damaged", "harness score run")


def test_wordings_is_an_alias_of_prompt_variants(harness: InProcess, faces: Path) -> None:
    one, other = (
        harness(*JUDGE_RUN[:-3], option, "all", "--out", option.strip("-"), "--json").ok().results
        for option in ("--prompt-variants", "--wordings")
    )
    assert [t["wording"] for t in other["tasks"]] == ["plain", "look"]
    assert {**one, "run": None} == {**other, "run": None}
    help_text = harness("run", "--help").ok().out
    assert "--prompt-variants" in help_text


def test_wordings_of_evaluate(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(HarnessDeprecationWarning, match="use evaluate.prompt_variants=") as warned:
        result = public.evaluate("coarse_emotion", "echo", data=faces, wordings=["plain", "look"])
    assert warned[0].filename == __file__
    assert [t.prompt_variant for t in result.tasks] == ["plain", "look"]
    assert public.evaluate("coarse_emotion", "echo", data=faces, prompt_variants="all").path == result.path
    [alone] = public.evaluate("coarse_emotion", "echo", data=faces, prompt_variants="look").tasks
    assert [s.value for s in alone.settings if s.name == "wording"] == ["look"]


def test_results_are_read_by_their_names_in_the_document(faces: Path, tmp_path: Path) -> None:
    result = public.evaluate(
        "coarse_emotion", "echo", data=faces, prompt_variants="all", out=tmp_path / "run"
    )
    document = result.results.document()
    assert document == json.loads((tmp_path / "run" / "results.json").read_text())
    for entry, stored in zip(result.results["tasks"], document["tasks"], strict=True):
        assert (entry["read"], entry["wording"]) == (stored["read"], stored["wording"])
        assert entry["data"]["name"] == stored["data"]["name"] == "faces"
        assert entry["metrics"][0]["value"] == stored["metrics"][0]["value"]
    with pytest.raises(KeyError, match="prompt_variant"):
        result.tasks[0]["prompt_variant"]
