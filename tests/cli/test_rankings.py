"""Rankings of emotions: probabilities of the options against grades in columns of the data, and against votes of people."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from helpers import data
from helpers.command import InProcess
from helpers.own_columns import make, metric

import harness as public
from harness import Capability, Judge, JudgeReply
from harness.types import EMOTIONS

sklearn = pytest.importorskip("sklearn.metrics")
BASIC = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
TASK = """
name = "ranked"
role = "judge"
stage = "fine"
[answer]
kind = "choice"
vocabulary = "basic-7"
[answer.truth]
field = "category"
grades = "score_{option}"
[[prompts]]
name = "plain"
text = "Which? {options}"
[[metrics]]
name = "ndcg"
primary = true
[[metrics]]
name = "top_k_accuracy"
options = { k = 2 }
"""


class Ranks(Judge):
    """Says the same log-probability of an option for everything: the earlier in the alphabet, the likelier."""

    capabilities = frozenset({Capability.LOGPROBS})

    def judge(self, requests):
        return [
            JudgeReply(r.id, scores={o: -float(k) for k, o in enumerate(sorted(r.question.options))})
            for r in requests
        ]


def chances(options) -> list[float]:
    place = {option: k for k, option in enumerate(sorted(options))}
    weights = [math.exp(-place[option]) for option in options]
    return [weight / sum(weights) for weight in weights]


def grades(number: int) -> list[float]:
    return [float((number * (k + 2)) % 5) for k in range(7)]


def found(result: public.RunResult) -> dict:
    return dict(json.loads((result.path / "results.json").read_text(encoding="utf-8"))["tasks"][0])


def test_grades_in_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = []
    for i in range(30):
        columns = {f"score_{name}": f"{grade:g}" for name, grade in zip(BASIC, grades(i), strict=True)}
        # Its column may have another word for an option.
        columns["score_happy"] = columns.pop("score_happiness")
        rows.append({"category": BASIC[i % 7].title(), **columns})
    make(Path("faces"), rows)
    Path("ranked.toml").write_text(TASK, encoding="utf-8")
    result = found(public.evaluate("ranked.toml", Ranks(), data="faces", out="out"))
    kept = [grades(i) for i in range(30) if any(grades(i))]
    assert len(kept) == 24
    expected = sklearn.ndcg_score(kept, [chances(BASIC)] * 24)
    assert metric(result, "ndcg")["value"] == pytest.approx(expected, abs=1e-9)
    assert metric(result, "ndcg")["n"] == 24
    top = sum(BASIC[i % 7] in ("anger", "disgust") for i in range(30)) / 30
    assert metric(result, "top_k_accuracy")["value"] == pytest.approx(top)


def test_votes_of_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data.make(Path("faces"), 12)
    votes = {f"s{i:05}": [EMOTIONS[(i + k * (1 + i % 2)) % 6] for k in range(5)] for i in range(10)}
    with Path("faces/ratings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "rater", "question", "value"))
        writer.writerows(
            (name, f"p{k}", "emotion", vote) for name, said in votes.items() for k, vote in enumerate(said)
        )
    text = TASK.replace(
        '"basic-7"', '""\noptions = ["happy", "sad", "angry", "surprise", "worry", "neutral"]'
    )
    text = text.replace('"category"', '"emotion"').replace('"score_{option}"', '"votes"')
    Path("ranked.toml").write_text(text, encoding="utf-8")
    result = found(public.evaluate("ranked.toml", Ranks(), data="faces", out="out"))
    counts = [[said.count(emotion) for emotion in EMOTIONS] for said in votes.values()]
    expected = sklearn.ndcg_score(counts, [chances(EMOTIONS)] * 10)
    assert metric(result, "ndcg")["value"] == pytest.approx(expected, abs=1e-9)
    assert metric(result, "ndcg")["n"] == 10, "nobody voted on two of the samples"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("score_{option}", "score", "grades must contain {option} once"),
        ("score_{option}", "votes", "people vote on the field 'emotion' alone"),
    ],
)
def test_wrong_grades_are_refused(harness: InProcess, old: str, new: str, message: str) -> None:
    Path("ranked.toml").write_text(TASK.replace(old, new), encoding="utf-8")
    done = harness("show", "ranked.toml")
    assert done.code == 2
    assert message in done.err
