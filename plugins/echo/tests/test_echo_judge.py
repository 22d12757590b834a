from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest
from memobench_echo.judge import EchoJudge
from PIL import Image
from pydantic import ValidationError

from harness import (
    EMOTIONS,
    BadOption,
    Capability,
    JudgeReply,
    JudgeRequest,
    Picture,
    Question,
    Sampling,
    Scale,
)

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
EMOTION = Question("choice", EMOTIONS, target="emotion")
GREEDY = Sampling()
INTENSITY = Question("rating", LEVELS, scale=Scale(LEVELS), target="intensity")


def ask(
    n: int, truth: str | float | None = "happy", question: Question = EMOTION, sampling: Sampling = GREEDY
) -> list[JudgeRequest]:
    return [JudgeRequest(f"r{i}", f"s{i}", (), (), question, sampling, truth) for i in range(n)]


def judge(**options: object) -> EchoJudge:
    return EchoJudge(EchoJudge.Options.model_validate(options))


def texts(replies: object) -> dict[str, str | None]:
    return {reply.id: reply.text for reply in replies}  # type: ignore[attr-defined]


def failure(reply: JudgeReply) -> tuple[str, bool]:
    assert reply.error is not None
    assert reply.text is None
    return reply.error.kind, reply.error.retryable


def write_replies(folder: Path, *lines: object) -> Path:
    path = folder / "replies.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_answers_the_truth_by_default() -> None:
    requests = [*ask(3, "worry"), *ask(2, 3.25, INTENSITY), *ask(1, 4.0, INTENSITY)]
    assert [r.text for r in judge().judge(requests)] == ["worry", "worry", "worry", "3.25", "3.25", "4"]


def test_declares_the_oracle_capability() -> None:
    assert judge().capabilities == {Capability.TEXT, Capability.MULTI_IMAGE, Capability.ORACLE}


def test_records_the_size_of_the_picture() -> None:
    picture = Picture("digest", image=Image.new("RGB", (30, 20)))
    (reply,) = judge().judge([JudgeRequest("r", "s", (picture,), (), EMOTION, truth="sad")])
    assert reply.extra == {"width": 30, "height": 20}


def test_fixed_text_needs_no_truth() -> None:
    assert [r.text for r in judge(text="").judge(ask(2, None))] == ["", ""]


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.8])
def test_error_rate_of_a_choice(accuracy: float) -> None:
    answers = Counter(r.text for r in judge(accuracy=accuracy).judge(ask(6000, "angry")))
    assert answers["angry"] / 6000 == pytest.approx(accuracy, abs=0.02)
    expected_wrong = 6000 * (1 - accuracy) / 5
    assert all(answers[e] == pytest.approx(expected_wrong, rel=0.15) for e in EMOTIONS if e != "angry")


def test_noise_on_a_scale() -> None:
    values = [float(r.text or "") for r in judge(accuracy=0.8).judge(ask(4000, 3.0, INTENSITY))]
    assert statistics.mean(values) == pytest.approx(3.0, abs=0.03)
    assert statistics.stdev(values) == pytest.approx((1 - 0.8) * 4 / 2, rel=0.05)
    assert all(
        r.text and len(r.text.partition(".")[2]) == 2
        for r in judge(accuracy=0.8).judge(ask(50, 3.0, INTENSITY))
    )


def test_noise_stays_on_the_scale() -> None:
    values = [float(r.text or "") for r in judge(accuracy=0.0).judge(ask(500, 5.0, INTENSITY))]
    assert (min(values) >= 1.0, max(values)) == (True, 5.0)
    assert len(set(values)) > 50


def test_answers_do_not_depend_on_order_or_batches() -> None:
    requests = ask(200)
    at_once = texts(judge(accuracy=0.5).judge(requests))
    other = judge(accuracy=0.5)
    one_by_one = texts(reply for request in reversed(requests) for reply in other.judge([request]))
    assert one_by_one == at_once


def test_answers_do_not_depend_on_the_order_of_options() -> None:
    reversed_options = Question("choice", EMOTIONS[::-1], target="emotion")
    model = judge(accuracy=0.3)
    assert texts(model.judge(ask(100))) == texts(model.judge(ask(100, question=reversed_options)))


def test_seed_and_question_change_the_errors() -> None:
    default = texts(judge(accuracy=0.5).judge(ask(100)))
    assert texts(judge(accuracy=0.5, seed=1).judge(ask(100))) != default
    other_target = Question("choice", EMOTIONS, target="polarity")
    assert texts(judge(accuracy=0.5).judge(ask(100, question=other_target))) != default


def test_the_sampling_seed_matters_only_above_temperature_zero() -> None:
    def answers(temperature: float, seed: int) -> dict[str, str | None]:
        sampling = Sampling(temperature=temperature, seed=seed)
        return texts(judge(accuracy=0.5).judge(ask(100, sampling=sampling)))

    assert answers(0.0, 1) == answers(0.0, 2)
    assert answers(0.7, 1) != answers(0.7, 2)
    assert answers(0.7, 1) == answers(0.7, 1)


def test_a_sample_without_a_label_fails() -> None:
    (reply,) = judge().judge(ask(1, None))
    assert failure(reply) == ("no_truth", False)


def test_replies_come_from_the_file(tmp_path: Path) -> None:
    path = write_replies(tmp_path, {"id": "s0", "text": "très triste"}, {"id": "s1", "text": "", "by": "x"})
    first, second, third = judge(replies=path).judge(ask(3))
    assert (first.text, second.text) == ("très triste", "")
    assert failure(third) == ("no_reply", False)


def test_identity_follows_the_contents_of_the_file(tmp_path: Path) -> None:
    path = write_replies(tmp_path, {"id": "s0", "text": "a"})
    before = judge(replies=path).identity()
    moved = path.rename(tmp_path / "moved.jsonl")
    assert judge(replies=moved).identity() == before
    changed = write_replies(tmp_path, {"id": "s0", "text": "b"})
    assert judge(replies=changed).identity() != before
    assert set(judge().identity()) == {"version"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no replies"),
        (b'{"id": "a"\n', "line 1: not valid JSON"),
        (b'\n["a", "b"]\n', "line 2: not an object"),
        (b'{"text": "a"}', "'id' is missing"),
        (b'{"id": "a", "text": 3}', "'text' is missing or not text"),
        (b'{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', "line 2: the id 'a' is duplicated"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_an_invalid_file_of_replies_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadOption, match=message) as caught:
        judge(replies=path)
    assert caught.value.hint


def test_a_missing_file_of_replies_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"gone\.jsonl"):
        judge(replies=tmp_path / "gone.jsonl")


@pytest.mark.parametrize(
    "options",
    [
        {"accuracy": 1.1},
        {"accuracy": -0.1},
        {"delay": -1},
        {"fail_every": -1},
        {"acuracy": 0.5},
        {"text": "a", "accuracy": 0.5},
        {"text": "a", "replies": "b"},
    ],
)
def test_invalid_options_are_rejected(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        judge(**options)


def test_every_nth_request_fails_and_is_retryable() -> None:
    model = judge(fail_every=3)
    replies = list(model.judge(ask(7)))
    assert [r.id for r in replies if r.error] == ["r2", "r5"]
    assert {failure(r) for r in replies if r.error} == {("injected", True)}
    again = list(model.judge(ask(1)))
    assert [r.text for r in again] == ["happy"]


def test_faults_do_not_affect_answers() -> None:
    plain, faulty = judge(accuracy=0.5), judge(accuracy=0.5, delay=0.0001, fail_every=2)
    assert plain.options.answer_affecting() == faulty.options.answer_affecting()
    good = texts(r for r in faulty.judge(ask(40)) if not r.error)
    assert good.items() <= texts(plain.judge(ask(40))).items()


def test_each_request_is_delayed() -> None:
    start = time.perf_counter()
    assert len(list(judge(delay=0.02).judge(ask(5)))) == 5
    assert time.perf_counter() - start >= 0.1


def test_close_is_idempotent_and_the_judge_can_be_reopened() -> None:
    model = judge()
    model.close()
    model.open()
    model.close()
    model.close()
    assert len(list(model.judge(ask(2)))) == 2, "it can be opened again"
