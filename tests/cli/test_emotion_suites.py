"""The suites `emonet-face` and `evoked` on data with the columns that imports write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.own_columns import make

from harness.tasks.vocabulary import vocabularies

MIKELS = vocabularies()["mikels-8"].labels
BASIC = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")


def run(harness: InProcess, suite: str, folder: str) -> dict:
    harness("run", "--task", suite, "--model", "echo", "--data", folder, "--out", "out").ok()
    return dict(json.loads(Path("out/results.json").read_text(encoding="utf-8")))


def test_emonet_face(harness: InProcess) -> None:
    names = ("Pleasure/Ecstasy", "Jealousy & Envy", "Awe", "Impatience and Irritability")
    columns = (
        "score_pleasure_ecstasy",
        "score_jealousy_envy",
        "score_awe",
        "score_impatience_and_irritability",
    )
    rows = [
        {
            "domain": "shown",
            "category": names[i % 4],
            "intensity": f"{1 + i % 6}",
            **{
                column: f"{(i + 3 * k) % 4 * (k != i % 4) + 4 * (k == i % 4)}"
                for k, column in enumerate(columns)
            },
        }
        for i in range(24)
    ]
    make(Path("net"), rows)
    results = run(harness, "emonet-face", "net")
    assert {t["task"]: t["n"] for t in results["tasks"]} == {
        "emonet_emotion": 24,
        "emotion_presence": 96,
        "emonet_intensity": 24,
    }
    assert results["run"]["notes"] == []
    strength = next(t for t in results["tasks"] if t["task"] == "emonet_intensity")
    assert not any("outside the scale" in warning for warning in strength["warnings"])


@pytest.mark.parametrize(
    ("labels", "asked", "omitted"), [(MIKELS, "emotion", "basic"), (BASIC, "basic", "emotion")]
)
def test_evoked_asks_with_the_vocabulary_of_the_data(
    harness: InProcess, labels: tuple[str, ...], asked: str, omitted: str
) -> None:
    rows = [
        {
            "domain": "evoked",
            "category": labels[i % len(labels)],
            "valence": f"{1 + i % 9}",
            "arousal": f"{9 - i % 9}",
        }
        for i in range(56)
    ]
    make(Path("felt"), rows)
    results = run(harness, "evoked", "felt")
    assert {t["task"]: t["n"] for t in results["tasks"]} == {
        f"evoked_{asked}": 56,
        "evoked_valence": 56,
        "evoked_arousal": 56,
    }
    notes = results["run"]["notes"]
    share = "50%" if asked == "emotion" else "57%"
    assert any(
        f"evoked_{omitted} is omitted from evoked: its vocabulary has only {share}" in note for note in notes
    )
    assert any("evoked_statement is omitted from evoked" in note and "statement" in note for note in notes)


def test_evoked_on_statements_alone(harness: InProcess) -> None:
    rows = [
        {"domain": "evoked", "statement": f"It is {i}.", "answer": ("correct", "incorrect")[i % 2]}
        for i in range(10)
    ]
    make(Path("felt"), rows)
    results = run(harness, "evoked", "felt")
    assert {t["task"]: t["n"] for t in results["tasks"]} == {"evoked_statement": 10}


@pytest.mark.parametrize("suite", ["emonet-face", "comprehension"])
def test_suites_about_shown_emotion_say_so_on_evoked_data(harness: InProcess, suite: str) -> None:
    make(Path("felt"), [{"domain": "evoked", "category": "awe", "emotion": "sad", "score_awe": "1"}] * 1)
    results = run(harness, suite, "felt")
    for task in results["tasks"]:
        assert any(
            "asks about shown emotion, and the labels of felt are about evoked" in w for w in task["warnings"]
        )
