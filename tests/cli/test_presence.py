"""Whether each of several emotions is present: one request for each picture and emotion, scored per emotion."""

from __future__ import annotations

import json
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.command import InProcess
from helpers.own_columns import make, metric

TASK = """
name = "there"
role = "judge"
stage = "nuance"
[answer]
kind = "choice"
options = ["yes", "no"]
[answer.truth]
field = "present"
[each]
emotions = ["awe", "sexual lust", "joy"]
synonyms = { joy = ["happiness"] }
column = "score_{emotion}"
at_least = 1
[[prompts]]
name = "plain"
text = "Does it show {emotion}? {options}"
[[metrics]]
name = "auroc"
options = { average = "macro" }
primary = true
[[metrics]]
name = "average_precision"
options = { average = "macro" }
[[metrics]]
name = "accuracy"
[group]
by = ["emotion"]
"""


@pytest.fixture(autouse=True)
def _faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 pictures with values for two emotions; for the third, only the first 8 have one."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "category": "awe",
            "score_awe": f"{i % 4}",
            "score_sexual_lust": f"{(i % 3) / 2}",
            "score_happiness": f"{i % 2}" if i < 8 else "",
        }
        for i in range(24)
    ]
    make(Path("faces"), rows)
    Path("there.toml").write_text(TASK, encoding="utf-8")


def run(harness: InProcess, *more: object) -> dict:
    harness("run", "--task", "there.toml", "--model", "echo", "--data", "faces", "--out", "out", *more).ok()
    return dict(json.loads(Path("out/results.json").read_text(encoding="utf-8"))["tasks"][0])


def lines(name: str) -> list[dict]:
    return [json.loads(line) for line in Path("out", name).read_text(encoding="utf-8").splitlines()]


def test_one_request_for_each_picture_and_emotion_with_a_value(harness: InProcess) -> None:
    found = run(harness, "-o", "accuracy=1")
    assert (found["n"], found["answered"], found["failed"]) == (24 + 24 + 8, 56, 0)
    assert metric(found, "auroc")["value"] == metric(found, "accuracy")["value"] == 1
    samples = {line["id"]: line for line in lines("samples.jsonl")}
    one = samples["s001~sexual_lust@there"]
    assert (one["emotion"], one["attributes"]) == ("sexual lust", {"category": "awe", "present": "no"})
    assert samples["s002~sexual_lust@there"]["attributes"]["present"] == "yes", "1 is at least 1"
    assert samples["s003~joy@there"]["attributes"]["present"] == "yes", "its column has another word for it"
    assert "s009~joy@there" not in samples


def test_emotions_of_one_picture_are_one_cluster_and_each_has_its_own_value(harness: InProcess) -> None:
    found = run(harness, "-o", "accuracy=0.7")
    main = metric(found, "auroc")
    assert (main["n"], main["clusters"]) == (56, 24)
    groups = {m["group"]["emotion"]: m for m in found["metrics"] if m["group"] and m["name"] == "auroc"}
    assert {name: group["n"] for name, group in groups.items()} == {"awe": 24, "joy": 8, "sexual lust": 24}
    mean = sum(group["value"] for group in groups.values()) / 3
    assert main["value"] == pytest.approx(mean)
    base = {(b["metric"], b["name"]): b["value"] for b in found["baselines"]}
    assert base["auroc", "chance"] == 0.5
    assert base["average_precision", "chance"] == pytest.approx((18 / 24 + 8 / 24 + 4 / 8) / 3)


def test_requests_for_one_picture_share_its_pixels(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is decoded once for all of its emotions, however many threads prepare them, and let go afterwards."""
    from harness.images import decoding

    decode, decoded = decoding.decode, []

    def counted(data: bytes, path: str, *more: Any) -> decoding.Decoded:
        found = decode(data, path, *more)
        decoded.append((path, weakref.ref(found.image)))
        return found

    monkeypatch.setattr(decoding, "decode", counted)
    run(harness)
    again = Counter(path for path, _ in decoded)
    assert len(again) == 24
    assert sum(again.values()) <= 24 + 8, "threads may begin in the middle of a picture's emotions"
    assert not any(image() for _, image in decoded)


def test_the_question_names_the_emotion(harness: InProcess) -> None:
    done = harness("run", "--task", "there.toml", "--model", "echo", "--data", "faces", "--dry-run").ok()
    assert "Does it show awe? yes, no" in done.out or "Does it show awe? no, yes" in done.out
    assert "there: 56 requests" in done.out
    assert "pictures: 24" in done.out


def test_a_limit_counts_pictures_and_a_resumed_run_asks_nothing_twice(harness: InProcess) -> None:
    run(harness, "--limit", "6")
    few = len(lines("replies.jsonl"))
    assert 12 <= few <= 18
    run(harness)
    replies = lines("replies.jsonl")
    assert len(replies) == len({line["id"] for line in replies}) == 56


def test_other_tasks_of_the_run_keep_their_own_samples(harness: InProcess) -> None:
    text = TASK.replace('"there"', '"also"').replace(
        'emotions = ["awe", "sexual lust", "joy"]', 'emotions = ["awe"]'
    )
    Path("also.toml").write_text(text.replace("synonyms = {", "# synonyms = {"), encoding="utf-8")
    tasks = ("--task", "there.toml", "--task", "also.toml", "--task", "evoked_emotion")
    for out in ("one", "two"):
        harness("run", *tasks, "--model", "echo", "--data", "faces", "--out", out, "--release", out).ok()
    found = json.loads(Path("one/results.json").read_text(encoding="utf-8"))["tasks"]
    assert {task["task"]: task["n"] for task in found} == {"there": 56, "also": 24, "evoked_emotion": 24}
    compared = json.loads(harness("compare", "one", "two", "--json").ok().out)
    main = {row["task"]: row for row in compared["rows"] if row["kind"] == "metric"}
    assert {name: row["n"] for name, row in main.items()} == {"there": 56, "also": 24, "evoked_emotion": 24}
    failed = {row["task"]: row["values"] for row in compared["rows"] if row["kind"] == "failed"}
    assert failed == {"there": [0, 0], "also": [0, 0], "evoked_emotion": [0, 0]}
    shown = [json.loads(line) for line in harness("show", "one", "--samples", "--json").ok().out.splitlines()]
    assert len(shown) == 56 + 24 + 24


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Does it show {emotion}?", "Does it show it?", "the question must name its {emotion}"),
        ('field = "present"', 'field = "emotion"', "with the truth field 'present'"),
        ('options = ["yes", "no"]', 'options = ["yes", "no", "maybe"]', "a choice of two options"),
        ("score_{emotion}", "score", "column must contain {emotion} once"),
        ('emotions = ["awe", "sexual lust", "joy"]\n', "", "'emotions' is missing"),
        ('["happiness"]', '["awe"]', "names both"),
    ],
)
def test_wrong_tasks_are_refused(harness: InProcess, old: str, new: str, message: str) -> None:
    assert old in TASK
    Path("there.toml").write_text(TASK.replace(old, new), encoding="utf-8")
    done = harness("show", "there.toml")
    assert done.code == 2
    assert message in done.err


def test_data_without_any_of_the_columns_are_refused(harness: InProcess) -> None:
    Path("there.toml").write_text(TASK.replace("score_{emotion}", "rate_{emotion}"), encoding="utf-8")
    done = harness("run", "--task", "there.toml", "--model", "echo", "--data", "faces")
    assert done.code == 2
    assert "No sample of faces has what there asks for: rate_{emotion}" in done.err


def test_the_built_in_task_asks_about_the_forty_emotions_of_emonet_face(harness: InProcess) -> None:
    columns = ("score_pleasure_ecstasy", "score_astonishment_surprise", "score_fear")
    rows = [dict.fromkeys(columns, f"{i % 2}") for i in range(8)]
    make(Path("net"), rows)
    harness("run", "--task", "emotion_presence", "--model", "echo", "--data", "net", "--out", "out").ok()
    asked = {line["emotion"] for line in lines("samples.jsonl")}
    assert asked == {"pleasure", "astonishment", "fear"}
