"""T2I-Eval-Bench: the quality of generated pictures by three people."""

from __future__ import annotations

import pytest
from helpers import emotion_sets

from harness import BadData


def scored(name, overall, **aspects):
    parts = {
        aspect: {"score": 5, "manual_score": given}
        for aspect, given in {"overall": overall, **aspects}.items()
    }
    return {"id": name, "prompt": "a red\ncar", "model": "sdxl", **parts}


def test_scores_of_three_people(release):
    emotion_sets.pictures(release.root, "images/a.png", "images/b.png", "images/c.png", "images/x.png")
    emotion_sets.document(
        release.root / "scores.json",
        [
            scored(
                "a", [1, 2, 6, 3.0], appearance=[4, "5,5", 4, 4.5], relationship=["N/A", "N/A", "N/A", "N/A"]
            ),
            {**scored("odd", [7, "bad", None, 7]), "image": "images/b.png"},
            scored("c", ["x", None, "N/A"]),
        ],
    )
    got = release.load("t2i-eval-bench")
    assert {k: (r["quality"], r["prompt"], r["generator"]) for k, r in got.rows.items()} == {
        "a": ("3", "a red car", "sdxl"),
        "odd": ("7", "a red car", "sdxl"),
    }
    assert (got.rows["a"]["score_appearance"], "score_relationship" in got.rows["a"]) == ("4.5", False)
    assert {(r["id"], r["rater"], r["question"], r["value"]) for r in got.ratings} == {
        ("a", "human-1", "quality", "1"),
        ("a", "human-2", "quality", "2"),
        ("a", "human-3", "quality", "6"),
        ("a", "human-1", "appearance", "4"),
        ("a", "human-2", "appearance", "5.5"),
        ("a", "human-3", "appearance", "4"),
        ("odd", "human-1", "quality", "7"),
    }
    assert got.reasons("scores.json") == {"no score by people": 1}
    assert got.summary["tables"]["scores.json"]["partly_used"] == {"not a number": 2}
    assert got.reasons("pictures") == {"no row": 1}
    assert got.summary["domain"] is None


def test_dirty_scores(release):
    emotion_sets.pictures(release.root, "1/a.png", "2/a.png", "b.png")
    emotion_sets.document(
        release.root / "scores.json",
        [
            scored("a", [1]),
            scored("nowhere", [1]),
            scored("b", [1, 20]),
            scored("b", [2]),
            {"overall": {"manual_score": [1]}},
            [],
            scored("b", 7),
        ],
    )
    got = release.load("t2i-eval-bench", scales={"quality": (0, 10)})
    assert {k: r["quality"] for k, r in got.rows.items()} == {"b": "1"}
    assert got.reasons("scores.json") == {
        "broken row": 1,
        "duplicate": 2,
        "no image name": 1,
        "no picture": 1,
        "several pictures": 1,
    }
    assert got.summary["tables"]["scores.json"]["partly_used"] == {"outside the scale": 1}


def test_what_is_no_release(release):
    with pytest.raises(BadData, match=r"contains no scores\.json"):
        release.load("t2i-eval-bench")
    release.text("scores.json", "[]")
    with pytest.raises(BadData, match="contains no pictures") as e:
        release.load("t2i-eval-bench")
    assert "images.tar.gz" in e.value.hint
