"""A judge that was trained on pictures of the same origin as those it is asked about carries a mark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import data, plugins
from helpers.command import InProcess
from helpers.plugins import Install

BODY = '''
class Options(HarnessOptions):
    """With a model reference."""

    ref: str = option("x", "The model.")

def identity(self):
    return {"model": "1"}

def judge(self, batch):
    return [JudgeReply(r.id, text="happy") for r in batch]
'''


def taught(trained_on: str) -> str:
    """A judge, and a preset of it that was trained on what is named."""
    source = plugins.judge("plain", BODY)
    before, after = source.rsplit("    return [", 1)
    return f'{before}    return [Component("taught", lambda: Mine, "", {{"ref": "y"}}{trained_on}), {after}'


def warnings(task: dict[str, list[str]]) -> list[str]:
    return [line for line in task["warnings"] if "was trained on" in line]


@pytest.mark.parametrize("model", ["taught", "plain:taught"])
def test_the_mark_follows_the_data_set_and_leaves_the_identity_alone(
    harness: InProcess, install: Install, faces: Path, model: str
) -> None:
    install("teach", taught(', trained_on=("drawings", "faces")'))
    run = ["run", "--task", "coarse_emotion", "--model", model, "--data", "faces", "--json"]
    done = harness(*run, "--out", "marked").ok()
    assert warnings(done.task) == [
        f"{model} was trained on pictures of faces, as these are: the results do not show how it does on other pictures"
    ]
    document = json.loads(Path("marked/run.json").read_text())
    assert "drawings" not in json.dumps(document["request"]), "the request is what identifies a run"
    assert document["trained_on"] == {model: ["drawings", "faces"]}
    assert warnings(harness("score", "marked", "--json").ok().task) == warnings(done.task)
    del document["trained_on"]  # A run folder of an earlier version.
    Path("marked/run.json").write_text(json.dumps(document))
    assert warnings(harness("score", "marked", "--json").ok().task) == []


def test_the_mark_follows_the_generator_of_the_pictures(
    harness: InProcess, install: Install, tmp_path: Path
) -> None:
    install("teach", taught(', trained_on=("echo",)'))
    made = harness(
        "run", "--task", "t2i_emotion", "--model", "echo", "--judge", "taught", "--judge", "plain",
        "--limit", "12", "--json",
    ).ok()  # fmt: skip
    by_judge = {task["judge"]: warnings(task) for task in made.results["tasks"]}
    assert by_judge["plain"] == []
    assert len(by_judge["taught"]) == len(by_judge["panel"]) == 1
    rows = [data.row(i) | {"generator": "echo"} for i in range(6)]
    for number, row in enumerate(rows):
        data.picture(tmp_path / "mine" / row["image"], number)
    data.manifest(tmp_path / "mine", rows)
    asked = harness(
        "run", "--task", "coarse_emotion", "--model", "taught", "--data", tmp_path / "mine", "--json"
    )
    assert len(warnings(asked.ok().task)) == 1
