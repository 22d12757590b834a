"""Parses chat completions into replies: text, refusal, tokens, cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import JudgeReply, JudgeRequest, Question
from harness.mllm import answer_words
from harness.remote import RemoteError, excerpt
from memobench_openai.error_responses import classify_error_body
from memobench_openai.json_values import count
from memobench_openai.options import JudgeOptions

FILTER_REASONS = frozenset(
    {
        "content_filter",
        "safety",
        "refusal",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
        "guardrail_intervened",
    }
)
"""Finish reasons of several providers that mean a content filter intervened, in lower case."""

FAILED_REASONS = frozenset(
    {"error", "failed", "cancelled", "canceled", "abort", "aborted", "insufficient_system_resource"}
)
"""Finish reasons of several servers and gateways that mean that generating the reply failed, in lower case."""


_THOUGHTS = ("reasoning_content", "reasoning")
"""Where servers put what the model thought: DeepSeek, SGLang and llama.cpp; vLLM, Ollama and gateways."""


@dataclass(frozen=True)
class Completion:
    """The first choice of a chat completion."""

    text: str | None
    finish: str | None
    refusal: str | None
    logprobs: list[Mapping[str, Any]]
    """One entry per token of the text: `token`, `logprob`, `top_logprobs`; empty if the server sent none."""
    thought: str = ""
    """What the model thought before, if the server says it."""


def parse_completion(body: Mapping[str, Any]) -> Completion:
    """Parse a completion. Raises a retryable `RemoteError` for JSON that is not one, and for one that the server did not finish."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise RemoteError(
            "bad_reply",
            f"the reply contains no message: {excerpt(json.dumps(body, ensure_ascii=False))}",
            retryable=True,
            fatal="Does base_url name a chat API of OpenAI's kind, and is this a chat model?",
            unless_answered=True,
        )
    text, refused = _text(message.get("content"))
    finish = choice.get("finish_reason")
    if str(finish).lower() in FAILED_REASONS or choice.get("error"):
        raise _unfinished(choice.get("error"), finish)
    reasons = {
        str(r).lower() for r in (finish, choice.get("native_finish_reason"), choice.get("stop_reason")) if r
    }
    refusal = message.get("refusal") or refused or None
    if not refusal and reasons & FILTER_REASONS:
        refusal = text or f"stopped by the provider's content filter ({finish})"
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return Completion(
        text,
        None if finish is None else str(finish),
        None if refusal is None else str(refusal),
        [c for c in content if isinstance(c, Mapping)] if isinstance(content, list) else [],
        next((t for name in _THOUGHTS if isinstance(t := message.get(name), str) and t), ""),
    )


def _unfinished(cause: object, finish: object) -> RemoteError:
    """The error of a reply that failed in the middle. Gateways name the cause beside it."""
    found = classify_error_body(cause) if cause else None
    if found is not None and (found.refusal or found.fatal):
        return found
    return RemoteError(
        "server_error",
        f"the server ended the reply with the finish reason {finish!r}"
        + (f": {found.message}" if found else ""),
        retryable=True,
        retry_after=found.retry_after if found else None,
    )


def _text(content: object) -> tuple[str, str]:
    """Text and refusal in a message's content, which is a string or a list of parts."""
    if isinstance(content, list):
        parts = [p for p in content if isinstance(p, Mapping)]
        return "".join(str(p.get("text") or "") for p in parts), "".join(
            str(p.get("refusal") or "") for p in parts
        )
    return ("" if content is None else str(content)), ""


def option_from_text(text: str, question: Question) -> str:
    """The option that a constrained answer names; the text itself if it names none (truncated, or not constrained)."""
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
    """Tokens of all completions behind one answer, by kind. Kinds that the server does not report are omitted."""
    total: dict[str, float] = {}
    for body in bodies:
        for name, path in _COUNTS.items():
            value: object = body
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if (number := count(value)) is not None:
                total[name] = total.get(name, 0) + number
    return total


_COUNTS = {
    "prompt_tokens": ("usage", "prompt_tokens"),
    "completion_tokens": ("usage", "completion_tokens"),
    "reasoning_tokens": ("usage", "completion_tokens_details", "reasoning_tokens"),
    "cached_tokens": ("usage", "prompt_tokens_details", "cached_tokens"),
}


def add_cost(tokens: Mapping[str, float], options: JudgeOptions) -> dict[str, float]:
    """The usage of an answer, with its `cost` if prices are given. Cached tokens are included in the prompt tokens."""
    used = {name: value for name, value in tokens.items() if name != "cached_tokens"}
    if options.price_input is not None and options.price_output is not None and "prompt_tokens" in used:
        cached = tokens.get("cached_tokens", 0)
        price_cached = options.price_input if options.price_cached is None else options.price_cached
        cost = (
            max(used["prompt_tokens"] - cached, 0) * options.price_input
            + cached * price_cached
            + used.get("completion_tokens", 0) * options.price_output
        )
        used["cost"] = cost / 1e6
    return used


def make_reply(
    request: JudgeRequest,
    completion: Completion,
    scores: Mapping[str, float] | None,
    usage: Mapping[str, float],
    timings: Mapping[str, float],
    served: Mapping[str, str],
) -> JudgeReply:
    text = completion.text
    if request.question.answer_mode in ("choice", "reasoned") and text is not None:
        text = option_from_text(text, request.question)
    if request.question.answer_mode == "reasoned" and usage.get("reasoning_tokens"):
        # Some servers say 0 although there is a thought.
        usage = {**usage, "thinking_tokens": usage["reasoning_tokens"]}
    return JudgeReply(
        request.id,
        text=text,
        thought=completion.thought.strip() or None,
        scores=scores,
        finish_reason=completion.finish,
        refusal=completion.refusal,
        usage=usage or None,
        timings=timings,
        served=served or None,
    )
