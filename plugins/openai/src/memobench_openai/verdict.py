"""What an error reply of a server means. Providers differ: status, codes and wording are all looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memobench_openai.faults import Fault

_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked", "responsibleaipolicyviolation",
                           "contentfilter", "image_safety"})  # fmt: skip
_FILTER = re.compile(
    r"content[ _-]?(policy|filter|management)|moderation|safety (system|filter|polic)|flagged|responsible ?ai|nsfw|violat\w+ .{0,30}polic",
    re.I,
)
_SUSPENDED = re.compile(
    r"\b(resource|account|organi[sz]ation|project) .{0,40}(blocked|suspended|disabled|deactivated)", re.I
)
_BAD_KEY = re.compile(
    r"api[ _-]?key.{0,40}(not valid|invalid|incorrect|expired|missing)|(invalid|incorrect|expired|missing).{0,20}api[ _-]?key|API_KEY_INVALID",
    re.I,
)
_NO_MONEY_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"})
_NO_MONEY = re.compile(
    r"exceeded your current quota|insufficient (balance|credit|funds|quota)|credit balance is too low|billing",
    re.I,
)
_PARAMETER_CODES = frozenset(
    {"unsupported_parameter", "unsupported_value", "unknown_parameter", "invalid_value"}
)
_PARAMETER = re.compile(
    r"(unknown|unsupported|unrecognized|unexpected|extra|not (supported|permitted|allowed)|does not support|cannot find field|extra_forbidden)",
    re.I,
)
_FIELDS = ("temperature", "top_p", "seed", "max_tokens", "max_completion_tokens", "response_format", "structured_outputs",
           "reasoning_effort", "logprobs", "top_logprobs", "detail", "logprob_token_ids", "allowed_token_ids")  # fmt: skip
_MODEL = re.compile(r"\bmodel\b|deployment", re.I)
_PASSING = frozenset({408, 409, 425, 429})
_LONGEST = 300


def judge_status(
    status: int, body: object, wait: float | None, advice: Mapping[str, str] | None = None
) -> Fault:
    """The fault that an error reply stands for. `body` is its JSON, or its text; `wait` its Retry-After.

    `advice`: field of the request -> what to do where the server refuses it; that of the judge where none is given.
    """
    advice = JUDGE_ADVICE if advice is None else advice
    message, code, param = details(body)
    said = f"{status}: {message or 'no reason given'}"
    if status == 401 or (status in (400, 403) and _BAD_KEY.search(message)):
        return Fault("key_refused", said, ends="key")
    if status == 402 or code in _NO_MONEY_CODES or (status in (400, 403) and _NO_MONEY.search(message)):
        return Fault("no_quota", said, ends="Add credit or raise the limit of the account, then resume.")
    if code in _FILTER_CODES:
        return Fault("refused", said, refusal=True)
    if status in _PASSING or (status >= 500 and status != 501):
        return Fault(_kind(status), said, retryable=True, wait=wait, shared=status == 429 or wait is not None)
    suspended = status == 403 and _SUSPENDED.search(message)
    if status in (400, 403, 422) and filtered(message) and not suspended:
        return Fault("refused", said, refusal=True)
    if status == 403:
        return Fault("forbidden", said, ends="Check that this account may use this model, from this country.")
    if status == 404:
        return Fault("not_found", said, ends="model" if _MODEL.search(f"{message} {code}") else "path")
    field = _field(message, param, advice) if status in (400, 422) else ""
    if field and (code in _PARAMETER_CODES or _PARAMETER.search(message)):
        return Fault("parameter_refused", said, ends=advice[field], field=field, unless_answered=True)
    return Fault("rejected", said)


def judge_hidden(error: object, advice: Mapping[str, str] | None = None) -> Fault:
    """The fault that an error stands for which a gateway reports with status 200."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    if status == 502 and filtered(details(error)[0]):
        status = 400
    return judge_status(status, error, None, advice)


def filtered(message: str) -> bool:
    """Whether a message tells that a filter stepped in."""
    return bool(_FILTER.search(message))


def details(body: object) -> tuple[str, str, str]:
    """Message, code and parameter of an error reply: OpenAI's form, Gemini's list around it, FastAPI's detail."""
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


def explain(message: str) -> str:
    """A server's message as one line of bounded length. Keys must be hidden before: half a key is a key, too."""
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _kind(status: int) -> str:
    return "rate_limited" if status == 429 else "server_error" if status >= 500 else "server_busy"


def _field(message: str, param: str, fields: Mapping[str, str]) -> str:
    """Which field of our request a server complains about, or an empty string."""
    top = param.split(".")[0].split("[")[0]
    if top in fields:
        return top
    found = [f for f in fields if re.search(rf"\b{re.escape(f)}\b", message)]
    return found[0] if found else ""


def _without(field: str) -> str:
    """How to ask without a field that a server refuses."""
    if field in ("max_tokens", "max_completion_tokens"):
        other = "max_completion_tokens" if field == "max_tokens" else "max_tokens"
        return f"Send the other field: -o max_tokens_field={other}."
    if field in ("response_format", "structured_outputs"):
        return "Choose another way: -o structured=json_schema, guided_choice or prompt."
    if "logprob" in field or field == "allowed_token_ids":
        return "Leave log-probabilities out: -o logprobs=off."
    if field in ("reasoning_effort", "detail"):
        return f"Leave the option {field} away, or give another value."
    return f"Leave it out: -o omit={field}. Answers are then given by the provider's default."


JUDGE_ADVICE: Mapping[str, str] = {field: _without(field) for field in _FIELDS}
