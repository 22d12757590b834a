"""Error responses as providers send them."""

from __future__ import annotations

import pytest
from memobench_openai.error_responses import classify_error_body, classify_status

from harness.remote import error_details, one_line

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
            "message": "You exceeded your current quota, please check your plan and billing error_details.",
        }
    }
]
QUOTA = {
    "message": "You exceeded your current quota, please check your plan and billing error_details.",
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
MAX_TOKENS = {
    "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "param": "max_tokens",
    "code": "unsupported_parameter",
}
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
def test_errors_that_affect_every_request_are_fatal(status: int, body: object, kind: str) -> None:
    error = classify_status(status, body, None)
    assert (error.kind, error.retryable, error.refusal) == (kind, False, False)
    assert error.fatal


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_transient_errors_are_retryable(status: int) -> None:
    error = classify_status(status, "<html>Bad gateway</html>", None)
    assert error.retryable
    assert not error.fatal
    assert error.throttle_all == (status == 429)


def test_a_rate_limit_per_minute_is_retried() -> None:
    error = classify_status(429, GEMINI_RATE, 3.5)
    assert (error.retryable, error.retry_after, error.throttle_all, error.fatal) == (True, 3.5, True, "")


def test_an_overload_with_retry_after_throttles_all_requests() -> None:
    assert classify_status(503, "", 2.0).throttle_all
    assert not classify_status(503, "", None).throttle_all


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
def test_content_filters_are_refusals_and_not_failures(status: int, body: object) -> None:
    error = classify_status(status, body, None)
    assert error.refusal
    assert not error.retryable
    assert not error.fatal


@pytest.mark.parametrize(
    "body", [{"message": "Image could not be decoded"}, {"message": "image too large"}, None, "no", [], 7]
)
def test_other_errors_affect_one_request(body: object) -> None:
    error = classify_status(400, body, None)
    assert (error.kind, error.retryable, error.fatal, error.refusal) == ("rejected", False, "", False)


@pytest.mark.parametrize(
    "message",
    [
        "You uploaded an unsupported image. Please make sure your image is valid.",
        "Unsupported image format. Only jpeg, png and webp are allowed.",
        "this image format is not supported",
        "Model does not support image format tiff",
        "The image data you provided does not represent a valid image. See detail.",
        "image_url: could not be decoded",
        "The image exceeds the maximum size of 20 MB",
        "Image must be at least 10 pixels wide",
        "This model's maximum context length is 4096 tokens, however you requested 5000; reduce max_tokens",
    ],
)
def test_errors_about_one_picture_do_not_stop_a_run(message: str) -> None:
    error = classify_status(400, {"message": message}, None)
    assert (error.kind, error.fatal) == ("rejected", "")


def test_the_hint_names_the_option() -> None:
    assert "-o omit=temperature" in classify_status(400, TEMPERATURE, None).fatal
    assert "-o max_tokens_field=max_completion_tokens" in classify_status(400, MAX_TOKENS, None).fatal
    refused = classify_status(400, {"message": "response_format is not supported"}, None)
    assert "-o structured=" in refused.fatal
    assert refused.unless_answered
    assert (
        "-o logprobs=off"
        in classify_status(400, {"message": "Unknown parameter", "param": "top_logprobs"}, None).fatal
    )


def test_hints_depend_on_the_component() -> None:
    wrong = {"message": "Invalid value: '8x8'.", "param": "size", "code": "invalid_value"}
    assert classify_status(400, wrong, None).kind == "rejected"
    refused = classify_status(400, wrong, None, {"size": "Choose another size."})
    assert (refused.kind, refused.field, refused.fatal) == (
        "parameter_refused",
        "size",
        "Choose another size.",
    )


def test_an_error_with_status_200_is_classified_by_code_and_message() -> None:
    assert classify_error_body({"code": 429, "message": "slow"}).kind == "rate_limited"
    assert classify_error_body("the worker died").kind == "server_error"
    assert classify_error_body({"message": "flagged by moderation"}).refusal


def test_unknown_models_and_paths_are_distinguished() -> None:
    assert classify_status(404, VLLM_MODEL, None).fatal == "model"
    assert classify_status(404, {"detail": "Not Found"}, None).fatal == "path"


def test_error_details_are_found_in_every_format() -> None:
    assert error_details(GEMINI_SEED)[0].startswith("Invalid JSON payload")
    assert error_details({"error": "model requires more memory"}) == ("model requires more memory", "", "")
    assert error_details(AZURE_FILTER)[1] == "responsibleaipolicyviolation"
    assert error_details(None) == ("", "", "")


def test_messages_become_one_short_line() -> None:
    assert one_line("a\n\n b\tc") == "a b c"
    assert len(one_line("x" * 10_000)) == 300
