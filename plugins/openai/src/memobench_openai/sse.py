"""Assembles a streamed chat completion into the completion that would have been sent at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memobench_openai.json_values import parse

Json = dict[str, Any]
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def is_stream(text: str) -> bool:
    """Whether a body consists of server-sent events."""
    return text.lstrip("\ufeff\r\n ").startswith(("data:", "event:", ": ", ":\n", "id:"))


def assemble(text: str) -> Json | None:
    """The completion in a stream of server-sent events; the error in it, if there is one; None for anything else."""
    body: Json = {}
    message: Json = {"role": "assistant", "content": None}
    choice: Json = {"index": 0, "message": message, "finish_reason": None}
    tokens: list[Any] = []
    for chunk in _chunks(text):
        if chunk.get("error") or chunk.get("object") == "error":
            return chunk
        body |= {k: v for k, v in chunk.items() if k != "choices" and v is not None}
        for part in chunk.get("choices") or ():
            if not isinstance(part, Mapping) or part.get("index", 0) != 0:
                continue
            _extend(message, part.get("delta") or part.get("message"))
            logprobs = part.get("logprobs")
            tokens += (logprobs.get("content") or ()) if isinstance(logprobs, Mapping) else ()
            extra = {k: v for k, v in part.items() if k not in ("delta", "message", "logprobs", "index")}
            choice |= {k: v for k, v in extra.items() if v is not None}
    if not body and message["content"] is None:
        return None
    if tokens:
        choice["logprobs"] = {"content": tokens}
    return body | {"object": "chat.completion", "choices": [choice]}


def _chunks(text: str) -> Iterator[Json]:
    for line in text.splitlines():
        if not line.startswith("data:"):
            continue
        try:
            chunk = parse(line[5:])
        except (ValueError, RecursionError):  # [DONE], or a line that was cut off
            continue
        if isinstance(chunk, dict):
            yield chunk


def _extend(message: Json, delta: object) -> None:
    if not isinstance(delta, Mapping):
        return
    for name in _TEXTS:
        if isinstance(delta.get(name), str):
            message[name] = (message.get(name) or "") + delta[name]
