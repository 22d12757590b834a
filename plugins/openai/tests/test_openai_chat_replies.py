from __future__ import annotations

import math
from typing import Any

import pytest
from memobench_openai.chat_replies import (
    FAILED_REASONS,
    add_cost,
    count_tokens,
    option_from_text,
    parse_completion,
)
from memobench_openai.options import JudgeOptions
from memobench_openai.top_logprobs import top_logprob_scores

from harness import BadOption, Question, RemoteError

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")


def completion(message: object, finish: str | None = "stop", **choice: object) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish, **choice}]}


def test_content_is_a_string_or_a_list_of_parts() -> None:
    assert parse_completion(completion({"content": "sad"})).text == "sad"
    assert (
        parse_completion(
            completion({"content": [{"type": "text", "text": "sa"}, {"type": "text", "text": "d"}]})
        ).text
        == "sad"
    )
    empty = parse_completion(completion({"content": None}))
    assert (empty.text, empty.refusal) == ("", None)


def test_a_truncated_reply_has_its_finish_reason() -> None:
    assert parse_completion(completion({"content": "The face"}, "length")).finish == "length"


@pytest.mark.parametrize(
    "body",
    [
        completion({"content": None, "refusal": "I can't help with that."}),
        completion({"content": [{"type": "refusal", "refusal": "I can't help with that."}]}),
        completion({"content": None}, "content_filter"),
        completion({"content": ""}, "SAFETY"),
        completion({"content": "I can't help with that."}, "refusal"),
        completion({"content": ""}, "stop", native_finish_reason="PROHIBITED_CONTENT"),
        completion({"content": None}, None, stop_reason="refusal"),
    ],
)
def test_refusals_are_recognised(body: dict[str, Any]) -> None:
    assert parse_completion(body).refusal


def test_an_ordinary_reply_is_not_a_refusal() -> None:
    for finish in ("stop", "length", "end_turn", None):
        assert parse_completion(completion({"content": "sad", "refusal": None}, finish)).refusal is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": ["x"]},
        {"choices": None},
        {"choices": [{"message": None}]},
    ],
)
def test_an_invalid_completion_is_retryable(body: dict[str, Any]) -> None:
    with pytest.raises(RemoteError) as error:
        parse_completion(body)
    assert error.value.retryable


@pytest.mark.parametrize("finish", [*sorted(FAILED_REASONS), "ERROR"])
def test_a_reply_that_the_server_did_not_finish_is_asked_again(finish: str) -> None:
    with pytest.raises(RemoteError) as error:
        parse_completion(completion({"content": "sad"}, finish))
    assert (error.value.kind, error.value.retryable) == ("server_error", True)
    assert repr(finish) in error.value.message


def test_the_cause_that_a_gateway_names_beside_the_finish_reason() -> None:
    def failed(code: int, message: str, finish: str | None = "error") -> RemoteError:
        choice = completion({"content": ""}, finish, error={"code": code, "message": message})
        with pytest.raises(RemoteError) as error:
            parse_completion(choice)
        return error.value

    overloaded = failed(502, "Provider returned error")
    assert overloaded.retryable
    assert "'error': 502: Provider returned error" in overloaded.message
    assert failed(502, "Provider returned error", None).retryable, "the cause alone says enough"
    assert failed(403, "The input was flagged by moderation").refusal
    assert failed(402, "Insufficient credits").fatal


@pytest.mark.parametrize(
    ("text", "labels", "option"),
    [
        ('{"answer": "sad"}', None, "sad"),
        (' {"answer":"sad"}\n', None, "sad"),
        (" sad", None, "sad"),
        ('"sad"', None, "sad"),
        ('{"answer": "B"}', ("A", "B"), "sad"),
        ("B", ("A", "B"), "sad"),
        ('{"answer": "s', None, '{"answer": "s'),
        ('{"answer": 3}', None, '{"answer": 3}'),
        ("It is sad, I think.", None, "It is sad, I think."),
        ("[1, 2]", None, "[1, 2]"),
    ],
)
def test_a_constrained_answer_becomes_its_option(
    text: str, labels: tuple[str, ...] | None, option: str
) -> None:
    assert (
        option_from_text(text, Question("choice", ("happy", "sad"), labels=labels, answer_mode="choice"))
        == option
    )


USAGE = {
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 8},
    }
}


def options(**prices: float) -> JudgeOptions:
    return JudgeOptions(ref="m", base_url="http://127.0.0.1:1/v1", **prices)


def test_tokens_of_all_completions_are_counted() -> None:
    counted = {"prompt_tokens": 2000, "completion_tokens": 20, "cached_tokens": 800, "reasoning_tokens": 16}
    assert count_tokens([USAGE, USAGE]) == counted
    assert add_cost(counted, options()) == {k: v for k, v in counted.items() if k != "cached_tokens"}


def test_costs_follow_from_prices_per_million_tokens() -> None:
    tokens = count_tokens([USAGE])
    plain = add_cost(tokens, options(price_input=2.0, price_output=10.0))["cost"]
    cached = add_cost(tokens, options(price_input=2.0, price_output=10.0, price_cached=0.5))["cost"]
    assert math.isclose(plain, (1000 * 2.0 + 10 * 10.0) / 1e6)
    assert math.isclose(cached, (600 * 2.0 + 400 * 0.5 + 10 * 10.0) / 1e6)
    with pytest.raises(BadOption, match="must be set together"):
        options(price_input=2.0)


@pytest.mark.parametrize(
    "usage", [None, {}, [], {"prompt_tokens": None}, {"prompt_tokens": True, "prompt_tokens_details": [1]}]
)
def test_missing_usage_stays_missing(usage: object) -> None:
    assert add_cost(count_tokens([{"usage": usage}]), options(price_input=1.0, price_output=1.0)) == {}


def position(token: str, **top: float) -> dict[str, Any]:
    """One token of a reply with its top alternatives; `_` stands for a space."""
    alternatives = {k.replace("_", " "): math.log(v) for k, v in top.items()}
    return {
        "token": token,
        "logprob": alternatives.get(token, -9.0),
        "top_logprobs": [{"token": t, "logprob": p} for t, p in alternatives.items()],
    }


def probabilities(tokens: list[dict[str, Any]], words: tuple[str, ...]) -> dict[str, float]:
    return {word: round(math.exp(score), 6) for word, score in top_logprob_scores(tokens, words).items()}


def test_words_of_one_token_are_scored_at_the_first_position() -> None:
    found = probabilities([position("sad", sad=0.6, happy=0.3, glad=0.1)], ("happy", "sad", "angry"))
    assert found == {"sad": 0.6, "happy": 0.3}


def test_case_and_leading_space_are_ignored() -> None:
    found = probabilities([position("sad", sad=0.4, Sad=0.2, _sad=0.1, _Happy=0.25)], ("happy", "sad"))
    assert found == {"sad": 0.7, "happy": 0.25}


def test_words_of_several_tokens_are_scored_along_the_reply() -> None:
    first = position("very", very=0.5, strong=0.2, weak=0.2, moderate=0.1)
    second = position(" strong", _strong=0.75, _weak=0.25)
    assert probabilities([first, second], LEVELS) == {
        "very weak": 0.125,
        "weak": 0.2,
        "moderate": 0.1,
        "strong": 0.2,
        "very strong": 0.375,
    }
    other_way = position("strong", very=0.5, strong=0.2, weak=0.2, moderate=0.1)
    assert set(probabilities([other_way, position(".")], LEVELS)) == {"strong", "weak", "moderate"}


def test_a_quotation_mark_or_line_break_before_the_answer_is_skipped() -> None:
    start = {
        "token": '"',
        "logprob": math.log(0.8),
        "top_logprobs": [
            {"token": '"', "logprob": math.log(0.8)},
            {"token": "sad", "logprob": math.log(0.1)},
        ],
    }
    assert probabilities([start, position("sad", sad=0.5, happy=0.5)], ("happy", "sad")) == {
        "happy": 0.4,
        "sad": 0.5,
    }


def test_a_word_with_more_hidden_than_shown_probability_has_no_score() -> None:
    rare = {
        "token": "\n",
        "logprob": math.log(0.001),
        "top_logprobs": [
            {"token": "ah", "logprob": math.log(0.3)},
            {"token": "oh", "logprob": math.log(0.2)},
        ],
    }
    assert probabilities([rare, position("sad", sad=0.5, happy=0.5)], ("happy", "sad")) == {}
    common = rare | {
        "logprob": math.log(0.4),
        "top_logprobs": [
            {"token": "\n", "logprob": math.log(0.4)},
            {"token": "oh", "logprob": math.log(0.1)},
        ],
    }
    assert probabilities([common, position("sad", sad=0.6, happy=0.4)], ("happy", "sad")) == {
        "happy": 0.16,
        "sad": 0.24,
    }


def test_a_word_that_is_a_prefix_of_another_has_no_score() -> None:
    assert set(probabilities([position("1", **{"1": 0.9, "10": 0.05, "2": 0.05})], ("1", "2", "10"))) == {
        "2",
        "10",
    }


@pytest.mark.parametrize(
    "tokens", [[], [{}], [{"token": "sad"}], [{"token": "sad", "logprob": None, "top_logprobs": "x"}]]
)
def test_without_log_probabilities_there_are_no_scores(tokens: list[dict[str, Any]]) -> None:
    assert top_logprob_scores(tokens, ("happy", "sad")) == {}
