"""Classifies error responses by status, code and message text, because services differ."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.remote.delays import body_delay
from harness.remote.errors import RemoteError

Fault = Callable[[str], "RemoteError | None"]
"""What a message says about a fault that a kind of service has; None for any other."""

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
_MODEL_TEXT = re.compile(r"\bmodel\b|deployment", re.I)
_RETRYABLE_STATUS = frozenset({408, 409, 425, 429})
_NO_ENDPOINT_STATUS = frozenset({404, 405, 406, 410, 415, 421, 426, 501, 505})
_GATEWAY_STATUS = frozenset({502, 503, 504, *range(520, 531)})
"""What a gateway answers that does not reach the server behind it."""
_LOADING_TEXT = re.compile(
    r"\bloading|\b(is|still) (starting|booting|warming)|starting up|warming up|not (yet )?(ready|loaded)|initiali[sz]ing",
    re.I,
)
_MAX_LENGTH = 300
_EXCERPT = 160


def classify_response(
    status: int, body: object, wait: float | None = None, fault: Fault | None = None
) -> RemoteError:
    """Classify an error response. `body`: its JSON or text; `wait`: its Retry-After in seconds.

    `fault` recognizes by its message what only some kind of service says, before the status is looked at; it is not asked
    about keys, credit, refusals and responses that say to come again.
    """
    message, code, _ = error_details(body)
    wait = body_delay(body, message) if wait is None else wait
    summary = f"{status}: {message or 'no reason given'}"
    if status == 401 or (status in (400, 403) and _BAD_KEY_TEXT.search(message)):
        return RemoteError("key_refused", summary, fatal="key")
    if status == 402 or code in _NO_QUOTA_CODES or (status in (400, 403) and _NO_QUOTA_TEXT.search(message)):
        return RemoteError("no_quota", summary, fatal="Add credit or raise the account limit, then resume.")
    if code in _FILTER_CODES:
        return RemoteError("refused", summary, refusal=True)
    suspended = status == 403 and _SUSPENDED_TEXT.search(message)
    if status in (400, 403, 422) and mentions_filter(message) and not suspended:
        return RemoteError("refused", summary, refusal=True)
    found = fault(message) if fault is not None and status not in _RETRYABLE_STATUS else None
    if found is not None:
        return replace(found, message=summary)
    if status in _RETRYABLE_STATUS or (status >= 500 and status not in _NO_ENDPOINT_STATUS):
        return RemoteError(
            _kind(status),
            summary,
            retryable=True,
            retry_after=wait,
            throttle_all=status == 429 or wait is not None,
            wait_for=math.inf if status == 503 and _LOADING_TEXT.search(message) else 0.0,
            outage=status in _GATEWAY_STATUS,
        )
    if status == 403:
        return RemoteError(
            "forbidden", summary, fatal="Check that this account may use this model from your country."
        )
    if status in (404, 410) and not is_html(message) and _MODEL_TEXT.search(f"{message} {code}"):
        return RemoteError("not_found", summary, fatal="model")
    if status in _NO_ENDPOINT_STATUS:
        return RemoteError("not_found", summary, fatal="path")
    if status == 407:
        return RemoteError("proxy_refused", summary, fatal="The proxy wants a user and a password.")
    return RemoteError("too_large" if status == 413 else "rejected", summary)


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


def one_line(message: str, limit: int = _MAX_LENGTH) -> str:
    """A server's message as one line of bounded length. Hide keys first: a truncated key is still a secret."""
    line = " ".join(message.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _kind(status: int) -> str:
    return "rate_limited" if status == 429 else "server_error" if status >= 500 else "server_busy"
