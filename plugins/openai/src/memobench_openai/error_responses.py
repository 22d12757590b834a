"""Classifies what only endpoints of this kind say in error responses: faults of theirs, and fields that they reject."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from harness.remote import (
    RemoteError,
    classify_response,
    error_details,
    mentions_filter,
)
from memobench_openai.known_faults import known_fault
from memobench_openai.proxies import DIRECT

_PARAMETER_CODES = frozenset(
    {"unsupported_parameter", "unsupported_value", "unknown_parameter", "invalid_value"}
)
_PARAMETER_TEXT = re.compile(
    r"unknown|unsupported|unavailable|unrecognized|unexpected|extra|not (supported|permitted|allowed)|does(n't| not) support|cannot find field"
    r"|\b(only|must|should|invalid|allowed|range|between|exceeds?|maximum|minimum)\b|(less|greater|smaller|larger) than"
    r"|at (most|least)|too (large|high|small|low|big)|deprecated",
    re.IGNORECASE,
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
_MODEL_TEXT = re.compile(r"\bmodel\b|deployment", re.IGNORECASE)
_MISSING_TEXT = re.compile(r"not found|(does|do) not exist|doesn't exist|no such", re.IGNORECASE)
_TOO_LONG_TEXT = re.compile(r"context[ _](length|window|size)", re.IGNORECASE)
"""How much a request takes depends on its pictures, so that another may fit."""


def classify_status(
    status: int, body: object, wait: float | None, hints: Mapping[str, str] | None = None
) -> RemoteError:
    """Classify an error response. `body`: its JSON or text; `wait`: its Retry-After in seconds.

    `hints`: request field -> what to do if the server rejects it; defaults to `JUDGE_HINTS`.
    """
    hints = JUDGE_HINTS if hints is None else hints
    found = classify_response(status, body, wait, lambda said: known_fault(said, chat=hints is JUDGE_HINTS))
    if found.kind == "proxy_refused":
        return replace(found, fatal=f"{found.fatal} {DIRECT}")
    message, code, param = error_details(body)
    if found.kind != "rejected" or status not in (400, 422) or _TOO_LONG_TEXT.search(message):
        return found
    field = _field(message, param, hints)
    if not field or not (code in _PARAMETER_CODES or _PARAMETER_TEXT.search(message)):
        return found
    hint = hints[field]
    if field in _LIMITS and (limit := _LIMIT.search(message)):
        hint = f"Ask for less: -o {_LIMITS[field]}={limit[1]}."
    return RemoteError("parameter_refused", found.message, fatal=hint, field=field, unless_answered=True)


def classify_error_body(error: object, hints: Mapping[str, str] | None = None) -> RemoteError:
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
    re.IGNORECASE,
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
