"""Classifies error responses by status, code and message text, because providers differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memobench_openai.errors import ApiError

_FILTER_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "moderation_blocked",
        "responsibleaipolicyviolation",
        "contentfilter",
        "image_safety",
    }
)
_FILTER_TEXT = re.compile(
    r"content[ _-]?(policy|filter|management)|moderation|safety (system|filter|polic)|flagged|responsible ?ai|nsfw|violat\w+ .{0,30}polic",
    re.I,
)
_SUSPENDED_TEXT = re.compile(
    r"\b(resource|account|organi[sz]ation|project) .{0,40}(blocked|suspended|disabled|deactivated)", re.I
)
_BAD_KEY_TEXT = re.compile(
    r"api[ _-]?key.{0,40}(not valid|invalid|incorrect|expired|missing)|(invalid|incorrect|expired|missing).{0,20}api[ _-]?key|API_KEY_INVALID",
    re.I,
)
_NO_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"})
_NO_QUOTA_TEXT = re.compile(
    r"exceeded your current quota|insufficient (balance|credit|funds|quota)|credit balance is too low|billing",
    re.I,
)
_PARAMETER_CODES = frozenset(
    {"unsupported_parameter", "unsupported_value", "unknown_parameter", "invalid_value"}
)
_PARAMETER_TEXT = re.compile(
    r"(unknown|unsupported|unrecognized|unexpected|extra|not (supported|permitted|allowed)|does not support|cannot find field|extra_forbidden)",
    re.I,
)
_FIELDS = (
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "structured_outputs",
    "reasoning_effort",
    "logprobs",
    "top_logprobs",
    "detail",
    "logprob_token_ids",
    "allowed_token_ids",
)
_MODEL_TEXT = re.compile(r"\bmodel\b|deployment", re.I)
_RETRYABLE_STATUS = frozenset({408, 409, 425, 429})
_MAX_LENGTH = 300


def classify_status(
    status: int, body: object, wait: float | None, hints: Mapping[str, str] | None = None
) -> ApiError:
    """Classify an error response. `body`: its JSON or text; `wait`: its Retry-After in seconds.

    `hints`: request field -> what to do if the server rejects it; defaults to `JUDGE_HINTS`.
    """
    hints = JUDGE_HINTS if hints is None else hints
    message, code, param = error_details(body)
    summary = f"{status}: {message or 'no reason given'}"
    if status == 401 or (status in (400, 403) and _BAD_KEY_TEXT.search(message)):
        return ApiError("key_refused", summary, fatal="key")
    if status == 402 or code in _NO_QUOTA_CODES or (status in (400, 403) and _NO_QUOTA_TEXT.search(message)):
        return ApiError("no_quota", summary, fatal="Add credit or raise the account limit, then resume.")
    if code in _FILTER_CODES:
        return ApiError("refused", summary, refusal=True)
    if status in _RETRYABLE_STATUS or (status >= 500 and status != 501):
        return ApiError(
            _kind(status),
            summary,
            retryable=True,
            retry_after=wait,
            throttle_all=status == 429 or wait is not None,
        )
    suspended = status == 403 and _SUSPENDED_TEXT.search(message)
    if status in (400, 403, 422) and mentions_filter(message) and not suspended:
        return ApiError("refused", summary, refusal=True)
    if status == 403:
        return ApiError(
            "forbidden", summary, fatal="Check that this account may use this model from your country."
        )
    if status == 404:
        return ApiError(
            "not_found", summary, fatal="model" if _MODEL_TEXT.search(f"{message} {code}") else "path"
        )
    field = _field(message, param, hints) if status in (400, 422) else ""
    if field and (code in _PARAMETER_CODES or _PARAMETER_TEXT.search(message)):
        return ApiError("parameter_refused", summary, fatal=hints[field], field=field, unless_answered=True)
    return ApiError("rejected", summary)


def classify_error_body(error: object, hints: Mapping[str, str] | None = None) -> ApiError:
    """Classify an error that a gateway reports with status 200."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    if status == 502 and mentions_filter(error_details(error)[0]):
        status = 400
    return classify_status(status, error, None, hints)


def mentions_filter(message: str) -> bool:
    """Whether a message says that a content filter intervened."""
    return bool(_FILTER_TEXT.search(message))


def error_details(body: object) -> tuple[str, str, str]:
    """Message, code and parameter of an error response: OpenAI's form, Gemini's list around it, FastAPI's detail."""
    while isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return str(body or ""), "", ""
    inner = body.get("error", body)
    if not isinstance(inner, dict):
        return str(inner or ""), "", ""
    message = inner.get("message") or inner.get("detail") or inner.get("status") or ""
    innermost = inner.get("innererror")
    code = (
        (innermost.get("code") if isinstance(innermost, dict) else None)
        or inner.get("code")
        or inner.get("type")
        or ""
    )
    return _text(message), _text(code).lower(), _text(inner.get("param") or "")


def one_line(message: str) -> str:
    """A server's message as one line of bounded length. Hide keys first: a truncated key is still a secret."""
    line = " ".join(message.split())
    return line if len(line) <= _MAX_LENGTH else line[: _MAX_LENGTH - 3] + "..."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _kind(status: int) -> str:
    return "rate_limited" if status == 429 else "server_error" if status >= 500 else "server_busy"


def _field(message: str, param: str, fields: Mapping[str, str]) -> str:
    """The field of our request that the server rejects, or an empty string."""
    top = param.split(".")[0].split("[")[0]
    if top in fields:
        return top
    found = [f for f in fields if re.search(rf"\b{re.escape(f)}\b", message)]
    return found[0] if found else ""


def _hint_for(field: str) -> str:
    """The hint for a field that the server rejects."""
    if field in ("max_tokens", "max_completion_tokens"):
        other = "max_completion_tokens" if field == "max_tokens" else "max_tokens"
        return f"Use the other field: -o max_tokens_field={other}."
    if field in ("response_format", "structured_outputs"):
        return "Choose a different method: -o structured=json_schema, guided_choice or prompt."
    if "logprob" in field or field == "allowed_token_ids":
        return "Disable log-probabilities: -o logprobs=off."
    if field in ("reasoning_effort", "detail"):
        return f"Omit the option {field}, or give a different value."
    return f"Omit it: -o omit={field}. The provider's default then applies."


JUDGE_HINTS: Mapping[str, str] = {field: _hint_for(field) for field in _FIELDS}
