"""Exports of Label Studio: JSON, JSON-MIN and CSV."""

from __future__ import annotations

from collections import Counter

import pytest
from helpers import emotion_sets

from harness import BadData


def choice(name, *choices):
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": list(choices)}}


def rating(name, value):
    return {"from_name": name, "to_name": "image", "type": "rating", "value": {"rating": value}}


def annotation(person, *results, **more):
    return {"id": 1, "completed_by": person, "result": list(results), "was_cancelled": False, **more}


def task(image, *annotations, **data):
    return {"id": 1, "data": {"image": image, **data}, "annotations": list(annotations), "predictions": []}


def test_json_with_several_annotators(release):
    emotion_sets.pictures(release.root, "faces/a b.png", "faces/c.png", "faces/d.png", "faces/e.png")
    emotion_sets.document(
        release.root / "project-1.json",
        [
            task(
                "/data/upload/3/0a1b2c3d-a%20b.png",
                annotation(1, choice("emotion", "Happy"), rating("intensity", 4)),
                annotation({"id": 2, "email": "bo@x.org"}, choice("emotion", "joy"), rating("intensity", 5)),
                annotation(3, choice("emotion", "Sad")),
                prompt="a happy\nperson",
            ),
            task(
                "/data/local-files/?d=faces%2Fc.png",
                annotation(1, choice("emotion", "Fear"), choice("glasses", "yes")),
                annotation(2, choice("emotion", "Fear"), choice("glasses", "yes")),
            ),
            task("s3://bucket/faces/d.png?key=1", annotation(1, rating("quality", 2), rating("realism", 3))),
        ],
    )
    got = release.load("label-studio")
    assert {k: (r["emotion"], r["category"], r["intensity"], r["quality"]) for k, r in got.rows.items()} == {
        "faces/a b": ("happy", "Happy", "4.5", ""),
        "faces/c": ("", "Fear", "", ""),
        "faces/d": ("", "", "", "2"),
    }
    assert got.rows["faces/a b"]["prompt"] == "a happy person"
    assert got.rows["faces/c"]["answer_glasses"] == "yes"
    assert got.rows["faces/d"]["score_realism"] == "3"
    said = Counter((r["rater"], r["value"]) for r in got.ratings if r["question"] == "emotion")
    assert said == {
        ("1", "happy"): 1,
        ("bo@x.org", "happy"): 1,
        ("3", "sad"): 1,
        ("1", "Fear"): 1,
        ("2", "Fear"): 1,
    }
    assert got.reasons("pictures") == {"no row": 1}
    assert got.summary["unmapped"] == {"fear": 1}
    assert got.summary["tables"]["project-1.json"] == {
        "rows": 3,
        "not_used": {},
        "partly_used": {"category outside the six emotions": 1},
    }


def test_json_with_dirty_tasks(release):
    emotion_sets.pictures(release.root, "a.png", "b.png", "c.png", "d.png", "e.png")
    emotion_sets.document(
        release.root / "x.json",
        [
            task("a.png", annotation(1, choice("emotion", "happy")), annotation(1, choice("emotion", "sad"))),
            task("b.png", annotation(1, choice("emotion", "happy"), was_cancelled=True)),
            task("c.png"),
            task("d.png", annotation(1, choice("emotion", "happy", "sad"))),
            task("nowhere.png", annotation(1, choice("emotion", "happy"))),
            task(None, annotation(1, choice("emotion", "happy"))),
            task("e.png", annotation(1, {"from_name": "note", "type": "textarea", "value": {"text": ["x"]}}), "x", annotation(None, choice("emotion", "sad")),),
            "no task",
            task("e.png", annotation(2, choice("emotion", "happy"), {"type": "choices", "value": {}}, 7, rating("intensity", "much"))),
        ],
    )  # fmt: skip
    got = release.load("label-studio")
    assert {k: r["emotion"] for k, r in got.rows.items()} == {"a": "happy", "e": "happy"}
    assert got.reasons("x.json") == {
        "broken row": 1,
        "free text": 1,
        "no annotations": 1,
        "no image name": 1,
        "no picture": 1,
        "skipped by the annotator": 1,
        "two labels": 1,
    }
    assert got.summary["tables"]["x.json"]["partly_used"] == {
        "broken annotation": 2,
        "not a number": 1,
        "the rater answered before": 1,
    }
    assert got.summary["tables"]["x.json"]["rows"] == 9


def test_a_tie_gives_no_emotion(release):
    emotion_sets.pictures(release.root, "a.png")
    emotion_sets.document(
        release.root / "x.json",
        [task("a.png", annotation(1, choice("emotion", "happy")), annotation(2, choice("emotion", "sad")))],
    )
    got = release.load("label-studio")
    assert got.rows["a"]["emotion"] == ""
    assert len(got.ratings) == 2
    assert got.summary["tables"]["x.json"]["partly_used"] == {"tie": 1}


def test_regions_count_once(release):
    emotion_sets.pictures(release.root, "a.png", "b.png")

    def box(label):
        return {
            "from_name": "label",
            "type": "rectanglelabels",
            "value": {"x": 1, "rectanglelabels": [label]},
        }

    emotion_sets.document(
        release.root / "x.json",
        [
            task("a.png", annotation(1, box("angry"), box("angry"))),
            task("b.png", annotation(1, box("angry"), box("sad"))),
        ],
    )
    got = release.load("label-studio")
    assert {k: r["emotion"] for k, r in got.rows.items()} == {"a": "angry"}
    assert got.reasons("x.json") == {"two labels": 1}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_flat_exports(form, release):
    emotion_sets.pictures(release.root, "a.png")
    rows = [
        {"annotation_id": 5, "annotator": "1", "id": 9, "image": "a.png", "mood": "happy", "strength": "3,5", "lead_time": 2.5},
        {"annotation_id": 6, "annotator": "2", "id": 9, "image": "a.png", "mood": '{"choices":["happy","sad"]}', "strength": "", "lead_time": 9},
        {"annotation_id": 7, "annotator": "3", "id": 9, "image": "a.png", "mood": "sad", "strength": "4", "lead_time": 9},
        {"annotation_id": 8, "annotator": "4", "id": 9, "image": "a.png", "mood": "sad", "strength": "", "lead_time": 9},
    ]  # fmt: skip
    if form == "csv":
        emotion_sets.table(
            release.root / "x.csv",
            [list(rows[0]), *(list(r.values()) for r in rows)],
            separator=";",
            encoding="utf-16",
        )
    else:
        emotion_sets.document(release.root / "x.json", rows)
    got = release.load("label-studio", columns={"emotion": "mood"})
    assert [(r["emotion"], r["intensity"]) for r in got.rows.values()] == [("sad", "3.75")]
    assert got.reasons(f"x.{form}") == {"two labels": 1}
    assert {(r["rater"], r["question"], r["value"]) for r in got.ratings} == {
        ("1", "emotion", "happy"),
        ("1", "intensity", "3.5"),
        ("3", "emotion", "sad"),
        ("3", "intensity", "4"),
        ("4", "emotion", "sad"),
    }
    assert any("read as decimal marks" in note for note in got.summary["notes"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("7", "neither a JSON list nor"),
        ('[{"data": ', "the file ends|not valid JSON"),
        ('[{"data": 1} {"data": 2}]', "',' is expected"),
        ("[1] 2", "more text follows"),
        ("[" * 200_000, "not valid JSON"),
        ('[{"a": ' + "9" * 5000 + "}]", "not valid JSON"),
        ('{"a" 1}', "':' is expected"),
        ("{1: 2}", "not a string"),
    ],
    ids=lambda value: value[:20],
)
def test_broken_json_is_refused(content, message, release):
    emotion_sets.pictures(release.root, "a.png")
    release.file("x.json", content.encode())
    with pytest.raises(BadData, match=message):
        release.load("label-studio")


def test_hostile_texts_are_kept_as_text(release):
    emotion_sets.pictures(release.root, "a.png")
    release.file(
        "x.json",
        b'[{"data": {"image": "../../a.png", "x": "\\ud800\\u0000\\n", "n": 1e999, "m": NaN}, "annotations": '
        b'[{"completed_by": "=1+1", "result": [{"from_name": "emotion", "type": "choices", "value": {"choices": ["sad"]}}]}]}]',
    )
    got = release.load("label-studio")
    assert [(r["emotion"], r["x"]) for r in got.rows.values()] == [("sad", "?\ufffd")]


def test_several_exports_and_none(release):
    emotion_sets.pictures(release.root, "a.png")
    with pytest.raises(BadData, match="contains no export"):
        release.load("label-studio")
    release.text("a.json", "[]")
    with pytest.raises(BadData, match="Nothing in"):
        release.load("label-studio")
    release.text("b.json", "[]")
    with pytest.raises(BadData, match=r"several \.json files"):
        release.load("label-studio")
