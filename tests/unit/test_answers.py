"""Stored replies are parsed in the recorded answer mode; unparseable ones get a reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Sample
from harness.tasks.answers import ParsedReply, parse_reply, rates_unlabelled, truth_of
from harness.tasks.spec import Answer

CHOICE = Answer.model_validate(
    {"kind": "choice", "options": ("happy", "sad", "angry"), "truth": {"field": "emotion"}}
)
RATING = Answer.model_validate(
    {
        "kind": "rating",
        "options": ("weak", "medium", "strong"),
        "low": 1,
        "truth": {"field": "intensity", "leave_out": ("neutral",)},
    }
)


def sample(emotion: str | None = "happy", intensity: float | None = 2.0, **attributes: str) -> Sample:
    return Sample("s", "s.png", emotion, intensity, None, attributes)


def parse(reply: dict[str, Any], answer: Answer, mode: str) -> tuple[Any, str]:
    parsed = parse_reply(reply, answer, answer.options, mode)
    assert (parsed.value is None) == bool(parsed.reason), "either a value or a reason"
    return parsed.value, parsed.reason


@pytest.mark.parametrize("mode", ["text", "choice"])
def test_text(mode: str) -> None:
    assert parse({"text": "sad"}, CHOICE, mode)[0] == "sad"
    assert parse({"text": "strong"}, RATING, mode)[0] == 3.0
    assert parse({"text": "a banana"}, CHOICE, mode)[0] is None
    assert parse({"text": ""}, CHOICE, mode)[0] is None
    assert parse({}, CHOICE, mode) == (None, "the reply has no text")


@pytest.mark.parametrize("mode", ["text", "choice", "rating", "logprobs"])
def test_refusals_are_never_parsed(mode: str) -> None:
    reply = {
        "text": "happy",
        "refusal": "I cannot",
        "rating": 2.0,
        "scores": {"happy": 0, "sad": -1, "angry": -2},
    }
    assert parse(reply, RATING if mode == "rating" else CHOICE, mode) == (None, "refused")


def test_ratings() -> None:
    assert parse({"rating": 2.4}, RATING, "rating")[0] == 2.4
    assert parse({"rating": 3}, RATING, "rating")[0] == 3.0
    assert "outside 1 to 3" in parse({"rating": 3.01}, RATING, "rating")[1]
    assert parse({"text": "strong"}, RATING, "rating") == (None, "the reply has no rating")


def test_log_probabilities_of_a_choice() -> None:
    scores = {"happy": -2.0, "sad": -0.5, "angry": -3.0, "other": 5.0}
    assert parse({"scores": scores}, CHOICE, "logprobs")[0] == "sad"
    parsed = parse_reply({"scores": scores}, CHOICE, CHOICE.options, "logprobs")
    assert parsed.probabilities is not None
    assert sum(parsed.probabilities) == pytest.approx(1.0)
    assert parsed.probabilities[CHOICE.options.index("sad")] == pytest.approx(
        math.exp(-0.5) / sum(math.exp(scores[o]) for o in CHOICE.options)
    )
    assert (
        "equal log-probability"
        in parse({"scores": dict.fromkeys(CHOICE.options, -1.0)}, CHOICE, "logprobs")[1]
    )
    assert (
        "no log-probability for angry" in parse({"scores": {"happy": 0.0, "sad": 0.0}}, CHOICE, "logprobs")[1]
    )
    assert parse({"text": "sad"}, CHOICE, "logprobs") == (None, "the reply has no log-probabilities")


def test_expected_score_of_a_rating() -> None:
    """The expectation of the level values under the softmax over levels."""
    even = dict.fromkeys(RATING.options, -7.0)
    assert parse({"scores": even}, RATING, "logprobs")[0] == pytest.approx(2.0)
    scores = {"weak": math.log(0.2), "medium": math.log(0.3), "strong": math.log(0.5)}
    assert parse({"scores": scores}, RATING, "logprobs")[0] == pytest.approx(0.2 * 1 + 0.3 * 2 + 0.5 * 3)
    never = {"weak": -9999.0, "medium": -9999.0, "strong": -1.0}
    assert parse({"scores": never}, RATING, "logprobs")[0] == 3.0


@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3))
def test_expected_scores_stay_on_the_scale(values: list[float]) -> None:
    value, _ = parse({"scores": dict(zip(RATING.options, values, strict=True))}, RATING, "logprobs")
    assert 1.0 - 1e-9 <= value <= 3.0 + 1e-9


def test_truth() -> None:
    assert truth_of(CHOICE, sample("sad")) == "sad"
    assert truth_of(CHOICE, sample("worry")) is None, "not an option of the task"
    assert truth_of(CHOICE, sample(None)) is None
    assert truth_of(RATING, sample(intensity=4.5)) == 4.5
    assert truth_of(RATING, sample("neutral", 3.0)) is None, "neutral has no intensity"
    assert truth_of(RATING, sample(intensity=None)) is None


def test_truth_from_an_attribute_and_through_a_mapping() -> None:
    answer = Answer.model_validate(
        {
            "kind": "choice",
            "options": ("pos", "neg"),
            "truth": {"field": "valence", "mapping": {"1": "pos", "-1": "neg"}},
        }
    )
    assert truth_of(answer, sample(valence="1")) == "pos"
    assert truth_of(answer, sample(valence="0")) is None
    assert truth_of(answer, sample()) is None
    number = Answer.model_validate({"kind": "rating", "options": ("a", "b"), "truth": {"field": "score"}})
    assert truth_of(number, sample(score="1.5")) == 1.5
    assert truth_of(number, sample(score="nan")) is None
    assert truth_of(number, sample(score="much")) is None


def test_portraits_without_a_truth_are_rated_where_the_task_rates() -> None:
    assert rates_unlabelled(RATING, sample(intensity=None))
    assert not rates_unlabelled(RATING, sample("neutral", None))
    assert not rates_unlabelled(CHOICE, sample(None))


CONTRAST = Answer.model_validate(
    {
        "kind": "choice",
        "options": ("sad", "angry", "worry"),
        "truth": {"field": "emotion"},
        "contrast": {"worry": ["sad", "angry"], "sad": ["worry"]},
        "synonyms": {"worry": ["fear"], "angry": ["cross"]},
    }
)


@pytest.mark.parametrize("mode", ["text", "choice"])
def test_only_shown_options_are_parsed(mode: str) -> None:
    def value(text: str, *shown: str) -> Any:
        return parse_reply({"text": text}, CONTRAST, shown, mode).value

    assert value("worry", "worry", "sad") == value("fear", "sad", "worry") == "worry"
    assert value("angry", "worry", "sad") is None
    assert value("cross", "worry", "sad") is None
    assert value("cross", "worry", "angry") == "angry"


def test_letters_follow_the_order_shown() -> None:
    answer = CONTRAST.model_copy(update={"labels": "letters"})
    assert parse_reply({"text": "B"}, answer, ("worry", "sad"), "choice").value == "sad"
    assert parse_reply({"text": "B"}, answer, ("sad", "worry"), "choice").value == "worry"
    assert parse_reply({"text": "C"}, answer, ("sad", "worry"), "choice").value is None


def test_log_probabilities_of_the_shown_options() -> None:
    scores = {"sad": -2.0, "angry": 0.0, "worry": -1.0}
    parsed = parse_reply({"scores": scores}, CONTRAST, ("sad", "worry"), "logprobs")
    assert parsed.value == "worry"
    given = {o for o, p in zip(CONTRAST.options, parsed.probabilities or (), strict=True) if p}
    assert given == {"sad", "worry"}


def test_samples_without_confusable_options_have_no_truth() -> None:
    assert truth_of(CONTRAST, sample("worry")) == "worry"
    assert truth_of(CONTRAST, sample("angry")) is None


PAIR = Answer.model_validate({"kind": "pair", "options": ("first", "second")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("second", "second"), ("Image 1", "first"), ("the left one", "first"), ("both", None)],
)
def test_pairs(text: str, expected: str | None) -> None:
    assert parse({"text": text}, PAIR, "text")[0] == expected
    assert parse({"scores": {"first": -1.0, "second": -0.5}}, PAIR, "logprobs")[0] == "second"
    assert truth_of(PAIR, sample("sad", stronger="second")) == "second"


class TestReasoned:
    """What was thought before is no part of the answer."""

    def test_the_answer_is_in_the_scores(self) -> None:
        reply = {
            "thought": "The answer is sad.",
            "text": None,
            "scores": {"happy": -1, "sad": -2, "angry": -3},
        }
        assert parse(reply, CHOICE, "reasoned") == ("happy", "")

    def test_or_in_the_text_that_a_server_was_guided_to(self) -> None:
        assert parse({"thought": "Answer: sad", "text": "happy"}, CHOICE, "reasoned") == ("happy", "")
        assert parse({"thought": "medium", "text": "strong"}, RATING, "reasoned") == (3.0, "")

    def test_a_thought_alone_is_no_answer(self) -> None:
        for reply in ({"thought": "Answer: sad"}, {"thought": "Answer: sad", "text": ""}):
            assert parse(reply, CHOICE, "reasoned")[0] is None
        cut = {"thought": "Answer: sad", "text": "", "finish_reason": "length"}
        assert parse(cut, CHOICE, "reasoned") == (None, "cut off")


@pytest.mark.parametrize("options", [("yes", "no, not at all"), ("A", "an answer"), ("Not sure", "Happy!")])
def test_an_option_by_itself_is_that_option(options: tuple[str, ...]) -> None:
    answer = Answer.model_validate({"kind": "choice", "options": options, "truth": {"field": "mood"}})
    for option in options:
        assert parse_reply({"text": option}, answer, options, "text") == ParsedReply(option, how="declared")
