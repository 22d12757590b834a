"""From a chat completion to a reply: text, refusal, tokens, cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import JudgeReply, JudgeRequest, Question
from harness.mllm import answer_words
from memobench_openai.faults import Fault
from memobench_openai.options import JudgeOptions

FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content", "spii",
                       "image_safety", "guardrail_intervened"})  # fmt: skip
"""Reasons to finish that mean that a filter stepped in, of several providers, in small letters."""


@dataclass(frozen=True)
class Said:
    """The first choice of a completion. Raises `Fault`, which is worth another try, where there is none."""

    text: str | None
    finish: str | None
    refusal: str | None
    logprobs: list[Mapping[str, Any]]
    """One entry for each token of the text: `token`, `logprob`, `top_logprobs`; empty where there are none."""


def read_completion(body: Mapping[str, Any]) -> Said:
    """The answer in a completion. Raises `Fault` for JSON that is no completion."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise Fault("bad_reply", "the reply holds no message", retryable=True)
    text, declined = _text(message.get("content"))
    finish = choice.get("finish_reason")
    reasons = {
        str(r).lower() for r in (finish, choice.get("native_finish_reason"), choice.get("stop_reason")) if r
    }
    refusal = message.get("refusal") or declined or None
    if not refusal and reasons & FILTERED:
        refusal = text or f"stopped by the provider's filter ({finish})"
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return Said(
        text,
        None if finish is None else str(finish),
        None if refusal is None else str(refusal),
        [c for c in content if isinstance(c, Mapping)] if isinstance(content, list) else [],
    )


def _text(content: object) -> tuple[str, str]:
    """Text and refusal in a message's content, which is a text or a list of parts."""
    if isinstance(content, list):
        parts = [p for p in content if isinstance(p, Mapping)]
        return "".join(str(p.get("text") or "") for p in parts), "".join(
            str(p.get("refusal") or "") for p in parts
        )
    return ("" if content is None else str(content)), ""


def chosen(text: str, question: Question) -> str:
    """The option that an enforced answer stands for; the text itself where it is none (cut off, or not enforced)."""
    options = dict(zip(answer_words(question), question.options, strict=True))
    bare = text.strip()
    try:
        answer = json.loads(bare)
    except ValueError:
        answer = bare
    if isinstance(answer, dict):
        answer = answer.get("answer")
    return options.get(answer, text) if isinstance(answer, str) else options.get(bare, text)


def count_tokens(bodies: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Tokens of all completions that one answer took, by kind; a kind that the server does not count is left out."""
    total: dict[str, float] = {}
    for body in bodies:
        for name, path in _COUNTS.items():
            value: object = body
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return total


_COUNTS = {
    "prompt_tokens": ("usage", "prompt_tokens"),
    "completion_tokens": ("usage", "completion_tokens"),
    "reasoning_tokens": ("usage", "completion_tokens_details", "reasoning_tokens"),
    "cached_tokens": ("usage", "prompt_tokens_details", "cached_tokens"),
}


def add_cost(tokens: Mapping[str, float], options: JudgeOptions) -> dict[str, float]:
    """What an answer used, with its `cost` where prices are known. Tokens from a cache are part of the prompt's."""
    used = {name: value for name, value in tokens.items() if name != "cached_tokens"}
    if options.price_input is not None and options.price_output is not None and "prompt_tokens" in used:
        cached = tokens.get("cached_tokens", 0)
        price_cached = options.price_input if options.price_cached is None else options.price_cached
        cost = (
            (used["prompt_tokens"] - cached) * options.price_input
            + cached * price_cached
            + used.get("completion_tokens", 0) * options.price_output
        )
        used["cost"] = cost / 1e6
    return used


def origin(body: Mapping[str, Any]) -> dict[str, str]:
    """Which model answered by its own account, and in which configuration: closed endpoints change silently."""
    named = {"model": body.get("model"), "system_fingerprint": body.get("system_fingerprint")}
    return {k: str(v) for k, v in named.items() if v}


def make_reply(
    request: JudgeRequest,
    said: Said,
    scores: Mapping[str, float] | None,
    usage: Mapping[str, float],
    timings: Mapping[str, float],
    extra: Mapping[str, Any],
) -> JudgeReply:
    """The reply to a request."""
    text = said.text
    if request.question.read == "choice" and text is not None:
        text = chosen(text, request.question)
    return JudgeReply(
        request.id,
        text=text,
        scores=scores,
        finish_reason=said.finish,
        refusal=said.refusal,
        usage=usage or None,
        timings=timings,
        extra=extra,
    )
