"""The judge `fer`: its answers on real faces, and its behaviour without a face."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from memobench_fer.expression import LABELS, ExpressionNet, centre_crop, face_crop, preprocess
from memobench_fer.judge import FerJudge
from PIL import Image
from pydantic import ValidationError

from harness import (
    EMOTIONS,
    Capability,
    Judge,
    JudgeReply,
    JudgeRequest,
    Message,
    MissingPackage,
    Part,
    Picture,
    Question,
    Scale,
)

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
EMOTION = Question("choice", EMOTIONS, target="emotion")
INTENSITY = Question("rating", LEVELS, scale=Scale(LEVELS), target="intensity")


def request(image: Image.Image | None, question: Question = EMOTION, name: str = "r1") -> JudgeRequest:
    digest = hashlib.sha256(image.tobytes() if image else b"").hexdigest()
    picture = Picture(digest, image=image)
    return JudgeRequest(name, "s1", (picture,), (Message("user", (Part("?"), Part(image=0))),), question)


def ask(judge: FerJudge, image: Image.Image, question: Question = EMOTION) -> JudgeReply:
    (reply,) = judge.judge([request(image, question)])
    return reply


def test_a_smiling_face_is_happy(judge: FerJudge, astronaut: Image.Image) -> None:
    reply = ask(judge, astronaut)
    assert (reply.error, reply.text) == (None, "happy")
    assert reply.scores is not None
    assert list(reply.scores) == list(EMOTIONS)
    assert math.exp(reply.scores["happy"]) > 0.95
    assert reply.extra["face_found"] is True
    assert reply.extra["faces"] == 1
    left, top, width, height = reply.extra["box"]
    assert left < 224 < left + width
    assert top < 130 < top + height
    assert json.loads(json.dumps(reply.extra)) == reply.extra


def test_a_stern_face_is_neutral(judge: FerJudge, officer: Image.Image) -> None:
    assert ask(judge, officer).text == "neutral"


def test_polarity_and_strength_agree(judge: FerJudge, astronaut: Image.Image, officer: Image.Image) -> None:
    polarity = Question("choice", ("positive", "neutral", "negative", "surprise"), target="polarity")
    assert [ask(judge, picture, polarity).text for picture in (astronaut, officer)] == ["positive", "neutral"]
    smile, stern = (ask(judge, picture, INTENSITY).rating for picture in (astronaut, officer))
    assert smile is not None
    assert stern is not None
    assert 1 <= stern < 2.5 < 4.5 < smile <= 5


def test_probabilities_match_face_api(astronaut: Image.Image) -> None:
    """Expected probabilities come from face-api 1.7.15, for two pictures of 112 x 112."""
    y, x = np.mgrid[:112, :112]
    pattern = np.stack([(5 * x + 3 * y) % 256, (7 * x + y * y) % 256, (x * y) % 256], axis=-1)
    net = ExpressionNet(1, "test")
    found = net.log_probabilities(Image.fromarray(pattern.astype(np.uint8)))
    expected = [0.05934183, 0.00628277, 0.92143625, 0.00354771, 0.00862692, 0.00036590, 0.00039859]
    assert np.exp(found) == pytest.approx(expected, abs=1e-5)
    smile = net.log_probabilities(astronaut.crop((165, 70, 277, 182)))
    tiny = [1.3506847e-11, 1, 5.7187066e-10, 1.6041324e-09, 3.7315923e-12, 2.8540202e-12, 2.9254586e-09]
    assert smile == pytest.approx(np.log(tiny), abs=2e-3)


def test_crops_are_padded_with_black() -> None:
    wide = preprocess(Image.new("RGB", (200, 100), "white"))
    assert wide.shape == (1, 3, 112, 112)
    black, white = (
        -np.array([122.782, 117.001, 104.298]) / 255,
        (255 - np.array([122.782, 117.001, 104.298])) / 255,
    )
    assert wide[0, :, 0, 56] == pytest.approx(black, abs=1e-6)
    assert wide[0, :, 111, 56] == pytest.approx(black, abs=1e-6)
    assert wide[0, :, 56, 56] == pytest.approx(white, abs=1e-6)
    assert (wide[0, 0, :, 56] > 0).sum() == 56


def test_answers_do_not_depend_on_the_batch(
    judge: FerJudge, astronaut: Image.Image, officer: Image.Image
) -> None:
    pictures = [astronaut, officer, officer.crop((100, 80, 420, 400)), astronaut.resize((300, 300))] * 4
    together = list(judge.judge([request(picture, name=f"r{n}") for n, picture in enumerate(pictures)]))
    alone = [ask(judge, picture) for picture in pictures]
    assert [reply.scores for reply in together] == [reply.scores for reply in alone]
    assert [reply.extra for reply in together] == [reply.extra for reply in alone]


def test_threads_do_not_change_answers(judge: FerJudge, officer: Image.Image) -> None:
    wide = FerJudge(FerJudge.Options(threads=2))
    wide.open()
    assert ask(wide, officer).scores == ask(judge, officer).scores


def test_each_request_gets_one_reply_with_its_id(judge: FerJudge, astronaut: Image.Image) -> None:
    requests = [request(astronaut, question, f"q{n}") for n, question in enumerate((EMOTION, INTENSITY) * 20)]
    requests[7] = request(astronaut, Question("pair", ("first", "second")), "q7")
    requests[9] = request(None, name="q9")
    replies = list(judge.stream(requests))  # type: ignore[arg-type]
    assert sorted(r.id for r in replies) == sorted(r.id for r in requests)
    failed = {r.id: r.error for r in replies if r.error}
    assert sorted(failed) == ["q7", "q9"]
    assert all(error.kind == "unsupported_question" and not error.retryable for error in failed.values())


def test_unsupported_questions_fail_individually(judge: FerJudge, astronaut: Image.Image) -> None:
    quality = Question("rating", LEVELS, scale=Scale(LEVELS), target="quality")
    for question in (quality, Question("choice", ("bored", "amused"))):
        reply = ask(judge, astronaut, question)
        assert reply.error is not None
        assert (reply.error.kind, reply.error.retryable) == ("unsupported_question", False)
        assert (reply.text, reply.scores, reply.rating) == (None, None, None)


def test_without_a_face_the_centre_is_classified(judge: FerJudge, no_faces: dict[str, Image.Image]) -> None:
    reply = ask(judge, no_faces["coffee"])
    assert reply.error is None
    assert reply.extra["face_found"] is False
    assert reply.extra["faces"] == 0
    assert "box" not in reply.extra
    middle = centre_crop(no_faces["coffee"])
    assert middle.size == (400, 400)
    expected = np.exp(ExpressionNet(1, "test").log_probabilities(middle))
    assert list(reply.extra["labels"].values()) == pytest.approx(expected.tolist(), abs=1e-6)


def test_without_a_face_it_can_fail(no_faces: dict[str, Image.Image], astronaut: Image.Image) -> None:
    strict = FerJudge(FerJudge.Options(no_face="error"))
    strict.open()
    reply = ask(strict, no_faces["coffee"])
    assert reply.error is not None
    assert (reply.error.kind, reply.error.retryable) == ("no_face", False)
    assert ask(strict, astronaut).text == "happy"


def test_several_faces_are_counted_and_the_most_confident_is_used(
    judge: FerJudge, portrait: Image.Image
) -> None:
    row = Image.new("RGB", (480, 240))
    row.paste(portrait, (0, 0))
    row.paste(portrait, (240, 0))
    reply = ask(judge, row)
    assert reply.extra["faces"] == 2
    assert reply.text == "happy"


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (1, 400), (4000, 3000)])
def test_any_size_gets_an_answer(judge: FerJudge, size: tuple[int, int]) -> None:
    reply = ask(judge, Image.new("RGB", size, (180, 140, 120)))
    assert reply.error is None
    assert reply.text in EMOTIONS


def test_small_and_large_copies_get_the_same_answer(judge: FerJudge, portrait: Image.Image) -> None:
    assert {ask(judge, portrait.resize((side, side))).text for side in (96, 512, 3000)} == {"happy"}


def test_a_box_at_the_edge_gives_a_crop(astronaut: Image.Image) -> None:
    from harness import Face

    assert face_crop(astronaut, Face(510.7, 511.9, 0.5, 40.0)).size == (1, 1)
    assert face_crop(astronaut, Face(400.0, 0.0, 300.0, 50.9)).size == (112, 50)


def test_identity_and_capabilities_need_no_weights() -> None:
    judge = FerJudge()
    assert isinstance(judge, Judge)
    assert judge.takes == "pixels"
    assert judge.capabilities == {Capability.CHOICE, Capability.RATING, Capability.LOGPROBS}
    identity = judge.identity()
    assert set(identity) == {"version", "detector_sha256", "expression_sha256"}
    assert all(len(digest) == 64 for name, digest in identity.items() if name.endswith("sha256"))


def test_open_and_close_are_idempotent(astronaut: Image.Image) -> None:
    judge = FerJudge()
    judge.close()
    judge.open()
    judge.open()
    assert ask(judge, astronaut).text == "happy"
    judge.close()
    judge.close()
    with pytest.raises(RuntimeError, match="open"):
        ask(judge, astronaut)
    judge.open()
    assert ask(judge, astronaut).text == "happy"


def test_the_mapping_is_an_option() -> None:
    options = FerJudge().options.answer_affecting()
    assert options["mapping"]["fear"] == "worry"
    assert options["mapping"]["disgust"] == "angry"
    assert list(options["mapping"]) == list(LABELS)
    assert "threads" not in options
    typed = ("fear=surprise, disgust=none", '{"disgust": "none", "fear": "surprise"}')
    for text in typed:
        mapping = FerJudge.Options.model_validate({"mapping": text}).mapping
        assert mapping == {**options["mapping"], "fear": "surprise", "disgust": "none"}
    for wrong in ("fear", "{", "fear=scared", "terror=worry"):
        with pytest.raises(ValidationError):
            FerJudge.Options.model_validate({"mapping": wrong})


def test_a_missing_runtime_is_reported_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackage, match="judge fer needs the package 'onnxruntime'") as caught:
        FerJudge().open()
    assert "pip install onnxruntime" in caught.value.hint


def test_a_damaged_file_is_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from memobench_fer import weights

    intact = weights._read
    monkeypatch.setattr(
        weights, "_read", lambda file: intact(file)[:-1] if file.endswith("onnx") else intact(file)
    )
    with pytest.raises(weights.DamagedWeights, match="is damaged"):
        FerJudge().open()


def test_questions_about_one_picture_share_one_analysis(
    judge: FerJudge, astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    detections: list[Image.Image] = []
    detect = judge._detector.detect
    monkeypatch.setattr(judge._detector, "detect", lambda image: detections.append(image) or detect(image))
    first, again = ask(judge, astronaut), ask(judge, astronaut)
    other = ask(judge, astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert first.scores == again.scores
    assert other.scores != first.scores
    assert len(detections) == 2


def test_it_reads_no_prompt(judge: FerJudge, astronaut: Image.Image) -> None:
    """So it says, and is asked in one prompt variant only."""
    assert FerJudge.reads_prompt is False
    one = request(astronaut)
    other = replace(one, messages=(Message("user", (Part(image=0), Part("Say that the person is sad."))),))
    first, second = judge.judge([one, other])
    assert (first.text, first.scores) == (second.text, second.scores)
