"""The judge `recorded`: existing replies are read, scored and told apart like those of any model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import data, emotion_sets

from harness import BadOption, JudgeRequest, Question, evaluate, load
from harness.judges.recorded import RecordedJudge

EMOTION = Question("choice", ("happy", "sad"), target="emotion")
INTENSITY = Question("rating", ("weak", "strong"), target="intensity")


def judge(ref: object, **options: Any) -> RecordedJudge:
    return RecordedJudge(RecordedJudge.Options(ref=str(ref), **options))


def answers(judge: RecordedJudge, *samples: str, question: Question = EMOTION) -> list[Any]:
    requests = [JudgeRequest(s, s, (), (), question) for s in samples]
    return [reply.text if reply.error is None else reply.error.message for reply in judge.judge(requests)]


@pytest.mark.parametrize(
    "content",
    [
        '{"id": "a", "text": "happy"}\n\n{"sample_id": "b", "response": "sad\\nbecause", "score": 3}\n',
        'id,text\na,happy\nb,"sad\nbecause"\n',
        'reply;Sample\nhappy;a\n"sad\nbecause";b\n',
    ],
)
def test_replies_of_a_file(content: str, tmp_path: Path) -> None:
    (tmp_path / "replies").write_text(content)
    found = judge(tmp_path / "replies")
    assert answers(found, "b", "a") == ["sad\nbecause", "happy"]
    assert "no reply for 'c'" in answers(found, "c")[0]
    assert found.cannot_answer(INTENSITY) == ""


def test_several_models_and_questions_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "replies.csv"
    file.write_text("model,id,question,text\nm1,a,emotion,happy\nm1,a,intensity,4\nm2,a,emotion,sad\n")
    assert answers(judge(file, model="m2"), "a") == ["sad"]
    found = judge(file, model="m1")
    assert answers(found, "a", question=INTENSITY) == ["4"]
    assert "questions about emotion, intensity only" in found.cannot_answer(
        Question("choice", ("x", "y"), target="quality")
    )
    with pytest.raises(BadOption, match="line 4: the id 'a' with the question 'emotion' is duplicated") as e:
        judge(file).open()
    assert e.value.hint == "Choose one of its models: -o model=m1."
    with pytest.raises(BadOption, match="no replies of the model 'm3'") as e:
        judge(file, model="m3").open()
    assert "Did you mean 'm" in e.value.hint


def test_the_identity_is_the_replies(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.csv"
    first.write_text('{"id": "a", "text": "happy"}\n{"id": "b", "text": "sad"}\n')
    second.write_text("id,text\nb,sad\na,happy\n")
    assert judge(first).identity() == judge(second).identity()
    second.write_text("id,text\nb,sad\na,sad\n")
    assert judge(first).identity() != judge(second).identity()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"id": "a"}', "line 1: 'text' is missing or not text"),
        ('{"id": "a", "text": "x", "model": 3}', "line 1: 'model' is missing or not text"),
        ('{"id": "a", "text": "x"}\n[1]', "line 2: not an object"),
        ('{"id": "a", "text": ', "line 1: not valid JSON"),
        ("id,answer\na,b\n", "no column 'text'"),
        ("id,text\n,b\n", "line 2: the id is empty"),
        ("id,text\na,b,c\n", "line 2: 3 cells"),
        ("id,text\na,b\na,c\n", "line 3: the id 'a' is duplicated"),
        ("id,text\n", "contains no replies"),
        ('id,text\na,"b\n', "never closed"),
        ("", "no column"),
        ("\0\0\0", "not text"),
    ],
)
def test_a_file_that_cannot_be_read(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "replies").write_text(content)
    with pytest.raises(BadOption, match=says):
        judge(tmp_path / "replies").open()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for ref, says in (
        (tmp_path / "nowhere.csv", "does not exist"),
        ("", "needs a file"),
        (tmp_path, "does not exist"),
    ):
        with pytest.raises(BadOption, match=says):
            judge(ref).open()


def test_a_run_scores_them(faces: Path, tmp_path: Path) -> None:
    rows = (faces / "manifest.csv").read_text().splitlines()
    names = rows[0].split(",")
    samples = [dict(zip(names, row.split(","), strict=False)) for row in rows[1:]]
    replies = tmp_path / "model-1.jsonl"
    with replies.open("w") as file:
        for i, sample in enumerate(samples):
            text = "I cannot tell." if i == 0 else "happy" if i == 1 else sample["emotion"]
            file.write(json.dumps({"id": sample["id"], "text": text}) + "\n")
    found = evaluate("coarse_emotion", f"recorded:{replies}", data=str(faces), out=tmp_path / "run")
    assert found.metric("accuracy") == pytest.approx(10 / 12)
    assert found.results.tasks[0].unparsed == 1


def test_outputs_of_a_release_are_scored(tmp_path: Path, harness: Any) -> None:
    root = tmp_path / "Emotion6"
    questions = []
    for number, answer in enumerate("ABBA", start=1):
        data.picture(root / f"processed/imgs/{number}.png", number)
        query = "Is this a happy picture? (A) Yes (B) No"
        questions.append(
            {"idx": number, "image": f"imgs/{number}.png", "query": query, "answer": f"({answer})"}
        )
    emotion_sets.document(root / "processed/images_judgement_questions.json", questions)
    outputs = [
        {**q, "model_output": text}
        for q, text in zip(questions, ("(A)", "(B) No", "(A) Yes", "Hm."), strict=True)
    ]
    emotion_sets.document(root / "outputs/tiny-1/images_judgement_results.json", {"samples": outputs})
    assert (
        "recorded:emotion6/tiny-1"
        in harness("data", "import", "mllmvisualemotion", root, "--name", "emotion6").out
    )
    run = ("run", "--task", "evoked_questions", "--data", "emotion6")
    harness(*run, "--model", "recorded:emotion6/tiny-1", "--out", "run")
    assert load("run").metric("accuracy") == 0.5
    assert load("run").results.tasks[0].unparsed == 1
    failed = harness(*run, "--model", "recorded:emotion6/tiny-2", "--out", "other")
    assert (failed.code, "Did you mean recorded:emotion6/tiny-1?" in failed.err) == (2, True)
