"""Sets of evoked emotion: EmoSet, EmoVerse, MVEI and EEmo-Bench."""

from __future__ import annotations

import json

import pytest
from helpers import emotion_sets

from harness import BadData
from harness.datasets.imports import data_home
from harness.datasets.imports.cells import literal


def emoset(root, name, *rows):
    emotion_sets.document(
        root / f"{name}.json",
        [
            r if len(r) != 2 else [r[0], r[1], f"image/{r[0]}/{r[1]}.jpg", f"annotation/{r[0]}/{r[1]}.json"]
            for r in rows
        ],
    )


def test_emoset(release):
    names = ("anger_1", "awe_2", "sadness_3", "fear_4")
    emotion_sets.pictures(
        release.root, *(f"image/{n.partition('_')[0]}/{n}.jpg" for n in names), "image/awe/awe_9.jpg"
    )
    emoset(release.root, "train", ("anger", "anger_1"), ("awe", "awe_2"))
    emoset(release.root, "test", ("sadness", "sadness_3"), ("fear", "fear_4"))
    emotion_sets.document(
        release.root / "annotation/anger/anger_1.json",
        {
            "image_id": "anger_1",
            "emotion": "anger",
            "brightness": 0.1,
            "scene": "street",
            "object": ["Car", "Man"],
        },
    )
    release.text("annotation/awe/awe_2.json", "{")
    release.text("annotation/sadness/sadness_3.json", "[" * 100_000)
    got = release.load("emoset")
    assert {k: (r["emotion"], r["category"], r["split"], r["domain"]) for k, r in got.rows.items()} == {
        "anger_1": ("angry", "anger", "train", "evoked"),
        "awe_2": ("", "awe", "train", "evoked"),
        "sadness_3": ("sad", "sadness", "test", "evoked"),
        "fear_4": ("", "fear", "test", "evoked"),
    }
    row = got.rows["anger_1"]
    assert (row["brightness"], row["scene"], row["object"]) == ("0.1", "street", "Car; Man")
    assert got.summary["domain"] == "evoked"
    assert got.summary["unmapped"] == {"awe": 1, "fear": 1}
    assert got.summary["tables"]["train.json"] == {
        "rows": 2,
        "not_used": {},
        "partly_used": {"broken annotation": 1, "category outside the six emotions": 1},
    }
    assert got.summary["tables"]["test.json"]["partly_used"] == {
        "broken annotation": 1,
        "category outside the six emotions": 1,
        "no annotation": 1,
    }
    assert got.reasons("pictures") == {"no row": 1}


def test_emoset_with_dirty_rows(release):
    emotion_sets.pictures(
        release.root, "image/awe/awe_1.jpg", "image/fear/fear_1.jpg", "image/anger/anger_1.jpg"
    )
    (release.root / "image/anger/anger_1.jpg").write_bytes(b"")
    emoset(
        release.root,
        "val",
        ("awe", "awe_1"),
        ("awe", "awe_1"),
        ("awe", "nowhere"),
        ("anger", "anger_1"),
        ("awe", "x", "../../../etc/passwd", ""),
        ("", "x", "image/fear/fear_1.jpg", ""),
        ("awe", "x", "", ""),
        ("awe",),
        {"image": "awe_1"},
        (1, 2, 3, 4),
    )
    got = release.load("emoset", mapping={"awe": "surprise"})
    assert list(got.rows) == ["awe_1"]
    assert got.reasons("val.json") == {
        "broken row": 3,
        "duplicate": 1,
        "no image name": 1,
        "no label": 1,
        "no picture": 2,
        "unusable picture": 1,
    }
    assert got.summary["lossy"] == ["awe counts as surprise (1 pictures)"]
    with pytest.raises(BadData, match="is not EmoSet"):
        release.load("emoset", source=release.root / "image")


def test_emoverse(release):
    emotion_sets.parquet(
        release.root / "data/train-0.parquet",
        {
            "image": [{"bytes": emotion_sets.png(i), "path": None} for i in range(4)]
            + [None, {"bytes": b"x"}],
            "description": ["a dog\nruns"] * 6,
            "emotion_category": ["Amusement", "Anger", None, "Sadness", "Anger", "Anger"],
            "confidence_score": ["0.91", "much", "1", None, "1", "1"],
            "background": ["park"] * 6,
            "subject": [["dog"], [], None, ["cat", "man"], [], []],
            "DES_representation": [[0.1] * 4] * 6,
            "bounding_box": [[[1.0, 2.0]]] * 6,
        },
    )
    got = release.load("emoverse")
    rows = list(got.rows.values())
    assert [(r["emotion"], r["category"], r["confidence"], r["domain"]) for r in rows] == [
        ("", "Amusement", "0.91", "evoked"),
        ("angry", "Anger", "", "evoked"),
        ("sad", "Sadness", "", "evoked"),
    ]
    assert rows[0]["description"] == "a dog runs"
    assert rows[2]["content"] == '["cat", "man"]'
    assert rows[0]["split"] == "train"
    assert "DES_representation" not in rows[0]
    assert got.reasons("data/train-0.parquet") == {"no label": 1, "no picture": 1, "unusable picture": 1}
    assert got.summary["tables"]["data/train-0.parquet"]["partly_used"] == {
        "category outside the six emotions": 1,
        "not a number": 1,
    }
    emotion_sets.parquet(
        release.root / "data/train-0.parquet", {"image": [emotion_sets.png(1)], "label": ["x"]}
    )
    with pytest.raises(BadData, match="no column 'emotion_category'"):
        release.load("emoverse")


def statement(text, label="correct", **more):
    return {"statement": text, "label": label, "class": "sentiment polarity", "subclass": "none", **more}


def test_mvei(release):
    emotion_sets.pictures(
        release.root, "images/awe/awe_1.jpg", "images/fear/fear_1.jpg", "images/fear/fear_2.jpg"
    )
    emotion_sets.document(
        release.root / "MVEI_metadata.json",
        [
            {
                "image_id": "awe/awe_1.jpg",
                "ov_emotion": ["awe", "calm"],
                "statement_list": [statement("It is calm."), statement("It is sad.", "Incorrect"), statement("It is calm.")],
            },
            {"image_id": "fear/fear_1.jpg", "statement_list": [statement("x", "maybe"), statement(""), "y", statement("z", "")]},
            {"image_id": "awe/nowhere.jpg", "statement_list": [statement("a"), statement("b")]},
            {"image_id": "", "statement_list": [statement("a")]},
            {"image_id": "awe/awe_1.jpg", "statement_list": [statement("a")]},
            {"image_id": "awe/awe_1.jpg", "statement_list": []},
            {"image_id": "awe/awe_1.jpg", "statement_list": "no"},
            7,
        ],
    )  # fmt: skip
    got = release.load("mvei")
    assert {k: (r["statement"], r["answer"], r["subject"], r["emotion"]) for k, r in got.rows.items()} == {
        "awe/awe_1#1": ("It is calm.", "correct", "awe/awe_1", ""),
        "awe/awe_1#2": ("It is sad.", "incorrect", "awe/awe_1", ""),
    }
    assert got.rows["awe/awe_1#1"]["emotions"] == "awe; calm"
    assert got.rows["awe/awe_1#1"]["domain"] == "evoked"
    assert got.summary["tables"]["MVEI_metadata.json"]["rows"] == 14
    assert got.reasons("MVEI_metadata.json") == {
        "broken row": 3,
        "duplicate": 2,
        "no image name": 1,
        "no label": 1,
        "no picture": 2,
        "no statement": 1,
        "no statements": 1,
        "unknown answer": 1,
    }
    assert got.reasons("pictures") == {"no row": 1}
    assert len((data_home() / "mine/checksums.sha256").read_text().splitlines()) == 1, (
        "one picture, two statements"
    )


LABEL = "Ranking:{{'Anger': 3, 'Joy': 80, 'Neutral': 17}} category:{} Valence:5.33 Arousal:6,44 Dominance:5.4"


def question(number, image, **more):
    return {
        "id": number,
        "image_url": image,
        "image_label": LABEL.format("Joy"),
        "question": "Which emotion?",
        "options": "{'A': 'Joy', 'B': 'Anger'}",
        "correct_answer": "A",
        "question_type": "What/How",
        "perceptual_dimension": "emotion",
        "question_concern": "dominant",
        **more,
    }


def test_eemo_bench_single(release):
    emotion_sets.pictures(release.root, "images/1.jpg", "images/2.jpg", "images/3.jpg")
    emotion_sets.document(
        release.root / "EEmo-Bench(single).json",
        [
            question(0, "1.jpg"),
            question(1, "1.jpg", question_type="Yes-or-No", options=["Yes", "No"], correct_answer="No"),
            question(
                2,
                "2.jpg",
                image_label=LABEL.format("Fear"),
                question_type="Open_ended",
                options="0",
                correct_answer="x",
            ),
        ],
    )
    got = release.load("eemo-bench")
    assert {k: (r["emotion"], r["category"], r["valence"], r["answer"]) for k, r in got.rows.items()} == {
        "single-0": ("happy", "Joy", "5.33", "A"),
        "single-1": ("", "", "", "No"),
        "single-2": ("", "Fear", "5.33", "x"),
    }, "the labels of a picture stand in its first question"
    first = got.rows["single-0"]
    assert (first["arousal"], first["dominance"], first["score_joy"], first["score_anger"]) == (
        "6.44",
        "5.4",
        "80",
        "3",
    )
    assert json.loads(first["options"]) == {"A": "Joy", "B": "Anger"}
    assert json.loads(got.rows["single-1"]["options"]) == ["Yes", "No"]
    assert first["subject"] == got.rows["single-1"]["subject"] == "images/1"
    assert got.reasons("pictures") == {"no row": 1}
    assert got.summary["unmapped"] == {"fear": 1}


def test_eemo_bench_runs_nothing_and_bounds_literals(release, tmp_path):
    emotion_sets.pictures(release.root, "1.jpg", "2.jpg")
    (touched := tmp_path / "touched").unlink(missing_ok=True)
    bad = (
        f"__import__('pathlib').Path({str(touched)!r}).touch()",
        "[" * 5000 + "]" * 5000,
        "{" * 50,
        "9" * 300_000,
        "{'A': b'bytes'}",
        "{'A': 1j}",
        "7",
        "\0",
        "'" + "x" * 20_000 + "'",
        "('A', " + "'y' * 9999999)",
    )
    emotion_sets.document(
        release.root / "x.json",
        [question(0, "2.jpg", image_label="Ranking:{'Joy': __import__('os')} Valence:.. Arousal:9"),
         *(question(n, "1.jpg", options=text) for n, text in enumerate(bad, 1)),
         question(50, "1.jpg", correct_answer="C"), question(51, "1.jpg", correct_answer=""),
         question(52, "nowhere.jpg"), question(53, None), {"id": 3}, [1]],
    )  # fmt: skip
    got = release.load("eemo-bench")
    assert list(got.rows) == ["single-0"]
    assert got.rows["single-0"]["arousal"] == "9"
    assert got.reasons("x.json") == {
        "broken options": len(bad),
        "broken row": 2,
        "no answer": 1,
        "no image name": 1,
        "no picture": 1,
        "the answer is no option": 1,
    }
    assert got.summary["tables"]["x.json"]["partly_used"] == {"broken ranking": 1, "not a number": 1}
    assert not touched.exists()


@pytest.mark.parametrize("copy", [False, True])
def test_eemo_bench_pair(copy, release):
    emotion_sets.pictures(release.root, "images/1.jpg", "images/2.jpg", "images/3.jpg")
    (release.root / "images/3.jpg").write_bytes(b"broken")

    def pair(number, first, second):
        more = {
            "image1_label": f"[Image1] {LABEL.format('Joy')}",
            "image2_label": f"[Image2] {LABEL.format('Fear')}",
        }
        return question(number, "", image1_url=first, image2_url=second, **more)

    emotion_sets.document(
        release.root / "pair.json",
        [
            pair(0, "1.jpg", "2.jpg"),
            pair(1, "2.jpg", "1.jpg"),
            pair(2, "1.jpg", "4.jpg"),
            pair(3, "1.jpg", "3.jpg"),
        ],
    )
    got = release.load("eemo-bench", copy=copy)
    place = "pictures/images" if copy else "images"
    assert {k: (r["image"], r["image_2"]) for k, r in got.rows.items()} == {
        "pair-0": (f"{place}/1.jpg", f"{place}/2.jpg"),
        "pair-1": (f"{place}/2.jpg", f"{place}/1.jpg"),
    }
    row = got.rows["pair-0"]
    assert (row["category_1"], row["category_2"], row["valence_2"], row["score_joy_1"]) == (
        "Joy",
        "Fear",
        "5.33",
        "80",
    )
    assert row["emotion"] == ""
    assert got.reasons("pair.json") == {"no picture": 1, "unusable picture": 1}
    sums = (data_home() / "mine/checksums.sha256").read_text().splitlines()
    assert sorted(line.split("  ")[1] for line in sums) == [f"{place}/1.jpg", f"{place}/2.jpg"]
    if copy:
        assert (data_home() / "mine" / row["image_2"]).read_bytes() == (
            release.root / "images/2.jpg"
        ).read_bytes()


def test_literals_are_bounded():
    assert literal("[" * 20 + "]" * 20)
    for text, problem in (("[" * 21 + "]" * 21, "nested too deeply"), ("'" + "x" * 2**18 + "'", "more than")):
        with pytest.raises(ValueError, match=problem):
            literal(text)
    assert literal("{'A': 'it\\d', 'B': [1, 2.5, None, True]}") == {"A": "it\\d", "B": [1, 2.5, None, True]}
