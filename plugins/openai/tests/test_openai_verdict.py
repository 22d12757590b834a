"""Error replies as providers write them."""

from __future__ import annotations

import pytest
from memobench_openai.verdict import details, explain, judge_hidden, judge_status

OPENAI_KEY = {
    "message": "Incorrect API key provided: sk-abc.",
    "type": "invalid_request_error",
    "code": "invalid_api_key",
}
GEMINI_KEY = [
    {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
        }
    }
]
GEMINI_SEED = [
    {
        "error": {
            "code": 400,
            "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.',
        }
    }
]
GEMINI_RATE = [
    {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota, please check your plan and billing details.",
        }
    }
]
QUOTA = {
    "message": "You exceeded your current quota, please check your plan and billing details.",
    "code": "insufficient_quota",
}
AZURE_FILTER = {
    "message": "The response was filtered",
    "code": "content_filter",
    "innererror": {"code": "ResponsibleAIPolicyViolation"},
}
TEMPERATURE = {
    "message": "Unsupported value: 'temperature' does not support 0 with this model.",
    "param": "temperature",
    "code": "unsupported_value",
}
MAX_TOKENS = {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
              "param": "max_tokens", "code": "unsupported_parameter"}  # fmt: skip
VLLM_MODEL = {
    "message": "The model `x` does not exist.",
    "type": "NotFoundError",
    "param": "model",
    "code": 404,
}
FASTAPI = {
    "detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]
}
ANTHROPIC_MODEL = {"type": "not_found_error", "message": "model: claude-9"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, OPENAI_KEY, "key_refused"),
        (400, GEMINI_KEY, "key_refused"),
        (403, {"message": "This model is not available in your country"}, "forbidden"),
        (404, VLLM_MODEL, "not_found"),
        (404, ANTHROPIC_MODEL, "not_found"),
        (404, {"detail": "Not Found"}, "not_found"),
        (402, {"message": "Insufficient Balance"}, "no_quota"),
        (429, QUOTA, "no_quota"),
        (400, {"message": "Your credit balance is too low to access the API."}, "no_quota"),
        (400, TEMPERATURE, "parameter_refused"),
        (400, MAX_TOKENS, "parameter_refused"),
        (400, GEMINI_SEED, "parameter_refused"),
        (422, FASTAPI, "parameter_refused"),
        (
            403,
            {
                "message": "Your resource has been temporarily blocked because we detected behavior that may violate our content policy."
            },
            "forbidden",
        ),
    ],
)
def test_what_concerns_every_request_ends_the_stream(status: int, body: object, kind: str) -> None:
    fault = judge_status(status, body, None)
    assert (fault.kind, fault.retryable, fault.refusal) == (kind, False, False)
    assert fault.ends


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_asked_again(status: int) -> None:
    fault = judge_status(status, "<html>Bad gateway</html>", None)
    assert fault.retryable
    assert not fault.ends
    assert fault.shared == (status == 429)


def test_a_quota_by_the_minute_is_waited_for() -> None:
    fault = judge_status(429, GEMINI_RATE, 3.5)
    assert (fault.retryable, fault.wait, fault.shared, fault.ends) == (True, 3.5, True, "")


def test_any_overload_that_names_a_time_slows_all() -> None:
    assert judge_status(503, "", 2.0).shared
    assert not judge_status(503, "", None).shared


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, AZURE_FILTER),
        (400, {"message": "Your input was flagged as potentially violating our usage policy", "code": "content_policy_violation"}),
        (403, {"message": "Your chosen model requires moderation and your input was flagged"}),
        (400, {"message": "Your request was rejected by the safety system.", "code": "moderation_blocked"}),
        (400, {"message": "Your task failed as a result of our safety system.", "code": "contentFilter"}),
        (400, {"message": "The response is blocked, as it may violate our policies."}),
        (422, {"detail": "NSFW content detected"}),
        (500, {"message": "upstream error", "code": "content_policy_violation"}),
    ],
)  # fmt: skip
def test_a_filter_that_steps_in_is_a_refusal_and_no_failure(status: int, body: object) -> None:
    fault = judge_status(status, body, None)
    assert fault.refusal
    assert not fault.retryable
    assert not fault.ends


@pytest.mark.parametrize(
    "body", [{"message": "Image could not be decoded"}, {"message": "image too large"}, None, "no", [], 7]
)
def test_other_complaints_are_one_requests_own(body: object) -> None:
    fault = judge_status(400, body, None)
    assert (fault.kind, fault.retryable, fault.ends, fault.refusal) == ("rejected", False, "", False)


def test_the_way_out_names_the_option() -> None:
    assert "-o omit=temperature" in judge_status(400, TEMPERATURE, None).ends
    assert "-o max_tokens_field=max_completion_tokens" in judge_status(400, MAX_TOKENS, None).ends
    refused = judge_status(400, {"message": "response_format is not supported"}, None)
    assert "-o structured=" in refused.ends
    assert refused.unless_answered
    assert (
        "-o logprobs=off"
        in judge_status(400, {"message": "Unknown parameter", "param": "top_logprobs"}, None).ends
    )


def test_the_way_out_is_that_of_the_component_that_asks() -> None:
    wrong = {"message": "Invalid value: '8x8'.", "param": "size", "code": "invalid_value"}
    assert judge_status(400, wrong, None).kind == "rejected"
    refused = judge_status(400, wrong, None, {"size": "Choose another size."})
    assert (refused.kind, refused.field, refused.ends) == (
        "parameter_refused",
        "size",
        "Choose another size.",
    )


def test_an_error_with_status_200_is_judged_by_its_code_and_its_words() -> None:
    assert judge_hidden({"code": 429, "message": "slow"}).kind == "rate_limited"
    assert judge_hidden("the worker died").kind == "server_error"
    assert judge_hidden({"message": "flagged by moderation"}).refusal


def test_a_model_and_a_path_that_do_not_exist_are_told_apart() -> None:
    assert judge_status(404, VLLM_MODEL, None).ends == "model"
    assert judge_status(404, {"detail": "Not Found"}, None).ends == "path"


def test_details_are_found_in_every_form() -> None:
    assert details(GEMINI_SEED)[0].startswith("Invalid JSON payload")
    assert details({"error": "model requires more memory"}) == ("model requires more memory", "", "")
    assert details(AZURE_FILTER)[1] == "responsibleaipolicyviolation"
    assert details(None) == ("", "", "")


def test_messages_become_one_short_line() -> None:
    assert explain("a\n\n b\tc") == "a b c"
    assert len(explain("x" * 10_000)) == 300
