"""EmoNet-Face: Binary and HQ, as Parquet and as tables."""

from __future__ import annotations

import pytest
from helpers import emotion_sets

from harness import BadData, RequestError
from harness.datasets.imports import data_home
from harness.datasets.ratings import read_ratings

BINARY = ("path", "annotator", "value", "emotion")


def test_binary_from_its_table(release):
    emotion_sets.pictures(release.root, "images/0.png", "images/1.png", "images/2.png", "images/3.png")
    emotion_sets.table(
        release.root / "binary.csv",
        [
            BINARY,
            (0, "human-1", True, "Anger"),
            (0, "human-2", True, "Anger"),
            (0, "human-3", False, "Astonishment/Surprise"),
            (1, "human-1", True, "Contentment"),
            (1, "human-2", False, "Contentment"),
            (2, "human-1", False, "Sadness"),
        ],
    )
    got = release.load("emonet-face")
    assert {k: (r["emotion"], r["category"], r["domain"]) for k, r in got.rows.items()} == {
        "images/0": ("angry", "Anger", "shown"),
        "images/1": ("", "Contentment", "shown"),
        "images/2": ("", "", "shown"),
    }
    assert got.rows["images/0"]["score_anger"] == "1"
    assert got.rows["images/0"]["score_astonishment_surprise"] == "0"
    assert got.rows["images/1"]["score_contentment"] == "0.5"
    assert (got.summary["domain"], got.summary["label"]) == ("shown", "perceived")
    assert got.summary["unmapped"] == {"contentment": 1}
    assert any("--map contentment=EMOTION" in note for note in got.summary["notes"])
    assert got.reasons("pictures") == {"no row": 1}
    assert got.summary["with"] == {"emotion": 1, "ratings": 6}, "yes and no are no intensity"
    answers = read_ratings(data_home() / "mine")["anger"]
    assert list(answers.raters) == ["human-1", "human-2"]
    assert list(answers.value) == [1.0, 1.0]


def test_binary_with_dirty_rows(release):
    emotion_sets.pictures(release.root, "0.png", "1.png")
    emotion_sets.table(
        release.root / "binary.csv",
        [
            BINARY,
            (0, "human-1", "TRUE", "Anger"),
            (0, "human-1", "False", "Anger"),
            (0, "human-2", "perhaps", "Anger"),
            (0, "", "True", "Anger"),
            (0, "human-3", "True", ""),
            (0, "human-3", "", "Anger"),
            ("", "human-3", "True", "Anger"),
            (77, "human-3", "True", "Anger"),
            ("../0", "human-4", "True"),
            (1, "human-1", "9", "Anger"),
        ],
    )
    got = release.load("emonet-face")
    assert list(got.rows) == ["0"]
    assert got.reasons("binary.csv") == {
        "broken row": 1,
        "no image name": 1,
        "no label": 1,
        "no number": 1,
        "no picture": 1,
        "no rater": 1,
        "not a number": 1,
        "outside the scale": 1,
        "the rater answered before": 1,
    }
    assert got.summary["tables"]["binary.csv"]["rows"] == 10
    assert len(got.ratings) == 1


def test_hq_from_parquet(release):
    emotion_sets.parquet(
        release.root / "data/train-00000-of-00001.parquet",
        {
            "path": [{"bytes": emotion_sets.png(i), "path": f"{i}.png"} for i in range(5)],
            "label": [
                emotion_sets.experts(human_1={"Anger": 6, "Sadness": 1}, human_2={"Anger": 4, "Sadness": 0}),
                emotion_sets.experts(human_1={"Elation": 5, "Anger": 0.5}, human_3={"Elation": 7}),
                emotion_sets.experts(human_1={"Anger": 3, "Sadness": 3}),
                "[{'human-1': __import__('os').system('touch x')}]",
                emotion_sets.experts(human_1={"Anger": 8}, human_2={"Anger": None}),
            ],
            "prompt": [f"a portrait\nof {i}" for i in range(5)],
            "demographics": [{"age": 30 + i, "gender": "f"} for i in range(5)],
        },
    )
    got = release.load("emonet-face")
    file = "data/train-00000-of-00001.parquet"
    assert {k: (r["emotion"], r["intensity"], r["category"], r["prompt"]) for k, r in got.rows.items()} == {
        "0": ("angry", "5", "Anger", "a portrait of 0"),
        "1": ("", "6", "Elation", "a portrait of 1"),
        "2": ("", "", "", "a portrait of 2"),
    }
    assert (got.rows["0"]["score_anger"], got.rows["0"]["score_sadness"]) == ("5", "0.5")
    assert got.rows["1"]["demographics_age"] == "31"
    assert got.reasons(file) == {"broken annotations": 1, "no annotations": 1}
    assert got.summary["tables"][file]["partly_used"] == {
        "category outside the six emotions": 1,
        "outside the scale": 1,
        "tie": 1,
    }
    assert got.summary["scales"]["intensity"]["high"] == 7
    assert got.summary["scales"]["intensity"]["source"] == "declared"
    assert sorted(r["value"] for r in got.ratings if r["question"] == "anger") == ["0.5", "3", "4", "6"]


def test_hq_from_parquet_with_lists_of_ratings(release):
    emotion_sets.parquet(
        release.root / "x.parquet",
        {
            "image": [emotion_sets.png(1)],
            "annotations": [
                [
                    {"annotator": "human-1", "emotion": "Sadness", "value": 2},
                    {"annotator": "human-2", "emotion": "Sadness", "value": 5},
                ]
            ],
        },
    )
    got = release.load("emonet-face")
    assert [(r["emotion"], r["intensity"]) for r in got.rows.values()] == [("sad", "3.5")]


def test_hq_from_its_table_without_the_models(release):
    emotion_sets.pictures(release.root, "a.png")
    emotion_sets.table(
        release.root / "hq.csv",
        [
            ("image", "annotator", "human", "annotations"),
            ("a.png", "human-1", "True", repr({"Negative|Anger": 7})),
            ("a.png", "gpt-4o", "False", repr({"Negative|Anger": 1})),
            ("a.png", "human-2", "True", "{'Anger': "),
            ("a.png", "human-3", "True", "{}"),
        ],
    )
    got = release.load("emonet-face")
    assert [(r["emotion"], r["intensity"]) for r in got.rows.values()] == [("angry", "7")]
    assert got.reasons("hq.csv") == {"broken annotations": 1, "no annotations": 1, "not rated by a person": 1}


def test_mapped_categories_are_lossy_and_emptied_ones_left_out(release):
    emotion_sets.pictures(release.root, "0.png", "1.png")
    emotion_sets.table(
        release.root / "binary.csv",
        [
            BINARY,
            (0, "h1", True, "Fear"),
            (0, "h2", True, "Fear"),
            (1, "h1", True, "Awe"),
            (1, "h2", True, "Awe"),
        ],
    )
    got = release.load("emonet-face", mapping={"fear": "worry", "awe": ""})
    assert [(r["emotion"], r["category"]) for r in got.rows.values()] == [("worry", "Fear")]
    assert got.summary["lossy"] == ["fear counts as worry (1 pictures)"]
    assert got.reasons("binary.csv") == {"left out by --map": 2}, "both rows of the picture are accounted for"


def test_emonet_refuses_what_it_is_not(release):
    emotion_sets.pictures(release.root, "0.png")
    with pytest.raises(BadData, match="is not EmoNet-Face"):
        release.load("emonet-face")
    emotion_sets.table(
        release.root / "binary.csv", [("path", "who", "value", "emotion"), (0, "a", "True", "Anger")]
    )
    with pytest.raises(BadData, match="no column 'annotator'"):
        release.load("emonet-face")
    emotion_sets.parquet(release.root / "x.parquet", {"image": [emotion_sets.png(1)], "other": [1]})
    with pytest.raises(BadData, match="no column of annotations"):
        release.load("emonet-face")
    with pytest.raises(RequestError, match="are shown, not evoked"):
        release.load("emonet-face", domain="evoked")
