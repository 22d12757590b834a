"""One question in several prompt variants or repeatedly, and one picture in several data sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess
from helpers.people import make_people
from helpers.plugins import Install
from helpers.results import replies
from PIL import Image

Make = Callable[..., Path]
ECHO = ("--model", "echo")
FIXED = """
reads_prompt = False

def judge(self, batch):
    for r in batch:
        yield JudgeReply(r.id, text=r.question.options[0])
"""


def test_a_judge_that_reads_no_prompt_is_asked_in_one_variant(
    harness: InProcess, install: Install, make_data: Make
) -> None:
    make_data(12)
    install("blind", plugins.judge("blind", FIXED))
    run = ("run", "--task", "coarse_emotion,fine_intensity", "--model", "blind", "--data", "faces")
    done = harness(*run, "--prompt-variants", "all", "--out", "all").ok()
    results = json.loads(Path("all/results.json").read_text())
    assert [(t["wording"], t["wordings"]) for t in results["tasks"]] == [(None, None)] * 2
    assert {(r["task"], r["wording"]) for r in replies("all").values()} == {
        ("coarse_emotion", "plain"),
        ("fine_intensity", "unnamed"),
    }
    [note] = results["run"]["notes"]
    assert note.startswith(
        "prompt variants are omitted: look of coarse_emotion; named of fine_intensity: blind"
    )
    assert "blind does not read the prompt" in " ".join(done.out.split())
    harness(*run[:2], "coarse_emotion", *run[3:], "--prompt-variants", "look", "--out", "look").ok()
    assert {r["wording"] for r in replies("look").values()} == {"look"}
    assert json.loads(Path("look/results.json").read_text())["run"]["notes"] == []


UNSTEADY = """
def judge(self, batch):
    for r in batch:
        self.seen = getattr(self, "seen", 0) + 1
        unsure = int(r.sample_id[-2:], 16) % 7 < 3
        yield JudgeReply(r.id, text=r.question.options[self.seen % 2] if unsure else r.question.options[0])
"""


def test_repeats_have_their_stability(harness: InProcess, install: Install, make_data: Make) -> None:
    make_data(30)
    install("unsteady", plugins.judge("unsteady", UNSTEADY))
    run = ("run", "--task", "coarse_emotion,fine_intensity", "--model", "unsteady", "--data", "faces")
    out = harness(*run, "--repeats", "2", "--out", "run", "--full").ok().out
    answers: dict[tuple[str, str], list[str]] = {}
    for reply in replies("run").values():
        answers.setdefault((reply["task"], reply["sample_id"]), []).append(reply["text"])
    for entry in json.loads(Path("run/results.json").read_text())["tasks"]:
        found = entry["stability"]
        mine = [texts for (task, _), texts in answers.items() if task == entry["task"]]
        flips = sum(len({*texts}) > 1 for texts in mine) / len(mine)
        assert 0 < flips < 1
        assert found["flips"]["value"] == pytest.approx(flips)
        assert (found["repeats"], found["n"]) == (2, len(mine))
        measure = found["agreement"] or found["difference"]
        assert measure["value"] == pytest.approx(1 - flips if found["agreement"] else flips)
        assert measure["low"] < measure["value"] < measure["high"]
        assert (found["agreement"] is None) == (entry["task"] == "fine_intensity")
    assert "agreement of 2 repeats" in out
    assert "samples that flip" in out
    once = harness(*run, "--out", "once", "--json").ok().results
    assert [t["stability"] for t in once["tasks"]] == [None, None]


def test_pictures_that_data_sets_share_are_flagged(harness: InProcess, tmp_path: Path) -> None:
    first, second = make_people(tmp_path / "first"), make_people(tmp_path / "second")
    for number, path in enumerate(sorted(second.rglob("*.png"))[6:]):
        Image.new("RGB", (16, 16), (number, 2 * number, 255)).save(path)
    run = (
        "run",
        "--task",
        "coarse_emotion,nuance_pairs",
        *ECHO,
        "--data",
        f"{first},{second}",
        "--out",
        "run",
    )
    out = " ".join(harness(*run).ok().out.split())
    results = json.loads(Path("run/results.json").read_text())
    assert [moved["task"] for moved in results["transfer"]] == ["coarse_emotion", "nuance_pairs"]
    for moved in results["transfer"]:
        assert moved["sets"][0]["shared"] is None
        assert 0 < moved["sets"][1]["shared"] <= 6
        [warning] = moved["warnings"]
        assert warning.startswith(f"{moved['sets'][1]['shared']} of ")
        assert "pictures of second are in first too" in warning
    assert results["transfer"][0]["sets"][1]["shared"] == 6
    assert "transfer of coarse_emotion: 6 of " in out
