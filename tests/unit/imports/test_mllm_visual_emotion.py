"""MLLMVisualEmotion: FaceEmotion is shown, Emotion6 is evoked, and the two are never pooled."""

from __future__ import annotations

import json

import pytest
from helpers import emotion_sets

from harness import RequestError
from harness.datasets.imports import data_home


def ask(idx, image, **more):
    return {
        "idx": idx,
        "image": image,
        "label": "joy",
        "query": "Which? (A) joy (B) fear",
        "answer": "(A)",
        **more,
    }


@pytest.mark.parametrize(("folder", "domain"), [("Emotion6", "evoked"), ("FaceEmotion", "shown")])
def test_mllmvisualemotion(folder, domain, release):
    root = release.root / folder / "processed"
    emotion_sets.pictures(root, "imgs/1.jpg", "imgs/2.jpg", "imgs/3.jpg")
    emotion_sets.document(
        root / "emotion_dataset.json",
        [
            {"image": "imgs/1.jpg", "label": "joy", "arousal": 5.5},
            {"image": "imgs/2.jpg", "label": {"fear": 0.75, "joy": 0.25}},
        ],
    )
    emotion_sets.document(
        root / "images_multiple_choice_questions.json",
        {
            "a": ask(1, "imgs/1.jpg"),
            "b": ask(2, "imgs/nowhere.jpg"),
            "c": ask(3, "imgs/2.jpg", answer=""),
            "d": 5,
            "e": ask(9, "x.txt"),
        },
    )
    emotion_sets.document(
        root / "images_judgement_questions.json", [ask(1, "imgs/1.jpg"), ask(2, "imgs/1.jpg", query=None)]
    )
    got = release.load("mllmvisualemotion")
    place = f"{folder}/processed/imgs"
    assert {
        k: (r["emotion"], r["category"], r["question_type"], r["domain"]) for k, r in got.rows.items()
    } == {
        f"{place}/1": ("happy", "joy", "", domain),
        f"{place}/2": ("", "fear", "", domain),
        "judgement-1": ("", "", "judgement", domain),
        "multiple_choice-1": ("", "", "multiple_choice", domain),
    }
    assert got.rows[f"{place}/1"]["arousal"] == "5.5"
    assert got.rows[f"{place}/2"]["score_fear"] == "0.75"
    assert got.summary["domain"] == domain
    assert got.reasons(f"{folder}/processed/images_multiple_choice_questions.json") == {
        "broken row": 1,
        "no answer": 1,
        "no image name": 1,
        "no picture": 1,
    }
    assert got.reasons(f"{folder}/processed/images_judgement_questions.json") == {"no question": 1}
    assert got.reasons("pictures") == {"no row": 1}
    with pytest.raises(RequestError, match=f"are {domain}, not"):
        release.load("mllmvisualemotion", domain="shown" if domain == "evoked" else "evoked")


def test_mllmvisualemotion_never_pools_its_sets(release):
    for folder in ("Emotion6", "FaceEmotion"):
        emotion_sets.document(release.root / folder / "emotion_dataset.json", [])
    with pytest.raises(RequestError, match="never pooled"):
        release.load("mllmvisualemotion")
    emotion_sets.pictures(release.root.parent / "other", "1.jpg")
    other = release.root.parent / "other"
    emotion_sets.document(other / "emotion_dataset.json", [{"image": "1.jpg", "label": "sad"}])
    with pytest.raises(RequestError, match="does not say whether"):
        release.load("mllmvisualemotion", source=other)
    assert release.load("mllmvisualemotion", source=other, domain="shown").summary["domain"] == "shown"


def result(idx, reply, **more):
    return {**ask(idx, "imgs/1.jpg"), "AI_answer": "(A)", "accuracy": 1, "model_output": reply, **more}


def test_outputs_of_models_become_stored_replies(release):
    for folder in ("Emotion6", "FaceEmotion"):
        root = release.root / "datasets" / folder / "processed"
        emotion_sets.pictures(root, "imgs/1.jpg", "imgs/2.jpg")
        emotion_sets.document(
            root / "images_multiple_choice_questions.json",
            {"a": ask(1, "imgs/1.jpg"), "b": ask(2, "imgs/2.jpg", answer="(B)")},
        )
    outputs = release.root / "outputs"
    results = {
        "samples": [
            result(1, "(A)\nBecause\ud83d of the smile."),
            result(2, None, AI_answer="(B)"),
            result(3, "(A)"),
            result(1, "(B)"),
            result(None, "(A)"),
            result(4, None, AI_answer=None),
            "x",
        ],
        "statistics": {"total_samples": 7},
        "Exception": [result(2, "again")],
    }
    path = "Qwen2.5-VL-7B/Emotion6/images_multiple_choice_results.json"
    release.file(f"outputs/{path}", json.dumps(results).encode())
    emotion_sets.document(
        outputs / "gpt 4o/Emotion6/images_multiple_choice_results.json", [result(2, "(B) fear")]
    )
    emotion_sets.document(
        outputs / "gpt 4o/FaceEmotion/images_multiple_choice_results.json", {"samples": [result(1, "(B)")]}
    )
    got = release.load("mllmvisualemotion", domain="evoked")
    assert set(got.rows) == {"multiple_choice-1", "multiple_choice-2"}
    stored = {
        file.stem: [json.loads(line) for line in file.read_text().splitlines()]
        for file in (data_home() / "mine/replies").iterdir()
    }
    assert stored == {
        "Qwen2.5-VL-7B": [
            {"id": "multiple_choice-1", "text": "(A)\nBecause? of the smile."},
            {"id": "multiple_choice-2", "text": "(B)"},
        ],
        "gpt-4o": [{"id": "multiple_choice-2", "text": "(B) fear"}],
    }
    assert got.summary["with"]["replies"] == 3
    assert got.reasons("outputs/Qwen2.5-VL-7B/Emotion6/images_multiple_choice_results.json") == {
        "reply to no sample": 1,
        "second reply": 1,
        "no number of its question": 1,
        "no reply": 1,
        "broken row": 1,
    }
    assert any("2 models (Qwen2.5-VL-7B, gpt-4o) can be scored" in note for note in got.summary["notes"])
