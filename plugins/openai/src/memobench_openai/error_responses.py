"""Classifies error responses by status, code and message text, because providers differ."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memobench_openai.errors import ApiError
from memobench_openai.known_faults import known_fault
from memobench_openai.proxies import DIRECT
from memobench_openai.retry import body_delay

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
    r"unknown|unsupported|unavailable|unrecognized|unexpected|extra|not (supported|permitted|allowed)|does(n't| not) support|cannot find field"
    r"|\b(only|must|should|invalid|allowed|range|between|exceeds?|maximum|minimum)\b|(less|greater|smaller|larger) than"
    r"|at (most|least)|too (large|high|small|low|big)|deprecated",
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
    "stream_options",
    "logprob_token_ids",
    "allowed_token_ids",
)
_MODEL_TEXT = re.compile(r"\bmodel\b|deployment", re.I)
_MISSING_TEXT = re.compile(r"not found|(does|do) not exist|doesn't exist|no such", re.I)
_RETRYABLE_STATUS = frozenset({408, 409, 425, 429})
_NO_ENDPOINT_STATUS = frozenset({404, 405, 406, 410, 415, 421, 426, 501, 505})
_GATEWAY_STATUS = frozenset({502, 503, 504, *range(520, 531)})
"""What a gateway answers that does not reach the server behind it."""
_LOADING_TEXT = re.compile(
    r"\bloading|\b(is|still) (starting|booting|warming)|starting up|warming up|not (yet )?(ready|loaded)|initiali[sz]ing",
    re.I,
)
_TOO_LONG_TEXT = re.compile(r"context[ _](length|window|size)", re.I)
"""How much a request takes depends on its pictures, so that another may fit."""
_MAX_LENGTH = 300
_EXCERPT = 160


def classify_status(
    status: int, body: object, wait: float | None, hints: Mapping[str, str] | None = None
) -> ApiError:
    """Classify an error response. `body`: its JSON or text; `wait`: its Retry-After in seconds.

    `hints`: request field -> what to do if the server rejects it; defaults to `JUDGE_HINTS`.
    """
    hints = JUDGE_HINTS if hints is None else hints
    chat = hints is JUDGE_HINTS
    message, code, param = error_details(body)
    wait = body_delay(body, message) if wait is None else wait
    summary = f"{status}: {message or 'no reason given'}"
    if status == 401 or (status in (400, 403) and _BAD_KEY_TEXT.search(message)):
        return ApiError("key_refused", summary, fatal="key")
    if status == 402 or code in _NO_QUOTA_CODES or (status in (400, 403) and _NO_QUOTA_TEXT.search(message)):
        return ApiError("no_quota", summary, fatal="Add credit or raise the account limit, then resume.")
    if code in _FILTER_CODES:
        return ApiError("refused", summary, refusal=True)
    suspended = status == 403 and _SUSPENDED_TEXT.search(message)
    if status in (400, 403, 422) and mentions_filter(message) and not suspended:
        return ApiError("refused", summary, refusal=True)
    fault = known_fault(message, chat=chat) if status not in _RETRYABLE_STATUS else None
    if fault is not None:
        return ApiError(fault.kind, summary, fatal=fault.hint, unless_answered=True)
    if status in _RETRYABLE_STATUS or (status >= 500 and status not in _NO_ENDPOINT_STATUS):
        return ApiError(
            _kind(status),
            summary,
            retryable=True,
            retry_after=wait,
            throttle_all=status == 429 or wait is not None,
            wait_for=math.inf if status == 503 and _LOADING_TEXT.search(message) else 0.0,
            outage=status in _GATEWAY_STATUS,
        )
    if status == 403:
        return ApiError(
            "forbidden", summary, fatal="Check that this account may use this model from your country."
        )
    if status in (404, 410) and not is_html(message) and _MODEL_TEXT.search(f"{message} {code}"):
        return ApiError("not_found", summary, fatal="model")
    if status in _NO_ENDPOINT_STATUS:
        return ApiError("not_found", summary, fatal="path")
    if status == 407:
        return ApiError("proxy_refused", summary, fatal=f"The proxy wants a user and a password. {DIRECT}")
    concerns_options = status in (400, 422) and not _TOO_LONG_TEXT.search(message)
    field = _field(message, param, hints) if concerns_options else ""
    if field and (code in _PARAMETER_CODES or _PARAMETER_TEXT.search(message)):
        hint = hints[field]
        if field in _LIMITS and (limit := _LIMIT.search(message)):
            hint = f"Ask for less: -o {_LIMITS[field]}={limit[1]}."
        return ApiError("parameter_refused", summary, fatal=hint, field=field, unless_answered=True)
    return ApiError("too_large" if status == 413 else "rejected", summary)


def classify_error_body(error: object, hints: Mapping[str, str] | None = None) -> ApiError:
    """Classify an error that a gateway reports with status 200."""
    message, code, _ = error_details(error)
    status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else 0
    if not status:
        refused = mentions_filter(message) or _field(message, "", JUDGE_HINTS if hints is None else hints)
        missing = _MODEL_TEXT.search(message) and _MISSING_TEXT.search(message)
        status = 404 if missing else 400 if refused or "invalid" in code else 502
    found = classify_status(status, error, None, hints)
    if not code.isdecimal() and found.kind == "server_error":
        found = replace(found, fatal="See the server's log for the cause.", unless_answered=True)
    return replace(found, outage=False)  # The server itself answered.


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


def is_html(text: str) -> bool:
    """Whether a body is a web page rather than an answer of an API."""
    return (
        text.lstrip("\ufeff\r\n\t ")[:200]
        .lower()
        .startswith(("<!doctype", "<html", "<?xml", "<head", "<body", "<!--"))
    )


def excerpt(text: str) -> str:
    """The beginning of an answer, as one line."""
    line = " ".join(text[: 4 * _EXCERPT].split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 3] + "..."


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
    for name in sorted(fields, key=len, reverse=True):
        # Words of everyday language are fields only in quotes.
        edge = "['\"`]" if name in ("detail", "seed", "size", "quality") else r"\b"
        if re.search(f"{edge}{re.escape(name)}{edge}", message):
            return name
    return ""


_LIMITS = {"top_logprobs": "top_logprobs", "logprobs": "top_logprobs"}
"""Field -> option that takes a smaller number."""
_LIMIT = re.compile(
    r"(?:less than or equal to|at most|maximum (?:value )?(?:of|is)|max(?:imum)? allowed(?: is)?:?|up to|<=|≤|between \d+ and|"
    r"\[\d+, ?|range of \d+ to|exceed) ?(\d+)",
    re.I,
)


def _hint_for(field: str) -> str:
    """The hint for a field that the server rejects."""
    if field in ("top_logprobs", "logprobs"):
        return "Ask for fewer (-o top_logprobs=5), or disable log-probabilities: -o logprobs=off."
    if field in ("max_tokens", "max_completion_tokens"):
        other = "max_completion_tokens" if field == "max_tokens" else "max_tokens"
        return f"Use the other field (-o max_tokens_field={other}), or change the number: -o max_tokens=N."
    if field in ("response_format", "structured_outputs"):
        return "Choose a different method: -o structured=json_schema, guided_choice or prompt."
    if "logprob" in field or field == "allowed_token_ids":
        return "Disable log-probabilities: -o logprobs=off."
    if field in ("reasoning_effort", "detail"):
        return f"Omit the option {field}, or give a different value."
    return f"Omit it: -o omit={field}. The provider's default then applies."


JUDGE_HINTS: Mapping[str, str] = {field: _hint_for(field) for field in _FIELDS}
