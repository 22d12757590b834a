"""Wide tables of ratings: MTurk, surveys, and a column for each person."""

from __future__ import annotations

import json

import pytest
from helpers import emotion_sets

from harness import BadData, RequestError

MTURK = ("HITId", "AssignmentId", "WorkerId", "AssignmentStatus", "WorkTimeInSeconds", "Input.image_url", "Answer.emotion",
         "Answer.intensity", "Approve")  # fmt: skip


def said(got):
    return {(r["id"], r["rater"], r["question"], r["value"]) for r in got.ratings}


def test_results_of_mturk(release):
    emotion_sets.pictures(release.root, "faces/a.png", "faces/b.png", "faces/c.png")
    rows = [
        ("H1", "A1", "W1", "Approved", 9, "https://s3.host/faces/a.png?x=1", "Happy", "4", ""),
        ("H1", "A2", "W2", "Submitted", 9, "https://s3.host/faces/a.png", "happiness", "3,5", ""),
        ("H1", "A3", "W3", "Rejected", 9, "https://s3.host/faces/a.png", "sad", "1", ""),
        ("H1", "A4", "W1", "Approved", 9, "https://s3.host/faces/a.png", "sad", "", ""),
        ("H2", "A5", "W1", "Approved", 9, "https://s3.host/faces/b.png", "fear", "much", ""),
        ("H2", "A6", "", "Approved", 9, "https://s3.host/faces/b.png", "fear", "2", ""),
        ("H2", "A7", "W2", "Approved", 9, "https://s3.host/faces/nowhere.png", "fear", "2", ""),
        ("H2", "A8", "W3", "Approved", 9, "", "fear", "2", ""),
        ("H2", "A9", "W4", "Approved", 9, "https://s3.host/faces/b.png", "", "", ""),
    ]
    emotion_sets.table(release.root / "Batch_1_results.csv", [MTURK, *rows], encoding="utf-8-sig", end="\r\n")
    got = release.load("wide")
    assert {k: (r["emotion"], r["category"], r["intensity"]) for k, r in got.rows.items()} == {
        "faces/a": ("happy", "Happy", "3.75"),
        "faces/b": ("", "fear", ""),
    }
    assert got.reasons("Batch_1_results.csv") == {
        "no answers": 1,
        "no image name": 1,
        "no picture": 1,
        "no rater": 1,
        "not accepted": 1,
        "the rater answered before": 1,
    }
    assert got.summary["tables"]["Batch_1_results.csv"]["partly_used"] == {
        "category outside the six emotions": 1,
        "not a number": 1,
    }
    assert said(got) == {
        ("faces/a", "W1", "emotion", "happy"),
        ("faces/a", "W1", "intensity", "4"),
        ("faces/a", "W2", "emotion", "happy"),
        ("faces/a", "W2", "intensity", "3.5"),
        ("faces/b", "W1", "emotion", "fear"),
    }
    assert got.reasons("pictures") == {"no row": 1}
    skipped = next(note for note in got.summary["notes"] if note.startswith("Columns without answers"))
    assert "WorkTimeInSeconds" in skipped
    assert "Answer" not in skipped


def test_mturk_forms(release):
    emotion_sets.pictures(release.root, "a.png", "b.png", "c.png")
    emotion_sets.table(
        release.root / "x.csv",
        [
            ("WorkerId", "Input.image_url", "Answer.taskAnswers"),
            ("W1", "a.png", json.dumps([{"emotion": {"happy": True, "sad": False}, "quality": 4}])),
            ("W2", "a.png", json.dumps([{"emotion": {"label": "happy"}, "quality": "3"}])),
            ("W1", "b.png", json.dumps([{"emotion": {"happy": True, "sad": True}}])),
            ("W1", "c.png", "[{"),
        ],
    )
    got = release.load("wide")
    assert [(r["emotion"], r["quality"]) for r in got.rows.values()] == [("happy", "3.5")]
    assert got.reasons("x.csv") == {"no answers": 1, "no question": 1}
    emotion_sets.table(
        release.root / "x.csv",
        [
            ("WorkerId", "Input.image", "Answer.emotion.happy", "Answer.emotion.sad", "Answer.comment"),
            ("W1", "a.png", "true", "false", "nice"),
            ("W1", "b.png", "false", "TRUE", ""),
            ("W1", "c.png", "false", "false", ""),
        ],
    )
    got = release.load("wide")
    assert {k: r["emotion"] for k, r in got.rows.items()} == {"a": "happy", "b": "sad"}
    assert got.rows["a"]["answer_comment"] == "nice"
    assert got.reasons("x.csv") == {"no answers": 1}


def test_a_survey_with_a_row_for_each_participant(release):
    emotion_sets.pictures(release.root, "happy_01.png", "sad_02.png", "other.png")
    emotion_sets.table(
        release.root / "survey.csv",
        [
            ("Submission id", "Participant id", "Status", "Age", "happy_01.png_emotion", "happy_01_intensity", "emotion: sad_02"),
            ("Submission id", "Participant id", "Status", "Age", "What does it show?", "How much?", "What?"),
            ('{"ImportId":"s"}', '{"ImportId":"p"}', "", "", "", "", ""),
            ("s1", "p1", "APPROVED", 30, "happy", "4", "sad"),
            ("s2", "p2", "AWAITING REVIEW", 41, "joy", "five", ""),
            ("s3", "p3", "RETURNED", 22, "sad", "1", "happy"),
            ("s4", "p4", "APPROVED", 22, "", "", ""),
        ],
    )  # fmt: skip
    got = release.load("wide")
    assert {k: (r["emotion"], r["intensity"]) for k, r in got.rows.items()} == {
        "happy_01": ("happy", "4"),
        "sad_02": ("sad", ""),
    }
    assert got.reasons("survey.csv") == {"no answers": 1, "not accepted": 1, "second header": 2}
    assert got.summary["tables"]["survey.csv"]["partly_used"] == {"not a number": 1}
    assert got.reasons("pictures") == {"no row": 1}
    assert ("happy_01", "p2", "emotion", "happy") in said(got)


def test_ratings_with_a_column_for_each_person(release):
    emotion_sets.pictures(release.root, "a.png", "b.png", "c.png", "d.png")
    release.picture("manifest/x.png")
    release.text("manifest.csv", "image", "a.png")
    emotion_sets.table(
        release.root / "ratings.csv",
        [
            ("id", "ann", "bob", "cleo", "mean"),
            ("a", "3,5", "4", "", "3.75"),
            ("b", "9", "x", "", ""),
            ("c", "2"),
            ("nowhere", "1", "1", "1", "1"),
            ("c", "1", "1", "1", "1"),
        ],
        separator=";",
    )
    with pytest.raises(RequestError, match="'ann' does not say what was asked") as e:
        release.load("wide")
    assert "--column question=emotion" in e.value.hint
    got = release.load("wide", columns={"question": "quality"}, scales={"quality": (1, 5)})
    assert {k: r["quality"] for k, r in got.rows.items()} == {"a": "3.75", "c": "1"}
    assert got.reasons("ratings.csv") == {"broken row": 1, "no picture": 1, "outside the scale": 1}
    assert ("a", "ann", "quality", "3.5") in said(got)
    assert any("manifest.csv was not read" in note for note in got.summary["notes"])


def test_ratings_with_questions_in_the_header(release):
    emotion_sets.pictures(release.root, "a.png", "b.png")
    emotion_sets.table(
        release.root / "t.tsv",
        [("image", "ann_emotion", "ann_valence", "bob_emotion", "bob_valence"), ("a.png", "sad", "-2", "sad", "-3"), ("b.png", "sad", "", "happy", "")],
        separator="\t",
    )  # fmt: skip
    got = release.load("wide")
    assert (got.rows["a"]["emotion"], got.rows["a"]["valence"]) == ("sad", "-2.5")
    assert got.rows["b"]["emotion"] == ""
    assert got.summary["tables"]["t.tsv"]["partly_used"] == {"tie": 1}


def test_named_columns_and_domain(release):
    emotion_sets.pictures(release.root, "a.png")
    emotion_sets.table(release.root / "t.csv", [("bild", "wer", "was", "id"), ("a", "p1", "sad", "7")])
    with pytest.raises(BadData, match="neither a column of pictures nor a column of people"):
        release.load("wide")
    got = release.load("wide", columns={"image": "bild", "rater": "wer", "emotion": "was"}, domain="evoked")
    assert (got.rows["a"]["emotion"], got.rows["a"]["domain"], got.summary["domain"]) == (
        "sad",
        "evoked",
        "evoked",
    )
    with pytest.raises(RequestError, match="'mood' is not a question"):
        release.load("wide", columns={"image": "bild", "rater": "wer", "question": "mood"})


def test_wide_tables_that_cannot_be_used(release):
    emotion_sets.pictures(release.root, "a.png")
    with pytest.raises(BadData, match="contains no tables of ratings"):
        release.load("wide")
    emotion_sets.table(release.root / "x.csv", [("image", "rater", "age"), ("a.png", "p", "3")])
    with pytest.raises(BadData, match="no column of answers"):
        release.load("wide")
    emotion_sets.table(release.root / "y.csv", [("image", "rater", "age"), ("a.png", "p", "3")])
    with pytest.raises(BadData, match="contains 2 tables"):
        release.load("wide")
    (release.root / "a.png").unlink()
    (release.root / "y.csv").unlink()
    with pytest.raises(BadData, match="contains no pictures") as e:
        release.load("wide")
    assert "never fetched" in e.value.hint
