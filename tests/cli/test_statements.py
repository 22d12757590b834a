"""Statements about pictures, judged with yes or no."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import data
from helpers.command import InProcess
from helpers.own_columns import metric


@pytest.fixture(autouse=True)
def _felt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight pictures with three statements each, and one without a statement."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for number in range(8):
        data.picture(Path("felt") / f"{number}.png", number)
        for k in range(3):
            # A text is only ever a text, whatever placeholders it contains.
            text = f"People smile at {{emotion}} {number}.{k} {{image}}"
            answer = ("Correct", "incorrect", "TRUE")[k]
            rows.append(
                {"image": f"{number}.png", "id": f"p{number}#{k}", "statement": text, "answer": answer}
            )
    rows.append({"image": "0.png", "id": "none", "statement": "", "answer": "correct"})
    data.manifest(Path("felt"), [{**row, "domain": "evoked"} for row in rows])


def run(harness: InProcess, *more: object) -> dict:
    harness(
        "run", "--task", "evoked_statement", "--model", "echo", "--data", "felt", "--out", "out", *more
    ).ok()
    return dict(json.loads(Path("out/results.json").read_text(encoding="utf-8"))["tasks"][0])


def test_statements_about_one_picture_are_one_cluster(harness: InProcess) -> None:
    found = run(harness, "-o", "accuracy=1")
    assert (found["n"], found["failed"]) == (24, 0), "the sample without a statement is not asked"
    for name in ("accuracy", "balanced_accuracy", "auroc"):
        assert metric(found, name)["value"] == 1
    assert metric(found, "accuracy")["clusters"] == 8
    assert found["confusion"]["matrix"] == [[16, 0, 0], [0, 8, 0]]
    base = {(b["metric"], b["name"]): b["value"] for b in found["baselines"]}
    assert base["accuracy", "majority"] == pytest.approx(2 / 3)


def test_the_prompt_shows_the_statement_as_it_is(harness: InProcess) -> None:
    done = harness("run", "--task", "evoked_statement", "--model", "echo", "--data", "felt", "--dry-run").ok()
    assert "People smile at {emotion} 0.0 {image}" in done.out
    assert done.out.count("<image>") == 1


def test_another_statement_is_another_question(harness: InProcess) -> None:
    run(harness)
    before = Path("out/replies.jsonl").read_text(encoding="utf-8").splitlines()
    path = Path("felt/manifest.csv")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("People smile at {emotion} 3.1", "Nobody smiles"), encoding="utf-8")
    harness("run", "--task", "evoked_statement", "--model", "echo", "--data", "felt", "--out", "new").ok()
    ids = [{json.loads(line)["id"] for line in lines} for lines in (
        before, Path("new/replies.jsonl").read_text(encoding="utf-8").splitlines()
    )]  # fmt: skip
    assert len(ids[0] - ids[1]) == len(ids[1] - ids[0]) == 1


def test_a_prompt_and_its_statement_go_together(harness: InProcess) -> None:
    own = (Path(__file__).parents[2] / "tasks/evoked_statement.toml").read_text(encoding="utf-8")
    for old in ('statement = "statement"\n', "{statement}\n"):
        Path("evoked_statement.toml").write_text(own.replace(old, "", 1), encoding="utf-8")
        done = harness("show", "evoked_statement.toml")
        assert done.code == 2
        assert "{statement} and the key 'statement' of the answer go together" in done.err


def test_data_without_statements_are_refused(harness: InProcess) -> None:
    path = Path("felt/manifest.csv")
    path.write_text(path.read_text(encoding="utf-8").replace("statement", "claim", 1), encoding="utf-8")
    done = harness("run", "--task", "evoked_statement", "--model", "echo", "--data", "felt")
    assert done.code == 2
    assert "No sample of felt has what evoked_statement asks for: answer and statement" in done.err
