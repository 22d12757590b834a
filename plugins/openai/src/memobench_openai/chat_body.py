"""Builds chat completion request bodies."""

from __future__ import annotations

from typing import Any

from harness import JudgeRequest, Message
from harness.mllm import answer_words
from memobench_openai.options import JudgeOptions
from memobench_openai.pictures import DataUrls
from memobench_openai.servers import Server
from memobench_openai.thinking import template_fields

Json = dict[str, Any]

_JSON_OVERHEAD = 16
"""Tokens for the JSON around an answer, on top of the task's limit for the answer."""


class ChatBodyBuilder:
    """Builds request bodies for one model. Messages keep their order, so that equal prefixes are equal bytes."""

    def __init__(self, options: JudgeOptions, server: Server) -> None:
        self._options, self._server = options, server
        self._urls = DataUrls()

    @property
    def template_fields(self) -> Json:
        """The fields about the chat template."""
        extra = self._options.extra_body.items()
        own = {name: value for name, value in extra if name.startswith("chat_template")}
        return own | template_fields(self._options, self._server)

    def messages(self, request: JudgeRequest) -> list[Json]:
        """The conversation, with pictures as data URLs. Raises `ValueError` for a picture without data."""
        role = self._options.system_role
        messages = [
            {"role": role if m.role == "system" else m.role, "content": self._content(m, request)}
            for m in request.messages
        ]
        return _merged(messages) if role == "user" else messages

    def _content(self, message: Message, request: JudgeRequest) -> str | list[Json]:
        if len(message.parts) == 1 and message.parts[0].image is None:
            return message.parts[0].text  # Some servers accept only a plain string for system messages.
        return [
            {"type": "text", "text": part.text}
            if part.image is None
            else {"type": "image_url", "image_url": self._picture(request, part.image)}
            for part in message.parts
        ]

    def _picture(self, request: JudgeRequest, number: int) -> Json:
        url = {"url": self._urls.encode(request.images[number])}
        return url if self._options.detail is None else url | {"detail": self._options.detail}

    def build(self, request: JudgeRequest) -> Json:
        """The complete body for the answer mode of the question."""
        sampling, allowed = request.sampling, self._options.max_tokens or request.sampling.max_tokens
        fields: Json = {
            "model": self._options.ref,
            "messages": self.messages(request),
            "temperature": sampling.temperature,
        }
        if sampling.top_p != 1.0:
            fields["top_p"] = sampling.top_p
        if self._server.seed and sampling.temperature > 0.0:
            fields["seed"] = sampling.seed  # At temperature 0 it has no effect, and some servers reject it.
        mode, options = request.question.answer_mode, self._options
        if (mode == "reasoned" or (mode == "text" and options.thinking == "on")) and not options.max_tokens:
            allowed += self._options.thinking_tokens
        if mode == "reasoned" and self._server.exact:
            fields["skip_special_tokens"] = False  # The server's parser needs the mark that closes a thought.
        if mode in ("choice", "reasoned") and self._server.structured != "prompt":
            fields |= _choice_constraint(answer_words(request.question), self._server.structured)
            allowed += _JSON_OVERHEAD if self._server.structured == "json_schema" else 0
        if request.question.answer_mode == "logprobs":
            fields |= {"logprobs": True, "top_logprobs": self._options.top_logprobs}
        fields[self._server.max_tokens_field] = allowed
        return self.apply_user_fields(fields)

    def apply_user_fields(self, fields: Json) -> Json:
        """`fields` plus those the user adds to every request, minus those the user omits."""
        if self._options.stream:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}
        if self._options.reasoning_effort is not None:
            fields["reasoning_effort"] = self._options.reasoning_effort
        fields |= self._options.extra_body | self.template_fields
        return {k: v for k, v in fields.items() if k not in self._options.omit}


def _merged(messages: list[Json]) -> list[Json]:
    """The messages with those of the user that follow each other joined: such models want the roles to alternate."""
    merged: list[Json] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"] == "user":
            parts = [*_parts(merged[-1]["content"]), *_parts(message["content"])]
            merged[-1] = {"role": "user", "content": parts}
        else:
            merged.append(message)
    return merged


def _parts(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": f"{content}\n\n"}] if isinstance(content, str) else content


def _choice_constraint(words: tuple[str, ...], how: str) -> Json:
    """The fields that restrict the reply to one of `words`.

    Sorted: providers put the schema before the conversation, so a varying order would defeat prompt caching.
    """
    words = tuple(sorted(words))
    if how == "guided_choice":
        # With and without a leading space: which one is natural depends on the chat template.
        return {"structured_outputs": {"choice": [*words, *(f" {word}" for word in words)]}}
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(words)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }
    }
